use alloy::eips::BlockId;
use alloy::network::{ReceiptResponse, any::AnyTransactionReceipt};
use alloy::primitives::B256;
use alloy::providers::Provider;

use super::gateway::delivered_event;
use super::judgement::{Look, judge};
use super::ledger::EvmLedger;
use crate::{Attempt, Following, Inclusion, InclusionStatus, LedgerError, Position};

impl EvmLedger {
    /// Looks once at what became of a transaction.
    ///
    /// # Errors
    ///
    /// What the node's answer, or its lack, is.
    pub async fn follow(&self, transaction: B256) -> Result<Following, LedgerError> {
        let final_number = self.head().await?.final_number;
        let inclusion = self.inclusion(transaction).await?;
        let canonical = match &inclusion {
            Some(inclusion) => self
                .connection
                .block(inclusion.position.block)
                .await?
                .map(|block| block.hash),
            None => None,
        };
        let known = inclusion.is_some() || self.is_known(transaction).await?;
        Ok(judge(Look {
            inclusion,
            canonical,
            known,
            final_number,
        }))
    }

    /// Whether another transaction has consumed the attempt's nonce in a final
    /// block, so that the attempt can never be included any more.
    ///
    /// # Errors
    ///
    /// What the node's answer, or its lack, is.
    pub async fn is_superseded(&self, attempt: &Attempt) -> Result<bool, LedgerError> {
        let head = self.head().await?;
        let consumed = self.nonce(BlockId::number(head.final_number)).await?;
        if consumed <= attempt.nonce {
            return Ok(false);
        }
        Ok(self.inclusion(attempt.hash).await?.is_none())
    }

    async fn inclusion(&self, transaction: B256) -> Result<Option<Inclusion>, LedgerError> {
        let receipt = self
            .connection
            .provider
            .get_transaction_receipt(transaction)
            .await
            .map_err(|error| self.connection.explain("eth_getTransactionReceipt", error))?;
        // Some nodes give a receipt without a block while the transaction is pending.
        Ok(receipt.and_then(|receipt| self.read(transaction, &receipt)))
    }

    fn read(&self, transaction: B256, receipt: &AnyTransactionReceipt) -> Option<Inclusion> {
        Some(Inclusion {
            position: Position {
                chain: self.settings.chain.to_string(),
                block: receipt.block_number?,
                block_hash: receipt.block_hash?,
                transaction,
            },
            status: if receipt.status() {
                InclusionStatus::Succeeded
            } else {
                InclusionStatus::Reverted
            },
            gas_used: receipt.gas_used,
            gas_price: receipt.effective_gas_price,
            callback: delivered_event(
                self.settings.gateway,
                receipt.inner.inner.logs().iter().map(|log| &log.inner),
            ),
        })
    }

    pub(super) async fn is_known(&self, transaction: B256) -> Result<bool, LedgerError> {
        self.connection
            .provider
            .get_transaction_by_hash(transaction)
            .await
            .map(|found| found.is_some())
            .map_err(|error| self.connection.explain("eth_getTransactionByHash", error))
    }
}

//! What a gateway has recorded, for those who audit it: through one node and without any key.

use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, Bytes, TxHash};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::{SolCall, SolError, SolEvent};
use cryptlet_contracts::CryptoDelegate;
use url::Url;

use super::connection::{Called, Connection};
use super::events::{Page, page};
use super::refusal::refusal;
use super::settings::{Contracts, EvmSettings};
use crate::{ChainId, Finality, Head, LedgerError};

/// What the failures of an auditor's node are told under.
const NAME: &str = "--rpc";

/// A gateway on a chain, read through one node.
pub struct GatewayReader {
    settings: EvmSettings,
    connection: Connection,
}

/// Everything that a gateway has recorded about one binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayHistory {
    /// How far the chain had come, and up to where it was final.
    pub head: Head,
    /// The contract that deliveries call.
    pub consumer: Address,
    /// The highest number that is consumed.
    pub last_delivery: u64,
    /// What was accepted, oldest first.
    pub deliveries: Vec<RecordedDelivery>,
    /// Numbers that were given up, oldest first.
    pub skips: Vec<RecordedSkip>,
}

/// An accepted delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedDelivery {
    /// Its number.
    pub number: u64,
    /// The block that holds it.
    pub block: u64,
    /// The transaction that brought it.
    pub transaction: TxHash,
    /// The binding's version that the keys signed.
    pub binding_version: B256,
    /// The module that the keys signed.
    pub measurement: B256,
    /// Hash of the receipt's execution part.
    pub execution_hash: B256,
    /// The receipt's leaf hash.
    pub receipt_hash: B256,
    /// Hash of the call.
    pub output_hash: B256,
    /// Whether the consumer took it, at once or when it was retried.
    pub succeeded: bool,
}

/// A number that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedSkip {
    /// The number.
    pub number: u64,
    /// The block that holds it.
    pub block: u64,
    /// The receipt whose output was given up.
    pub receipt_hash: B256,
}

impl GatewayReader {
    /// Asks the node which chain it serves, and whether there is a contract at `gateway`.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unreachable`] if no node answers, [`LedgerError::NoContract`] if the address
    /// is empty, else what the node's answer, or its lack, is.
    pub async fn connect(
        rpc: Url,
        gateway: Address,
        finality: Finality,
    ) -> Result<Self, LedgerError> {
        let contracts = Contracts {
            gateway,
            registry: Address::ZERO,
        };
        // Reading takes neither an account nor a registry.
        let mut settings = EvmSettings::new(NAME, rpc, ChainId(0), contracts, "");
        settings.finality = finality;
        let connection = Connection::new(&settings)?;
        let chain = connection
            .provider
            .get_chain_id()
            .await
            .map_err(|error| connection.explain("eth_chainId", error))?;
        settings.chain = ChainId(chain);
        let code = connection
            .provider
            .get_code_at(gateway)
            .await
            .map_err(|error| connection.explain("eth_getCode", error))?;
        if code.is_empty() {
            return Err(LedgerError::NoContract {
                ledger: NAME.into(),
                contract: "CryptoDelegate",
                address: gateway,
                chain: settings.chain,
            });
        }
        Ok(Self {
            settings,
            connection,
        })
    }

    /// The chain that the node serves.
    pub fn chain(&self) -> ChainId {
        self.settings.chain
    }

    /// The node, without anything secret.
    pub fn endpoint(&self) -> String {
        self.settings.endpoint()
    }

    /// Reads what the gateway has recorded about a binding from `from_block` on. None if the
    /// gateway does not know the binding.
    ///
    /// # Errors
    ///
    /// What the node's answer, or its lack, is.
    pub async fn history(
        &self,
        binding: B256,
        from_block: u64,
    ) -> Result<Option<GatewayHistory>, LedgerError> {
        let head = self.connection.head(self.settings.finality).await?;
        let call = CryptoDelegate::bindingCall { id: binding }.abi_encode();
        let Some(returned) = self.ask(call.into(), head.number).await? else {
            return Ok(None);
        };
        let state = CryptoDelegate::bindingCall::abi_decode_returns(&returned)
            .map_err(|error| self.connection.bad_reply("eth_call", error))?;
        let mut history = GatewayHistory {
            consumer: state.consumer,
            last_delivery: state.lastDelivery,
            deliveries: Vec::new(),
            skips: Vec::new(),
            head,
        };
        let mut next = from_block;
        let mut stretch = self.settings.blocks_per_request.max(1);
        while next <= history.head.number {
            let last = history.head.number.min(next.saturating_add(stretch - 1));
            let filter = Filter::new()
                .address(self.settings.gateway)
                .event_signature(vec![
                    CryptoDelegate::Delivered::SIGNATURE_HASH,
                    CryptoDelegate::Retried::SIGNATURE_HASH,
                    CryptoDelegate::Skipped::SIGNATURE_HASH,
                ])
                .topic1(binding);
            match page(&self.connection, filter, next, last).await? {
                Page::Logs(logs) => {
                    for log in logs {
                        self.record(&mut history, &log)?;
                    }
                    next = last + 1;
                }
                Page::TooMuch(_) if stretch > 1 => stretch /= 2,
                Page::TooMuch(payload) => {
                    return Err(self.connection.node_error("eth_getLogs", &payload));
                }
            }
        }
        Ok(Some(history))
    }

    /// Chain time from which the counterparties allow a module under a version of a binding; none
    /// if they do not, or not any more.
    ///
    /// # Errors
    ///
    /// What the node's answer, or its lack, is.
    pub async fn usable_from(
        &self,
        binding: B256,
        version: B256,
        measurement: B256,
        block: u64,
    ) -> Result<Option<u64>, LedgerError> {
        let call = CryptoDelegate::allowanceCall {
            id: binding,
            bindingVersion: version,
            measurement,
        }
        .abi_encode();
        let Some(returned) = self.ask(call.into(), block).await? else {
            return Ok(None);
        };
        let allowance = CryptoDelegate::allowanceCall::abi_decode_returns(&returned)
            .map_err(|error| self.connection.bad_reply("eth_call", error))?;
        Ok(Some(allowance.usableFrom).filter(|from| *from != 0))
    }

    /// None if the gateway does not know the binding.
    async fn ask(&self, call: Bytes, block: u64) -> Result<Option<Bytes>, LedgerError> {
        let gateway = self.settings.gateway;
        let block = BlockId::number(block);
        match self.connection.call(None, gateway, call, block).await? {
            Called::Returned(returned) => Ok(Some(returned)),
            Called::Reverted(data) if CryptoDelegate::UnknownBinding::abi_decode(&data).is_ok() => {
                Ok(None)
            }
            Called::Reverted(data) => Err(LedgerError::Refused(Box::new(refusal(&data)))),
        }
    }

    fn record(&self, history: &mut GatewayHistory, log: &Log) -> Result<(), LedgerError> {
        if log.removed {
            return Ok(());
        }
        let (Some(block), Some(transaction)) = (log.block_number, log.transaction_hash) else {
            return Err(self
                .connection
                .bad_reply("eth_getLogs", "a log without its place in the chain"));
        };
        let odd = |error| self.connection.bad_reply("eth_getLogs", error);
        match log.topic0() {
            Some(&CryptoDelegate::Delivered::SIGNATURE_HASH) => {
                let event = CryptoDelegate::Delivered::decode_log(&log.inner).map_err(odd)?;
                history.deliveries.push(RecordedDelivery {
                    number: event.delivery,
                    block,
                    transaction,
                    binding_version: event.bindingVersion,
                    measurement: event.measurement,
                    execution_hash: event.executionHash,
                    receipt_hash: event.receiptHash,
                    output_hash: event.outputHash,
                    succeeded: event.callbackOk,
                });
            }
            Some(&CryptoDelegate::Retried::SIGNATURE_HASH) => {
                let event = CryptoDelegate::Retried::decode_log(&log.inner).map_err(odd)?;
                let retried = history
                    .deliveries
                    .iter_mut()
                    .find(|delivery| delivery.number == event.delivery);
                if let Some(delivery) = retried {
                    delivery.succeeded = event.callbackOk;
                }
            }
            Some(&CryptoDelegate::Skipped::SIGNATURE_HASH) => {
                let event = CryptoDelegate::Skipped::decode_log(&log.inner).map_err(odd)?;
                history.skips.push(RecordedSkip {
                    number: event.delivery,
                    block,
                    receipt_hash: event.receiptHash,
                });
            }
            _ => {}
        }
        Ok(())
    }
}

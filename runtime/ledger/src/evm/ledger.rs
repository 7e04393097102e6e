use std::sync::Arc;

use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::Provider;

use super::connection::{Called, Connection};
use super::gateway::{self, DeliveryRecord};
use super::settings::EvmSettings;
use crate::{ChainId, Head, LedgerError, Signer};

/// One ledger of the chain kind `evm`: a gateway contract on a chain, reached through one node.
///
/// It keeps nothing between calls but its connection, so it can be shared and
/// every call can be repeated. Nothing it does changes the chain except
/// [`EvmLedger::broadcast`].
pub struct EvmLedger {
    pub(super) settings: EvmSettings,
    pub(super) signer: Arc<dyn Signer>,
    pub(super) account: Address,
    pub(super) connection: Connection,
}

impl EvmLedger {
    /// Connects and checks that the node serves the configured chain, with the
    /// configured gateway and registry on it.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unreachable`] if no node answers, [`LedgerError::WrongChain`],
    /// [`LedgerError::NoContract`] or [`LedgerError::WrongRegistry`] if it is not
    /// what the settings say, [`LedgerError::Signer`] if the account's key is missing.
    pub async fn connect(
        settings: EvmSettings,
        signer: Arc<dyn Signer>,
    ) -> Result<Self, LedgerError> {
        let account = signer.address(&settings.account)?;
        let connection = Connection::new(&settings)?;
        let ledger = Self {
            settings,
            signer,
            account,
            connection,
        };
        ledger.check_chain().await?;
        ledger.check_contracts().await?;
        tracing::info!(
            ledger = ledger.settings.name,
            chain = %ledger.settings.chain,
            endpoint = ledger.settings.endpoint(),
            gateway = %ledger.settings.gateway,
            "connected to ledger"
        );
        Ok(ledger)
    }

    /// What it was connected with.
    pub fn settings(&self) -> &EvmSettings {
        &self.settings
    }

    /// The account that pays for transactions.
    pub fn account(&self) -> Address {
        self.account
    }

    /// How far the chain has come, and up to where it is final.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Behind`] while a young chain has no final block; else what the node's answer, or its lack, is.
    pub async fn head(&self) -> Result<Head, LedgerError> {
        self.connection.head(self.settings.finality).await
    }

    /// The account's next nonce, counting what waits in the node's pool.
    ///
    /// A node forgets its pool when it restarts: a caller that has stored
    /// attempts of its own goes on from the higher of the two.
    ///
    /// # Errors
    ///
    /// What the node's answer, or its lack, is.
    pub async fn pending_nonce(&self) -> Result<u64, LedgerError> {
        self.nonce(BlockId::pending()).await
    }

    /// The account's next nonce in the latest block: everything below is consumed, though perhaps not finally.
    ///
    /// # Errors
    ///
    /// What the node's answer, or its lack, is.
    pub async fn included_nonce(&self) -> Result<u64, LedgerError> {
        self.nonce(BlockId::latest()).await
    }

    pub(super) async fn nonce(&self, block: BlockId) -> Result<u64, LedgerError> {
        self.connection
            .provider
            .get_transaction_count(self.account)
            .block_id(block)
            .await
            .map_err(|error| self.connection.explain("eth_getTransactionCount", error))
    }

    /// What the gateway knows about a delivery; none if its number is not used.
    ///
    /// This is the last word on whether a delivery took effect, whatever was lost on this side.
    ///
    /// # Errors
    ///
    /// What the node's answer, or its lack, is.
    pub async fn delivered(
        &self,
        binding: B256,
        delivery: u64,
    ) -> Result<Option<DeliveryRecord>, LedgerError> {
        let head = self.head().await?;
        let call = gateway::record_call(binding, delivery);
        let latest = self.ask_gateway(call.clone(), BlockId::latest()).await?;
        let Some((state, receipt_hash)) = self.answer(gateway::record_answer(&latest))? else {
            return Ok(None);
        };
        let settled = self
            .ask_gateway(call, BlockId::number(head.final_number))
            .await?;
        // Before the gateway was deployed there is nothing that could answer.
        let is_final = !settled.is_empty()
            && self.answer(gateway::record_answer(&settled))? == Some((state, receipt_hash));
        Ok(Some(DeliveryRecord {
            state,
            receipt_hash,
            is_final,
        }))
    }

    /// The contract that a binding's deliveries call, as the gateway has it.
    pub(super) async fn consumer(&self, binding: B256) -> Result<Address, LedgerError> {
        let returned = self
            .ask_gateway(gateway::consumer_call(binding), BlockId::latest())
            .await?;
        self.answer(gateway::consumer_answer(&returned))
    }

    async fn ask_gateway(&self, call: Bytes, block: BlockId) -> Result<Bytes, LedgerError> {
        match self
            .connection
            .call(None, self.settings.gateway, call, block)
            .await?
        {
            Called::Returned(returned) => Ok(returned),
            Called::Reverted(data) => Err(LedgerError::Refused(Box::new(super::refusal::refusal(
                &data,
            )))),
        }
    }

    pub(super) fn answer<T>(&self, decoded: Result<T, String>) -> Result<T, LedgerError> {
        decoded.map_err(|reason| self.connection.bad_reply("eth_call", reason))
    }

    async fn check_chain(&self) -> Result<(), LedgerError> {
        let served = self
            .connection
            .provider
            .get_chain_id()
            .await
            .map_err(|error| self.connection.explain("eth_chainId", error))?;
        if ChainId(served) == self.settings.chain {
            return Ok(());
        }
        Err(LedgerError::WrongChain {
            ledger: self.settings.name.clone(),
            expected: self.settings.chain,
            found: ChainId(served),
        })
    }

    async fn check_contracts(&self) -> Result<(), LedgerError> {
        self.check_code("CryptoDelegate", self.settings.gateway)
            .await?;
        self.check_code("SignerRegistry", self.settings.registry)
            .await?;
        let returned = self
            .ask_gateway(gateway::registry_call(), BlockId::latest())
            .await?;
        let found = self.answer(gateway::registry_answer(&returned))?;
        if found == self.settings.registry {
            return Ok(());
        }
        Err(LedgerError::WrongRegistry {
            ledger: self.settings.name.clone(),
            gateway: self.settings.gateway,
            expected: self.settings.registry,
            found,
        })
    }

    async fn check_code(
        &self,
        contract: &'static str,
        address: Address,
    ) -> Result<(), LedgerError> {
        let code = self
            .connection
            .provider
            .get_code_at(address)
            .await
            .map_err(|error| self.connection.explain("eth_getCode", error))?;
        if !code.is_empty() {
            return Ok(());
        }
        Err(LedgerError::NoContract {
            ledger: self.settings.name.clone(),
            contract,
            address,
            chain: self.settings.chain,
        })
    }
}

impl std::fmt::Debug for EvmLedger {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EvmLedger")
            .field("settings", &self.settings)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

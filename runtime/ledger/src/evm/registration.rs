use alloy::eips::BlockId;
use alloy::primitives::{B256, Bytes};
use alloy::sol_types::SolCall;
use cryptlet_contracts::{Approval, Bindings, CryptoDelegate, Terms, binding_id};

use super::connection::Called;
use super::ledger::EvmLedger;
use super::refusal::refusal;
use super::sending::Draft;
use crate::LedgerError;

/// What the gateway has under a binding's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The first part that is not as the terms say, in words; none if all is.
    pub difference: Option<String>,
    /// Whether the terms' pair of binding version and measurement is allowed, now or after its
    /// delay. Counterparties allow and revoke pairs as time goes on.
    pub is_allowed: bool,
    /// Whether it stands so in a final block; before that a reorganisation can undo it.
    pub is_final: bool,
}

impl EvmLedger {
    /// What the gateway has under the id of these terms; none if it does not know the id.
    ///
    /// # Errors
    ///
    /// What the node's answer, or its lack, is.
    pub async fn registration(&self, terms: &Terms) -> Result<Option<Registration>, LedgerError> {
        let head = self.head().await?;
        let Some(difference) = self.difference(terms, BlockId::latest()).await? else {
            return Ok(None);
        };
        let settled = self
            .difference(terms, BlockId::number(head.final_number))
            .await?;
        Ok(Some(Registration {
            is_final: settled.as_ref() == Some(&difference),
            is_allowed: self.is_allowed(terms).await?,
            difference,
        }))
    }

    /// Everything of a transaction that creates a binding but its nonce. One approval for each
    /// counterparty, in their order.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] if the gateway would not take it; [`LedgerError::FeeAboveCap`] or
    /// [`LedgerError::CannotPay`] if the price is in the way; else what the node's answer, or its
    /// lack, is.
    pub async fn draft_registration(
        &self,
        terms: &Terms,
        approvals: &[Approval],
    ) -> Result<Draft, LedgerError> {
        let call: Bytes = CryptoDelegate::createBindingCall {
            terms: terms.clone(),
            approvals: approvals.to_vec(),
        }
        .abi_encode()
        .into();
        self.draft_call(call).await
    }

    /// `None` if the gateway does not know the id at `block`; what differs from the terms otherwise.
    async fn difference(
        &self,
        terms: &Terms,
        block: BlockId,
    ) -> Result<Option<Option<String>>, LedgerError> {
        let id = binding_id(&terms.counterparties, terms.salt);
        let Some(known) = self.binding_at(id, block).await? else {
            return Ok(None);
        };
        let parts = [
            (
                "threshold",
                known.threshold.to_string(),
                terms.threshold.to_string(),
            ),
            (
                "consumer",
                known.consumer.to_string(),
                terms.consumer.to_string(),
            ),
            (
                "signer-threshold",
                known.signerThreshold.to_string(),
                terms.signerThreshold.to_string(),
            ),
            (
                "ordered",
                known.ordered.to_string(),
                terms.ordered.to_string(),
            ),
            (
                "version-delay-seconds",
                known.versionDelay.to_string(),
                terms.versionDelay.to_string(),
            ),
        ];
        let differs = parts.iter().find(|(_, has, wanted)| has != wanted);
        Ok(Some(differs.map(|(name, has, wanted)| {
            format!("{name} is {has} there, and {wanted} here")
        })))
    }

    async fn is_allowed(&self, terms: &Terms) -> Result<bool, LedgerError> {
        let id = binding_id(&terms.counterparties, terms.salt);
        let allowance = self
            .allowance(id, terms.bindingVersion, terms.measurement)
            .await?;
        Ok(allowance.is_some())
    }

    /// What the gateway has under an id at `block`; none if it does not know it.
    pub(super) async fn binding_at(
        &self,
        id: B256,
        block: BlockId,
    ) -> Result<Option<Bindings::BindingState>, LedgerError> {
        let call = CryptoDelegate::bindingCall { id }.abi_encode();
        let Some(returned) = self.ask_about(call.into(), block).await? else {
            return Ok(None);
        };
        self.answer(
            CryptoDelegate::bindingCall::abi_decode_returns(&returned)
                .map_err(|error| error.to_string()),
        )
        .map(Some)
    }

    /// The gateway's answer; none where it knows no such binding, or is not there yet itself.
    pub(super) async fn ask_about(
        &self,
        call: Bytes,
        block: BlockId,
    ) -> Result<Option<Bytes>, LedgerError> {
        let called = self
            .connection
            .call(None, self.settings.gateway, call, block)
            .await?;
        match called {
            Called::Returned(returned) if returned.is_empty() => Ok(None),
            Called::Returned(returned) => Ok(Some(returned)),
            Called::Reverted(data) => {
                let refusal = refusal(&data);
                if refusal.name == "UnknownBinding" {
                    return Ok(None);
                }
                Err(LedgerError::Refused(Box::new(refusal)))
            }
        }
    }
}

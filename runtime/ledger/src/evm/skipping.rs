use alloy::primitives::{B256, Bytes};
use alloy::sol_types::SolCall;
use cryptlet_contracts::{CryptoDelegate, Signable, Skip, domain};

use super::ledger::EvmLedger;
use super::sending::Draft;
use crate::{LedgerError, SigningPurpose};

impl EvmLedger {
    /// Everything of a transaction but its nonce that uses a delivery's number up without a call.
    /// The delivery key signs that; it does not expire.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] if the gateway would not take it; [`LedgerError::FeeAboveCap`] or
    /// [`LedgerError::CannotPay`] if the price is in the way; [`LedgerError::Signer`] without a
    /// signature; else what the node's answer, or its lack, is.
    pub async fn draft_skip(
        &self,
        binding: B256,
        delivery: u64,
        receipt_hash: B256,
        delivery_key: &str,
    ) -> Result<Draft, LedgerError> {
        let skip = Skip {
            binding,
            delivery,
            receiptHash: receipt_hash,
        };
        let digest = skip.digest(&domain(self.settings.chain.0, self.settings.gateway));
        let signature = self
            .signer
            .sign_digest(delivery_key, SigningPurpose::Delivery, digest)?;
        let call: Bytes = CryptoDelegate::skipCall {
            id: binding,
            delivery,
            receiptHash: receipt_hash,
            signatures: vec![signature.as_bytes().into()],
        }
        .abi_encode()
        .into();
        self.draft_call(call).await
    }
}

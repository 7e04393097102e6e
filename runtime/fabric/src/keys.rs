//! The vault's signature delegate in the clothes that the other rooms expect.

use alloy_primitives::{Address, B256, Signature, U256};
use cryptlet_attest::{CheckpointKey, TrustedKey};
use cryptlet_ledger::{Signer, SignerError, SigningPurpose};
use cryptlet_vault::{Purpose, SignatureDelegate, SigningError};

use crate::error::FabricError;
use crate::journal::JournalError;

/// Signs checkpoints with the attestation key.
pub(crate) struct LogKey {
    delegate: SignatureDelegate,
    name: String,
    public: [u8; 32],
}

impl LogKey {
    pub(crate) fn new(delegate: SignatureDelegate, name: String) -> Result<Self, FabricError> {
        // A signature now, so that a locked key or one for another purpose is found out at once.
        let signature = delegate.attest(&name, STARTING)?;
        let info = delegate.info(&name)?;
        let public = info.public.as_slice().try_into().expect(
            "the vault makes attestation keys with Ed25519, whose public keys have 32 bytes",
        );
        verify(&name, &public, &signature)?;
        Ok(Self {
            delegate,
            name,
            public,
        })
    }
}

/// What the key signs at the start: nothing, so that it means nothing elsewhere.
const STARTING: &[u8] = b"";

/// Refuses a key whose first signature does not verify: all that it signs would be worthless.
fn verify(name: &str, public: &[u8; 32], signature: &[u8; 64]) -> Result<(), FabricError> {
    let verifies = TrustedKey::new(name, public).is_ok_and(|key| key.verifies(STARTING, signature));
    if verifies {
        Ok(())
    } else {
        Err(JournalError::Signing(format!(
            "the first signature of `{name}` does not verify with its public key; check the memory of this machine"
        ))
        .into())
    }
}

impl CheckpointKey for LogKey {
    fn public(&self) -> [u8; 32] {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], cryptlet_attest::SigningError> {
        self.delegate
            .attest_with(&self.name, &self.public, message)
            .map_err(|error| cryptlet_attest::SigningError::new(error.to_string()))
    }

    /// The vault signs in this process, opens no key whose public half is not that of its secret, and is
    /// asked for the very key that was there at the start. A fault of the machine that comes later is found
    /// before a checkpoint goes into the published folder.
    fn needs_verification(&self) -> bool {
        false
    }
}

/// Signs deliveries and transactions.
pub(crate) struct LedgerSigner(pub(crate) SignatureDelegate);

impl Signer for LedgerSigner {
    fn address(&self, key: &str) -> Result<Address, SignerError> {
        let info = self.0.info(key).map_err(|error| refused(key, &error))?;
        info.address
            .map(|address| Address::from(address.to_bytes()))
            .ok_or_else(|| SignerError::Refused {
                key: key.into(),
                reason: format!("a key with the algorithm {} has no account", info.algorithm),
            })
    }

    fn sign_digest(
        &self,
        key: &str,
        purpose: SigningPurpose,
        digest: B256,
    ) -> Result<Signature, SignerError> {
        let purpose = match purpose {
            SigningPurpose::Delivery => Purpose::Delivery,
            SigningPurpose::Account => Purpose::Account,
        };
        let signature = self
            .0
            .sign_digest(key, purpose, &digest.0)
            .map_err(|error| refused(key, &error))?;
        Ok(Signature::new(
            U256::from_be_bytes(signature.r),
            U256::from_be_bytes(signature.s),
            signature.y_parity,
        ))
    }
}

fn refused(key: &str, error: &SigningError) -> SignerError {
    match error {
        SigningError::NotUnlocked { .. } => SignerError::UnknownKey { key: key.into() },
        other => SignerError::Refused {
            key: key.into(),
            reason: other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;

    #[test]
    fn a_key_that_signs_falsely_at_the_start_is_refused() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let public = CheckpointKey::public(&key);
        let mut signature = CheckpointKey::sign(&key, STARTING).expect("signed");
        assert!(verify("log", &public, &signature).is_ok());
        signature[40] ^= 1;
        let refusal = verify("log", &public, &signature).expect_err("false");
        assert!(
            matches!(refusal, FabricError::Journal(JournalError::Signing(_))),
            "{refusal}"
        );
    }
}

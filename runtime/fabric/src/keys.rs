//! The vault's signature delegate in the clothes that the other rooms expect.

use alloy_primitives::{Address, B256, Signature, U256};
use cryptlet_attest::CheckpointKey;
use cryptlet_ledger::{Signer, SignerError, SigningPurpose};
use cryptlet_vault::{Purpose, SignatureDelegate, SigningError};

/// Signs checkpoints with the attestation key.
pub(crate) struct LogKey {
    delegate: SignatureDelegate,
    name: String,
    public: [u8; 32],
}

impl LogKey {
    pub(crate) fn new(delegate: SignatureDelegate, name: String) -> Result<Self, SigningError> {
        // A signature now, so that a locked key or one for another purpose is found out at once.
        delegate.attest(&name, b"")?;
        let info = delegate.info(&name)?;
        let public = info.public.as_slice().try_into().expect(
            "the vault makes attestation keys with Ed25519, whose public keys have 32 bytes",
        );
        Ok(Self {
            delegate,
            name,
            public,
        })
    }
}

impl CheckpointKey for LogKey {
    fn public(&self) -> [u8; 32] {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], cryptlet_attest::SigningError> {
        self.delegate
            .attest(&self.name, message)
            .map_err(|error| cryptlet_attest::SigningError::new(error.to_string()))
    }

    /// The vault signs in this process, and opens no key whose public half is not that of its secret.
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

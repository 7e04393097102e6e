use alloy::primitives::{Address, B256, Signature};
use thiserror::Error;

/// Signs on behalf of keys that live elsewhere; the fabric implements it over its vault.
///
/// Implementations are asked from async code and should answer within
/// milliseconds. They sign 32-byte digests of this room's making only: EIP-712
/// digests for [`SigningPurpose::Delivery`], transaction signature hashes for
/// [`SigningPurpose::Account`].
pub trait Signer: Send + Sync {
    /// The account of the named key.
    ///
    /// # Errors
    ///
    /// [`SignerError`] if there is no such key or it has no account.
    fn address(&self, key: &str) -> Result<Address, SignerError>;

    /// A recoverable secp256k1 signature over `digest`, with low s (EIP-2).
    ///
    /// # Errors
    ///
    /// [`SignerError`] if the key is unknown, locked, made for another purpose, or the vault is away.
    fn sign_digest(
        &self,
        key: &str,
        purpose: SigningPurpose,
        digest: B256,
    ) -> Result<Signature, SignerError>;
}

/// What a signature is for. A key made for one purpose refuses the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigningPurpose {
    /// Vouching for a result towards the gateway contract (EIP-712).
    Delivery,
    /// Paying for a transaction.
    Account,
}

/// Why there is no signature.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignerError {
    /// No key has this name.
    #[error("there is no key {key:?} in the vault")]
    UnknownKey {
        /// The name that was asked for.
        key: String,
    },
    /// The key exists and may not or cannot sign this.
    #[error("key {key:?} does not sign this: {reason}")]
    Refused {
        /// The key's name.
        key: String,
        /// Why not.
        reason: String,
    },
    /// The vault cannot be asked at the moment.
    #[error("the vault cannot sign with {key:?} at the moment: {reason}")]
    Unavailable {
        /// The key's name.
        key: String,
        /// What is in the way.
        reason: String,
    },
}

impl SignerError {
    /// Whether asking again later may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

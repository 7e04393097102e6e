//! Keys that the binding grants by name.

use crate::Error;

/// A signature scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032); signatures of 64 bytes.
    Ed25519,
    /// ECDSA over secp256k1.
    EcdsaSecp256k1,
}

/// The public half of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Its scheme.
    pub algorithm: Algorithm,
    /// 32 bytes for Ed25519; a compressed SEC 1 point of 33 bytes for secp256k1.
    pub bytes: Vec<u8>,
}

/// Why a key did not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The binding's keychain has no key of this name.
    #[error("the keychain has no key `{0}`")]
    UnknownKey(String),
    /// The binding does not let this cryptlet use the key.
    #[error(
        "the binding does not grant the key `{0}`; check [capabilities] keychain in cryptlet.toml"
    )]
    NotGranted(String),
    /// A limit on signatures was reached.
    #[error("signing limit reached: {0}")]
    Limit(String),
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        let code = match error {
            KeyError::UnknownKey(_) => "unknown-key",
            KeyError::NotGranted(_) => "key-not-granted",
            KeyError::Limit(_) => "key-limit",
        };
        Self::new(code, error.to_string())
    }
}

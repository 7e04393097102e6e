//! The secret half of a key.

use std::fmt;

use ed25519_dalek::Signer as _;
use zeroize::Zeroizing;

use crate::address::EthereumAddress;
use crate::key::Algorithm;
use crate::randomness::{Randomness, RandomnessError};
use crate::signature::RecoverableSignature;

/// A secret key. Wiped from memory when dropped, and never shown.
pub struct SecretKey(Material);

enum Material {
    // Both wipe themselves when dropped.
    Ed25519(ed25519_dalek::SigningKey),
    Secp256k1(k256::ecdsa::SigningKey),
}

/// 32 bytes that are no secret key of the algorithm. On secp256k1 these are
/// zero and everything from the group's order on; Ed25519 takes all values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these 32 bytes are not a secret key for {algorithm}")]
pub struct InvalidSecret {
    /// The algorithm asked for.
    pub algorithm: Algorithm,
}

impl SecretKey {
    /// Takes existing key material: the scalar of a secp256k1 key, big-endian,
    /// or the seed of an Ed25519 key (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// [`InvalidSecret`] when the bytes are out of the algorithm's range.
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8; 32]) -> Result<Self, InvalidSecret> {
        let material = match algorithm {
            Algorithm::Ed25519 => Material::Ed25519(ed25519_dalek::SigningKey::from_bytes(bytes)),
            Algorithm::Secp256k1 => Material::Secp256k1(
                k256::ecdsa::SigningKey::from_slice(bytes)
                    .map_err(|_| InvalidSecret { algorithm })?,
            ),
        };
        Ok(Self(material))
    }

    pub(crate) fn generate(
        algorithm: Algorithm,
        randomness: &mut dyn Randomness,
    ) -> Result<Self, RandomnessError> {
        // A random value is out of range once in 2^127 draws.
        const ATTEMPTS: usize = 4;
        let mut bytes = Zeroizing::new([0; 32]);
        for _ in 0..ATTEMPTS {
            randomness.fill(bytes.as_mut())?;
            let constant = bytes.iter().all(|byte| *byte == bytes[0]);
            if let (false, Ok(key)) = (constant, Self::from_bytes(algorithm, &bytes)) {
                return Ok(key);
            }
        }
        Err(RandomnessError::Unusable)
    }

    /// The algorithm that the key signs with.
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Material::Ed25519(_) => Algorithm::Ed25519,
            Material::Secp256k1(_) => Algorithm::Secp256k1,
        }
    }

    /// The public key, encoded as in [`KeyInfo::public`](crate::KeyInfo::public).
    pub fn public(&self) -> Vec<u8> {
        match &self.0 {
            Material::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            Material::Secp256k1(key) => key
                .verifying_key()
                .to_encoded_point(true)
                .as_bytes()
                .to_vec(),
        }
    }

    /// The account of a secp256k1 key.
    pub fn address(&self) -> Option<EthereumAddress> {
        match &self.0 {
            Material::Ed25519(_) => None,
            Material::Secp256k1(key) => Some(EthereumAddress::of(key.verifying_key())),
        }
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(match &self.0 {
            Material::Ed25519(key) => key.to_bytes(),
            Material::Secp256k1(key) => key.to_bytes().into(),
        })
    }

    /// An Ed25519 signature, or `None` if the key is of another algorithm.
    pub(crate) fn sign_ed25519(&self, message: &[u8]) -> Option<[u8; 64]> {
        match &self.0 {
            Material::Ed25519(key) => Some(key.sign(message).to_bytes()),
            Material::Secp256k1(_) => None,
        }
    }

    /// An ECDSA signature, or `None` if the key is of another algorithm.
    pub(crate) fn sign_secp256k1(&self, digest: &[u8; 32]) -> Option<RecoverableSignature> {
        match &self.0 {
            Material::Ed25519(_) => None,
            Material::Secp256k1(key) => {
                let (signature, recovery) = key
                    .sign_prehash_recoverable(digest)
                    .expect("a digest of 32 bytes has the length that the curve asks for");
                let (r, s) = signature.split_bytes();
                Some(RecoverableSignature {
                    r: r.into(),
                    s: s.into(),
                    y_parity: recovery.is_y_odd(),
                })
            }
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({}, redacted)", self.algorithm())
    }
}

//! The log's roots as COSE Receipts (RFC 9942), beside checkpoints: one signature over a
//! root serves every entry under it, because the proof stands outside of what is signed.
//!
//! A receipt's payload, the root, is detached: it comes out of entry and proof. So a false
//! entry, a false proof and a false signature all look like a signature that does not verify.

mod receipt;

pub use receipt::{CoseProof, CoseReceipt};

use super::tree::{implied_root, implied_roots};
use super::{CheckpointKey, Hash, SigningError, TrustedKey};
use crate::LeafHash;
use serde::Serialize;
use thiserror::Error;

/// What the file extension of COSE Receipts is, without its dot.
pub const COSE_EXTENSION: &str = "cose";

/// Greatest size of a COSE Receipt, in bytes.
pub const MAXIMUM_COSE: usize = 1 << 16;

/// What a COSE Receipt of an entry has been found to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoseInclusion {
    /// The log's name.
    pub origin: String,
    /// The number of its entries, as the proof has it. RFC 9942 signs the root and not the size: a
    /// size under which the entry's path would have the same shape passes as well. Where the size
    /// matters, a checkpoint says it.
    #[serde(serialize_with = "crate::view::decimal")]
    pub size: u64,
    /// The entry's index.
    #[serde(serialize_with = "crate::view::decimal")]
    pub index: u64,
    /// The root to which the proof leads, in hexadecimal digits.
    #[serde(serialize_with = "crate::view::display")]
    pub root: Hash,
    /// The trusted key that signed the root, as `name+id`.
    pub signer: String,
}

/// What a COSE Receipt of a log's growth has been found to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoseConsistency {
    /// The log's name.
    pub origin: String,
    /// The number of the earlier log's entries.
    #[serde(serialize_with = "crate::view::decimal")]
    pub old: u64,
    /// The number of the log's entries.
    #[serde(serialize_with = "crate::view::decimal")]
    pub size: u64,
    /// The root of the log, in hexadecimal digits.
    #[serde(serialize_with = "crate::view::display")]
    pub root: Hash,
    /// The trusted key that signed the root, as `name+id`.
    pub signer: String,
}

/// Why something is not a COSE Receipt, or is not believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CoseError {
    /// Longer than [`MAXIMUM_COSE`].
    #[error("{found} bytes are more than any COSE Receipt has, {MAXIMUM_COSE}")]
    TooLarge {
        /// The length in bytes.
        found: usize,
    },
    /// Not a COSE Receipt as `docs/spec/log.md` has it.
    #[error("not a COSE Receipt of a log: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A COSE Receipt that proves something else.
    #[error("the COSE Receipt has no {wanted} proof")]
    OtherProof {
        /// `inclusion` or `consistency`.
        wanted: &'static str,
    },
    /// The proof cannot be one for such an index or such sizes.
    #[error("the proof is not one of a log of {size} entries")]
    InvalidProof {
        /// The number of entries that the receipt states.
        size: u64,
    },
    /// The key that signed is not trusted.
    #[error("signed by {signer}, which you do not trust; give the log's key if you do")]
    UnknownSigner {
        /// Who claims to have signed, as `name+id`.
        signer: String,
    },
    /// A trusted key is named, but it is not the key of the log that the receipt is about.
    #[error("{key} is said to have signed, but the receipt is one of the log {origin}")]
    OtherOrigin {
        /// The log's name.
        origin: String,
        /// The trusted key, as `name+id`.
        key: String,
    },
    /// The trusted key has not signed the root to which entry and proof lead.
    #[error(
        "{key} has not signed the root to which the proof leads: entry, proof or signature was altered, or belongs to another receipt"
    )]
    BadSignature {
        /// The trusted key, as `name+id`.
        key: String,
    },
}

impl CoseError {
    /// A stable name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "oversized",
            Self::Malformed { .. } => "malformed",
            Self::OtherProof { .. } => "other-proof",
            Self::InvalidProof { .. } => "invalid-proof",
            Self::UnknownSigner { .. } => "unknown-signer",
            Self::OtherOrigin { .. } => "other-origin",
            Self::BadSignature { .. } => "bad-signature",
        }
    }
}

/// Signs a root of the log `origin` for any number of COSE Receipts: one without a proof
/// in it. The signature is verified before it is returned, unless the key
/// [needs no verification](CheckpointKey::needs_verification).
///
/// # Errors
///
/// If `origin` cannot name a log or the key does not sign.
pub fn sign_root(
    origin: &str,
    root: &Hash,
    key: &dyn CheckpointKey,
) -> Result<Vec<u8>, SigningError> {
    let signer = TrustedKey::new(origin, &key.public())
        .map_err(|error| SigningError::new(error.to_string()))?;
    let mut receipt = CoseReceipt {
        origin: origin.to_owned(),
        signer: signer.identity(),
        proof: CoseProof::None,
        signature: [0; 64],
    };
    receipt.signature = signer.sign(key, &receipt.signed_bytes(root))?;
    let bytes = receipt.to_bytes();
    if bytes.len() > MAXIMUM_COSE {
        return Err(SigningError::new("the log's name is too long"));
    }
    Ok(bytes)
}

/// The COSE Receipt of the entry `index` under a signed root of `size` entries.
///
/// # Errors
///
/// If `signed_root` is not one. The proof is not checked.
pub fn inclusion_receipt(
    signed_root: &[u8],
    size: u64,
    index: u64,
    path: &[Hash],
) -> Result<Vec<u8>, CoseError> {
    let path = path.to_vec();
    with_proof(signed_root, CoseProof::Inclusion { size, index, path })
}

/// The COSE Receipt of the growth from `old` entries to a signed root of `size`.
///
/// # Errors
///
/// If `signed_root` is not one. The proof is not checked.
pub fn consistency_receipt(
    signed_root: &[u8],
    old: u64,
    size: u64,
    path: &[Hash],
) -> Result<Vec<u8>, CoseError> {
    let path = path.to_vec();
    with_proof(signed_root, CoseProof::Consistency { old, size, path })
}

fn with_proof(signed_root: &[u8], proof: CoseProof) -> Result<Vec<u8>, CoseError> {
    let mut receipt = CoseReceipt::from_bytes(signed_root)?;
    receipt.proof = proof;
    Ok(receipt.to_bytes())
}

/// Checks that the entry with the hash `leaf` stands in a log whose root a trusted key of
/// the log's name has signed.
///
/// # Errors
///
/// The first reason for not believing it.
pub fn check_inclusion_receipt(
    bytes: &[u8],
    leaf: &LeafHash,
    trust: &[TrustedKey],
) -> Result<CoseInclusion, CoseError> {
    let receipt = CoseReceipt::from_bytes(bytes)?;
    let CoseProof::Inclusion { size, index, path } = &receipt.proof else {
        return Err(CoseError::OtherProof {
            wanted: "inclusion",
        });
    };
    let root = implied_root(path, *index, &Hash(*leaf.as_bytes()), *size)
        .map_err(|_| CoseError::InvalidProof { size: *size })?;
    receipt.check(&root, trust)?;
    Ok(CoseInclusion {
        size: *size,
        index: *index,
        root,
        origin: receipt.origin,
        signer: receipt.signer,
    })
}

/// Checks that the log with the root `old_root` is the beginning of one whose root a
/// trusted key of the log's name has signed.
///
/// # Errors
///
/// The first reason for not believing it.
pub fn check_consistency_receipt(
    bytes: &[u8],
    old_root: &Hash,
    trust: &[TrustedKey],
) -> Result<CoseConsistency, CoseError> {
    let receipt = CoseReceipt::from_bytes(bytes)?;
    let CoseProof::Consistency { old, size, path } = &receipt.proof else {
        return Err(CoseError::OtherProof {
            wanted: "consistency",
        });
    };
    let invalid = CoseError::InvalidProof { size: *size };
    let root = match implied_roots(path, *old, old_root, *size) {
        Ok((earlier, root)) if earlier == *old_root => root,
        _ => return Err(invalid),
    };
    receipt.check(&root, trust)?;
    Ok(CoseConsistency {
        old: *old,
        size: *size,
        root,
        origin: receipt.origin,
        signer: receipt.signer,
    })
}

impl CoseReceipt {
    /// Whether a trusted key of the log's name has signed `root`.
    fn check(&self, root: &Hash, trust: &[TrustedKey]) -> Result<(), CoseError> {
        let key = trust
            .iter()
            .find(|key| key.identity() == self.signer)
            .ok_or_else(|| CoseError::UnknownSigner {
                signer: self.signer.clone(),
            })?;
        if key.name() != self.origin {
            return Err(CoseError::OtherOrigin {
                origin: self.origin.clone(),
                key: key.identity(),
            });
        }
        if !key.verifies(&self.signed_bytes(root), &self.signature) {
            return Err(CoseError::BadSignature {
                key: key.identity(),
            });
        }
        Ok(())
    }
}

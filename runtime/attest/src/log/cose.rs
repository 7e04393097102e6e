//! The log's roots as COSE Receipts (RFC 9942), beside checkpoints: one signature over a
//! root serves every entry under it, because the proof stands outside of what is signed.
//!
//! A receipt's payload, the root, is detached: it comes out of entry and proof. So a false
//! entry, a false proof and a false signature all look like a signature that does not verify.

use super::key::sign_checked;
use super::tree::{implied_root, implied_roots};
use super::{CheckpointKey, Hash, SigningError, TrustedKey};
use crate::LeafHash;
use coset::cbor::value::Value;
use coset::{
    CborSerializable as _, CoseSign1, CoseSign1Builder, Header, HeaderBuilder, Label,
    TaggedCborSerializable as _, iana,
};
use serde::Serialize;
use thiserror::Error;

/// What the file extension of COSE Receipts is, without its dot.
pub const COSE_EXTENSION: &str = "cose";

/// Greatest size of a COSE Receipt, in bytes.
pub const MAXIMUM_COSE: usize = 1 << 16;

/// Header parameter of RFC 9942: the algorithm of the verifiable data structure.
const STRUCTURE: i64 = 395;
/// Header parameter of RFC 9942: its proofs.
const PROOFS: i64 = 396;
/// The one structure: the tree of RFC 9162, which is that of RFC 6962, with SHA-256.
const RFC9162_SHA256: i64 = 1;
const INCLUSION: i64 = -1;
const CONSISTENCY: i64 = -2;
const CWT_CLAIMS: i64 = iana::HeaderParameter::CwtClaims as i64;
const ISSUER: i64 = iana::CwtClaimName::Iss as i64;
const SUBJECT: i64 = iana::CwtClaimName::Sub as i64;

/// No honest path is longer.
const LONGEST_PATH: usize = 64;
const INFALLIBLE: &str = "a header with distinct labels is written to memory";

/// A COSE Receipt, read and not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoseReceipt {
    /// The log's name, as both issuer and subject.
    pub origin: String,
    /// The key that is said to have signed, as `name+id`.
    pub signer: String,
    /// What is proven; outside of what is signed.
    pub proof: CoseProof,
    /// The Ed25519 signature over the root.
    pub signature: [u8; 64],
}

/// What a COSE Receipt proves of the root that it signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoseProof {
    /// Nothing: it is the signed root, which every receipt is made of.
    None,
    /// That an entry stands in the log (RFC 9162 section 2.1.3).
    Inclusion {
        /// The number of the log's entries.
        size: u64,
        /// The entry's index.
        index: u64,
        /// From the leaf upwards.
        path: Vec<Hash>,
    },
    /// That an earlier log is its beginning (RFC 9162 section 2.1.4).
    Consistency {
        /// The number of the earlier log's entries.
        old: u64,
        /// The number of the log's entries.
        size: u64,
        /// The path as the RFC orders it.
        path: Vec<Hash>,
    },
}

/// What a COSE Receipt of an entry has been found to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoseInclusion {
    /// The log's name.
    pub origin: String,
    /// The number of its entries.
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
/// in it. The signature is verified before it is returned.
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
    receipt.signature = sign_checked(key, &receipt.signed_bytes(root))?;
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
    /// The receipt's one encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut message = self.message();
        message.unprotected = match self.proof.to_value() {
            Some(proofs) => HeaderBuilder::new().value(PROOFS, proofs).build(),
            None => Header::default(),
        };
        message.to_tagged_vec().expect(INFALLIBLE)
    }

    /// Reads a COSE Receipt, or a signed root.
    ///
    /// # Errors
    ///
    /// Anything but the one encoding of either.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CoseError> {
        if bytes.len() > MAXIMUM_COSE {
            return Err(CoseError::TooLarge { found: bytes.len() });
        }
        let message = CoseSign1::from_tagged_slice(bytes)
            .map_err(|_| malformed("not a COSE_Sign1 with the tag 18"))?;
        if message.payload.is_some() {
            return Err(malformed("the root is not detached"));
        }
        let receipt = Self {
            origin: origin(&message.protected.header)?,
            signer: String::from_utf8(message.protected.header.key_id)
                .map_err(|_| malformed("the key's name is not text"))?,
            proof: CoseProof::from_header(&message.unprotected)?,
            signature: message
                .signature
                .try_into()
                .map_err(|_| malformed("the signature has another length than 64 bytes"))?,
        };
        if receipt.to_bytes() != bytes {
            return Err(malformed(
                "not the one way to write this receipt, or with more in it",
            ));
        }
        Ok(receipt)
    }

    /// Everything but the proof.
    fn message(&self) -> CoseSign1 {
        let claims = Value::Map(vec![
            (ISSUER.into(), self.origin.as_str().into()),
            (SUBJECT.into(), self.origin.as_str().into()),
        ]);
        let protected = HeaderBuilder::new()
            .algorithm(iana::Algorithm::EdDSA)
            .key_id(self.signer.clone().into_bytes())
            .value(CWT_CLAIMS, claims)
            .value(STRUCTURE, RFC9162_SHA256.into())
            .build();
        CoseSign1Builder::new()
            .protected(protected)
            .signature(self.signature.to_vec())
            .build()
    }

    /// RFC 9052 section 4.4, with the root as payload.
    fn signed_bytes(&self, root: &Hash) -> Vec<u8> {
        self.message().tbs_detached_data(&root.0, &[])
    }

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

impl CoseProof {
    fn to_value(&self) -> Option<Value> {
        let (label, first, second, path) = match self {
            Self::None => return None,
            Self::Inclusion { size, index, path } => (INCLUSION, *size, *index, path),
            Self::Consistency { old, size, path } => (CONSISTENCY, *old, *size, path),
        };
        let path = path.iter().map(|hash| Value::Bytes(hash.0.to_vec()));
        let proof = Value::Array(vec![
            first.into(),
            second.into(),
            Value::Array(path.collect()),
        ]);
        let proof = Value::Bytes(proof.to_vec().expect(INFALLIBLE));
        Some(Value::Map(vec![(label.into(), Value::Array(vec![proof]))]))
    }

    /// Reads what [`CoseProof::to_value`] writes. Whatever else the header has is found when
    /// the receipt is encoded again.
    fn from_header(header: &Header) -> Result<Self, CoseError> {
        let Some((_, proofs)) = header.rest.first() else {
            return Ok(Self::None);
        };
        let malformed = || malformed("the unprotected header has not exactly one proof");
        let Some([(label, proofs)]) = proofs.as_map().map(Vec::as_slice) else {
            return Err(malformed());
        };
        let Some([Value::Bytes(proof)]) = proofs.as_array().map(Vec::as_slice) else {
            return Err(malformed());
        };
        let proof = Value::from_slice(proof).map_err(|_| malformed())?;
        let Some([first, second, path]) = proof.as_array().map(Vec::as_slice) else {
            return Err(malformed());
        };
        let (Some(first), Some(second), Some(path)) =
            (unsigned(first), unsigned(second), hashes(path))
        else {
            return Err(malformed());
        };
        match label.as_integer().map(i128::from) {
            Some(label) if label == i128::from(INCLUSION) => Ok(Self::Inclusion {
                size: first,
                index: second,
                path,
            }),
            Some(label) if label == i128::from(CONSISTENCY) => Ok(Self::Consistency {
                old: first,
                size: second,
                path,
            }),
            _ => Err(malformed()),
        }
    }
}

/// The issuer that the protected header names.
fn origin(protected: &Header) -> Result<String, CoseError> {
    let claims = protected
        .rest
        .iter()
        .find(|(label, _)| *label == Label::Int(CWT_CLAIMS))
        .and_then(|(_, claims)| claims.as_map());
    let issuer = claims
        .into_iter()
        .flatten()
        .find(|(label, _)| *label == ISSUER.into())
        .and_then(|(_, issuer)| issuer.as_text());
    issuer
        .map(str::to_owned)
        .ok_or_else(|| malformed("the protected header names no issuer"))
}

fn unsigned(value: &Value) -> Option<u64> {
    value
        .as_integer()
        .and_then(|integer| u64::try_from(integer).ok())
}

fn hashes(path: &Value) -> Option<Vec<Hash>> {
    path.as_array()
        .filter(|path| path.len() <= LONGEST_PATH)?
        .iter()
        .map(|hash| hash.as_bytes()?.as_slice().try_into().ok().map(Hash))
        .collect()
}

fn malformed(reason: &'static str) -> CoseError {
    CoseError::Malformed { reason }
}

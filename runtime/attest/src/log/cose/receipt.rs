//! The bytes of a COSE Receipt.

use super::{CoseError, MAXIMUM_COSE};
use crate::log::Hash;
use coset::cbor::value::Value;
use coset::{
    CborSerializable as _, CoseSign1, CoseSign1Builder, Header, HeaderBuilder, Label,
    TaggedCborSerializable as _, iana,
};

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
    pub(super) fn signed_bytes(&self, root: &Hash) -> Vec<u8> {
        self.message().tbs_detached_data(&root.0, &[])
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

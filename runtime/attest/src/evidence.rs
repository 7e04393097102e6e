//! Evidence about the host itself, and how it is appraised. It covers the attestation
//! key, once for as long as that key is used, and travels beside receipts, never in them.

use crate::encoding::{self, Bounds, EncodingError, Reader, VERSION, Wire, Writer};
use crate::log::{CheckpointKey, SigningError, TrustedKey};
use crate::{Digest, digest};
use ed25519_dalek::VerifyingKey;
use serde::Serialize;
use thiserror::Error;

const BOUNDS: Bounds = Bounds {
    document: "evidence",
    bytes: 1 << 16,
    depth: 4,
};

/// Proof about a host, by kind of proof.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Evidence {
    /// None but the host's own statement.
    Software(SoftwareEvidence),
}

/// What a host says about itself, signed by the key that it speaks of. Anybody who
/// has made a key can make this: it tells one host from another, not a good one from
/// a bad one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoftwareEvidence {
    /// The Ed25519 attestation key.
    pub key: [u8; 32],
    /// Digest of the fabric's executable.
    pub executable: Digest,
    /// Digest of the engine's configuration.
    pub engine_configuration: Digest,
    /// The key's signature over the three.
    pub signature: [u8; 64],
}

/// What evidence amounts to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Appraisal {
    /// The class of the evidence.
    pub tier: Tier,
    /// What it amounts to, for people.
    pub says: String,
}

/// Classes of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Tier {
    /// The host's word.
    Software,
}

/// Why evidence is not believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// About another key than the one in question.
    #[error("the evidence is about another key than {key}")]
    OtherKey {
        /// The key in question, as `name+id`.
        key: String,
    },
    /// Not signed by the key that it is about.
    #[error("the evidence is not signed by the key that it is about")]
    BadSignature,
}

impl Evidence {
    /// The host's own statement, signed with its attestation key.
    ///
    /// # Errors
    ///
    /// If the key does not sign.
    pub fn software(
        key: &dyn CheckpointKey,
        executable: Digest,
        engine_configuration: Digest,
    ) -> Result<Self, SigningError> {
        let public = key.public();
        let verifying = VerifyingKey::from_bytes(&public)
            .map_err(|_| SigningError::new("the public key is no Ed25519 key"))?;
        let message = message(&public, &executable, &engine_configuration);
        Ok(Self::Software(SoftwareEvidence {
            key: public,
            executable,
            engine_configuration,
            signature: crate::log::sign_checked(key, &verifying, message.as_bytes())?,
        }))
    }

    /// What the evidence says about `key`.
    ///
    /// # Errors
    ///
    /// If it is about another key or nobody vouches for it.
    pub fn appraise(&self, key: &TrustedKey) -> Result<Appraisal, EvidenceError> {
        let Self::Software(evidence) = self;
        if evidence.key != key.public() {
            return Err(EvidenceError::OtherKey {
                key: key.identity(),
            });
        }
        let message = message(
            &evidence.key,
            &evidence.executable,
            &evidence.engine_configuration,
        );
        if !key.verifies(message.as_bytes(), &evidence.signature) {
            return Err(EvidenceError::BadSignature);
        }
        Ok(Appraisal {
            tier: Tier::Software,
            says: format!(
                "software: the host's word that the key {} is held by the fabric {} with the engine configuration {}; no hardware vouches",
                key.identity(),
                evidence.executable,
                evidence.engine_configuration,
            ),
        })
    }

    /// The one encoding: `[version, kind, body]`.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Reads evidence.
    ///
    /// # Errors
    ///
    /// Anything but the one encoding; the error says what and where.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EncodingError> {
        encoding::decode(bytes, &BOUNDS)
    }
}

fn message(key: &[u8; 32], executable: &Digest, engine_configuration: &Digest) -> Digest {
    digest(
        "evidence/software",
        &[key, executable.as_ref(), engine_configuration.as_ref()],
    )
}

encoding::record!(SoftwareEvidence as "software-evidence" {
    0 => key,
    1 => executable,
    2 => engine_configuration,
    3 => signature,
});

impl Wire for Evidence {
    fn write(&self, writer: &mut Writer) {
        let Self::Software(evidence) = self;
        writer.array(3);
        writer.unsigned(VERSION);
        writer.unsigned(0);
        evidence.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let expected = "evidence: an array of version, kind and body";
        match reader.versioned(BOUNDS.document, expected)? {
            0 => Wire::read(reader).map(Self::Software),
            found => Err(EncodingError::UnknownVariant {
                what: "evidence",
                found,
            }),
        }
    }
}

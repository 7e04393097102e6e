//! Signed roots.

use super::{CheckpointKey, Hash, SigningError, TrustedKey};
use serde::Serialize;
use signed_note::{Note, Signature};
use thiserror::Error;

/// Greatest size of a signed checkpoint, in bytes.
pub const MAXIMUM_CHECKPOINT: usize = 1 << 16;

/// What a checkpoint says, once a trusted key has been found to say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// The number of its entries.
    #[serde(serialize_with = "crate::view::decimal")]
    pub size: u64,
    /// The root of its tree.
    #[serde(serialize_with = "crate::view::display")]
    pub root: Hash,
    /// The trusted key of that name which signed, as `name+id`.
    pub signer: String,
}

/// Why a checkpoint is not believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Not a signed note with a checkpoint in it.
    #[error("not a checkpoint: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No trusted key has signed.
    #[error("signed by {}, which you do not trust; give the log's key if you do", .signers.join(", "))]
    UnknownSigner {
        /// Who claims to have signed, each as `name+id`.
        signers: Vec<String>,
    },
    /// A signature under a trusted key's name that this key has not made.
    #[error(
        "the signature by {key} is false: the checkpoint was altered, or was never signed by that key"
    )]
    BadSignature {
        /// The trusted key, as `name+id`.
        key: String,
    },
    /// A trusted key has signed, but the checkpoint of another log.
    #[error("{key} has signed, but the checkpoint is that of the log {origin}")]
    OtherOrigin {
        /// The log's name.
        origin: String,
        /// The trusted key, as `name+id`.
        key: String,
    },
}

impl CheckpointError {
    /// A stable name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed-checkpoint",
            Self::UnknownSigner { .. } => "unknown-signer",
            Self::BadSignature { .. } => "bad-signature",
            Self::OtherOrigin { .. } => "other-origin",
        }
    }
}

/// Signs the root of the log `origin`: a C2SP tlog-checkpoint, with `origin` as the
/// key's name as well. The signature is verified before it is returned, unless the key
/// [needs no verification](CheckpointKey::needs_verification).
///
/// # Errors
///
/// If `origin` cannot name a log or the key does not sign.
pub fn sign_checkpoint(
    origin: &str,
    size: u64,
    root: &Hash,
    key: &dyn CheckpointKey,
) -> Result<String, SigningError> {
    let signer = TrustedKey::new(origin, &key.public())
        .map_err(|error| SigningError::new(error.to_string()))?;
    let text = tlog_tiles::Checkpoint::new(origin, size, tlog_tiles::Hash(root.0), "")
        .map_err(|error| SigningError::new(error.to_string()))?
        .to_bytes();
    let signature = signer.sign(key, &text)?;
    let signed = Signature::new(origin.to_owned(), signer.id(), signature.to_vec())
        .and_then(|signature| Note::new(&text, &[signature]))
        .map_err(|error| SigningError::new(error.to_string()))?;
    Ok(String::from_utf8(signed.to_bytes()).expect("a note consists of checked text"))
}

/// Reads a checkpoint and believes it if a trusted key with the log's name has signed it.
///
/// Signatures by keys that are not in `trust` are passed over, as cosignatures by
/// strangers are. One false signature under a trusted key's name is enough to refuse.
///
/// # Errors
///
/// See [`CheckpointError`].
pub fn open_checkpoint(note: &str, trust: &[TrustedKey]) -> Result<Checkpoint, CheckpointError> {
    let SignedCheckpoint {
        text,
        checkpoint,
        lines,
    } = SignedCheckpoint::parse(note)?;

    let mut signed = Vec::new();
    for line in &lines {
        let by = trust
            .iter()
            .find(|key| key.name() == line.name() && key.id() == line.id());
        let Some(key) = by else { continue };
        let verifies = line
            .signature()
            .try_into()
            .is_ok_and(|signature| key.verifies(text.as_bytes(), signature));
        if !verifies {
            return Err(CheckpointError::BadSignature {
                key: key.identity(),
            });
        }
        signed.push(key);
    }
    let Some(signer) = signed.first() else {
        return Err(CheckpointError::UnknownSigner {
            signers: lines.iter().map(identity).collect(),
        });
    };
    let signer = signed
        .iter()
        .find(|key| key.name() == checkpoint.origin())
        .ok_or_else(|| CheckpointError::OtherOrigin {
            origin: checkpoint.origin().to_owned(),
            key: signer.identity(),
        })?;
    Ok(Checkpoint {
        origin: checkpoint.origin().to_owned(),
        size: checkpoint.size(),
        root: Hash(checkpoint.hash().0),
        signer: signer.identity(),
    })
}

/// The checkpoint with no other signatures than those under `key`'s name and id: anybody can add
/// lines to a note. Nothing is verified.
///
/// # Errors
///
/// If the note is not a checkpoint.
pub fn without_strangers(note: &str, key: &TrustedKey) -> Result<String, CheckpointError> {
    let signed = SignedCheckpoint::parse(note)?;
    // An empty line ends the text.
    let mut kept = format!("{}\n", signed.text);
    for line in &signed.lines {
        if key.name() == line.name() && key.id() == line.id() {
            kept.push_str(&String::from_utf8_lossy(&line.to_bytes()));
        }
    }
    Ok(kept)
}

/// A checkpoint that is well-formed, and that nobody has been found to have signed.
pub(super) struct SignedCheckpoint<'a> {
    /// What was signed.
    pub(super) text: &'a str,
    pub(super) checkpoint: tlog_tiles::Checkpoint,
    pub(super) lines: Vec<Signature>,
}

impl<'a> SignedCheckpoint<'a> {
    pub(super) fn parse(note: &'a str) -> Result<Self, CheckpointError> {
        if note.len() > MAXIMUM_CHECKPOINT {
            return Err(malformed("larger than any checkpoint"));
        }
        let parsed =
            Note::from_bytes(note.as_bytes()).map_err(|_| malformed("not a signed note"))?;
        if parsed.to_bytes() != note.as_bytes() {
            return Err(malformed("not the one way to write this signed note"));
        }
        let checkpoint = tlog_tiles::Checkpoint::from_bytes(parsed.text())
            .map_err(|_| malformed("the note's text is not origin, size and root"))?;
        if !checkpoint.extension().is_empty() {
            return Err(malformed(
                "it has extension lines, which nobody here understands",
            ));
        }
        // `signed_note` does not hand out signatures before they are verified, and verifies
        // less strictly than we do.
        let (text, lines) = note.split_at(parsed.text().len());
        let lines = lines
            .lines()
            .filter_map(|line| Signature::from_bytes(line.as_bytes()).ok())
            .collect();
        Ok(Self {
            text,
            checkpoint,
            lines,
        })
    }
}

pub(super) fn identity(signature: &Signature) -> String {
    format!("{}+{:08x}", signature.name(), signature.id())
}

pub(super) fn malformed(reason: &'static str) -> CheckpointError {
    CheckpointError::Malformed { reason }
}

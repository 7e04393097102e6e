//! What a witness signs and what it refuses: the rules of
//! [C2SP tlog-witness](https://c2sp.org/tlog-witness), without server and storage.

use super::checkpoint::SignedCheckpoint;
use super::{
    AddCheckpoint, AddCheckpointError, CheckpointError, Hash, MAXIMUM_SIZE, MemoryHashes,
    TrustedKey, check_consistency, open_checkpoint, root,
};
use std::collections::BTreeMap;
use thiserror::Error;

/// What a witness knows: of every log, the latest checkpoint that it has signed.
///
/// Whoever keeps it must put what [`Witness::consider`] allows on disk before the
/// cosignature leaves, and let nobody else consider in between. A witness that has
/// forgotten what it signed is worth nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    latest: BTreeMap<String, Witnessed>,
}

/// A checkpoint that a witness signs or has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// The number of the log's entries.
    pub size: u64,
    /// The root of its tree.
    pub root: Hash,
}

/// Leave to sign a checkpoint: it extends what was signed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leave {
    /// The log's name.
    pub origin: String,
    /// What may be signed and has to be remembered.
    pub witnessed: Witnessed,
}

/// Why a witness does not sign.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WitnessRefusal {
    /// The request is not one.
    #[error("this is not a request to add a checkpoint: {0}")]
    MalformedRequest(#[source] AddCheckpointError),
    /// The checkpoint is not one.
    #[error("the checkpoint is malformed: {reason}")]
    MalformedCheckpoint {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The old size is larger than the checkpoint.
    #[error("the old size {old} is larger than the checkpoint's, {size}")]
    OldBeyondSize {
        /// The old size.
        old: u64,
        /// The checkpoint's.
        size: u64,
    },
    /// The witness does not know the log.
    #[error("the log {origin} is not one that this witness watches")]
    UnknownLog {
        /// The log's name.
        origin: String,
    },
    /// The log's key has not signed the checkpoint.
    #[error("the checkpoint is not signed by the log's key: {0}")]
    NotSigned(#[source] CheckpointError),
    /// The old size is not that of the latest checkpoint that the witness has signed.
    #[error("the latest checkpoint that this witness has signed has size {latest}, not {old}")]
    OtherSize {
        /// The old size.
        old: u64,
        /// The size that the witness has signed.
        latest: u64,
    },
    /// The log has signed another root for the same size: it shows two histories.
    #[error("this witness has signed another root of the same {size} entries")]
    OtherRoot {
        /// The size of both.
        size: u64,
    },
    /// The proof does not lead from the one checkpoint to the other.
    #[error(
        "the proof does not show that the {size} entries begin with the {old} that were signed before"
    )]
    InvalidProof {
        /// The old size.
        old: u64,
        /// The checkpoint's.
        size: u64,
    },
}

impl WitnessRefusal {
    /// The status of the answer over HTTP.
    pub const fn status(&self) -> u16 {
        match self {
            Self::MalformedRequest(_)
            | Self::MalformedCheckpoint { .. }
            | Self::OldBeyondSize { .. } => 400,
            Self::NotSigned(_) => 403,
            Self::UnknownLog { .. } => 404,
            Self::OtherSize { .. } | Self::OtherRoot { .. } => 409,
            Self::InvalidProof { .. } => 422,
        }
    }

    /// For the status 409, the size that the answer states: the latest that the witness
    /// has signed. The answer is this number and a newline, as `text/x.tlog.size`.
    pub const fn latest(&self) -> Option<u64> {
        match self {
            Self::OtherSize { latest, .. } => Some(*latest),
            Self::OtherRoot { size } => Some(*size),
            _ => None,
        }
    }

    /// A stable name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MalformedRequest(_) => "malformed-request",
            Self::MalformedCheckpoint { .. } => "malformed-checkpoint",
            Self::OldBeyondSize { .. } => "old-beyond-size",
            Self::UnknownLog { .. } => "unknown-log",
            Self::NotSigned(_) => "not-signed",
            Self::OtherSize { .. } => "other-size",
            Self::OtherRoot { .. } => "other-root",
            Self::InvalidProof { .. } => "invalid-proof",
        }
    }
}

impl Witness {
    /// The latest checkpoint of each log that was signed, by the logs' names.
    pub fn latest(&self) -> impl Iterator<Item = (&str, &Witnessed)> {
        self.latest
            .iter()
            .map(|(origin, latest)| (origin.as_str(), latest))
    }

    /// Remembers that a checkpoint is about to be signed. Also how what was on disk gets
    /// back into memory.
    pub fn remember(&mut self, leave: Leave) {
        self.latest.insert(leave.origin, leave.witnessed);
    }

    /// Whether the checkpoint may be signed. `logs` are the keys of the logs that the
    /// witness watches, each named like its log. Nothing is remembered yet.
    ///
    /// # Errors
    ///
    /// The first rule that the request breaks.
    pub fn consider(
        &self,
        request: &AddCheckpoint,
        logs: &[TrustedKey],
    ) -> Result<Leave, WitnessRefusal> {
        let checkpoint = signed_by_its_log(&request.checkpoint, logs)?;
        let (old, size) = (request.old, checkpoint.witnessed.size);
        if old > size {
            return Err(WitnessRefusal::OldBeyondSize { old, size });
        }
        let latest = self.latest.get(&checkpoint.origin);
        let latest_size = latest.map_or(0, |latest| latest.size);
        if old != latest_size {
            return Err(WitnessRefusal::OtherSize {
                old,
                latest: latest_size,
            });
        }
        match latest {
            Some(latest) if size == latest.size && checkpoint.witnessed.root != latest.root => {
                Err(WitnessRefusal::OtherRoot { size })
            }
            latest if extends(&checkpoint.witnessed, latest, &request.proof) => Ok(checkpoint),
            _ => Err(WitnessRefusal::InvalidProof { old, size }),
        }
    }
}

fn signed_by_its_log(note: &str, logs: &[TrustedKey]) -> Result<Leave, WitnessRefusal> {
    let parsed = match SignedCheckpoint::parse(note) {
        Ok(parsed) => parsed.checkpoint,
        Err(CheckpointError::Malformed { reason }) => {
            return Err(WitnessRefusal::MalformedCheckpoint { reason });
        }
        Err(error) => return Err(WitnessRefusal::NotSigned(error)),
    };
    let keys: Vec<TrustedKey> = logs
        .iter()
        .filter(|key| key.name() == parsed.origin())
        .cloned()
        .collect();
    if keys.is_empty() {
        return Err(WitnessRefusal::UnknownLog {
            origin: parsed.origin().to_owned(),
        });
    }
    let checkpoint = open_checkpoint(note, &keys).map_err(WitnessRefusal::NotSigned)?;
    Ok(Leave {
        origin: checkpoint.origin,
        witnessed: Witnessed {
            size: checkpoint.size,
            root: checkpoint.root,
        },
    })
}

/// Whether a checkpoint begins with what was signed before. The empty log is the
/// beginning of every log, and there is only one.
fn extends(checkpoint: &Witnessed, latest: Option<&Witnessed>, proof: &[Hash]) -> bool {
    if checkpoint.size == 0 {
        let empty = root(0, &MemoryHashes::default());
        return proof.is_empty() && empty.is_ok_and(|empty| empty == checkpoint.root);
    }
    match latest {
        Some(latest) if latest.size > 0 => check_consistency(
            proof,
            latest.size,
            &latest.root,
            checkpoint.size,
            &checkpoint.root,
        )
        .is_ok(),
        _ => proof.is_empty() && checkpoint.size <= MAXIMUM_SIZE,
    }
}

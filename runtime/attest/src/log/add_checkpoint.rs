//! What a witness is sent: the body of `add-checkpoint` of
//! [C2SP tlog-witness](https://c2sp.org/tlog-witness).

use super::proof_text::{self, MAXIMUM_PROOF_TEXT};
use super::tile_path::read_decimal;
use super::{Hash, MAXIMUM_CHECKPOINT};
use thiserror::Error;

/// Greatest size of the body of `add-checkpoint`, in bytes.
pub const MAXIMUM_ADD_CHECKPOINT: usize = 32 + MAXIMUM_PROOF_TEXT + MAXIMUM_CHECKPOINT;

/// A log asks for a cosignature of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint of this log that the witness signed last; 0 if none.
    pub old: u64,
    /// That the log of `old` entries is the beginning of the checkpoint's; for 0, nothing.
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// Why a text is not the body of `add-checkpoint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddCheckpointError {
    /// Longer than [`MAXIMUM_ADD_CHECKPOINT`].
    #[error("{found} bytes are more than any request has, {MAXIMUM_ADD_CHECKPOINT}")]
    TooLarge {
        /// The length in bytes.
        found: usize,
    },
    /// The first line is not the old size.
    #[error("the first line is not `old`, a space and a size in decimal")]
    Old,
    /// What follows is not a proof and an empty line.
    #[error("after the first line come at most 63 hashes in base64, one a line, and an empty line")]
    Proof,
}

impl AddCheckpoint {
    /// The request's body.
    pub fn to_text(&self) -> String {
        let mut text = format!("old {}\n", self.old);
        proof_text::write(&self.proof, &self.checkpoint, &mut text);
        text
    }

    /// Reads a request's body. The checkpoint is not looked at.
    ///
    /// # Errors
    ///
    /// If the text is not one.
    pub fn from_text(text: &str) -> Result<Self, AddCheckpointError> {
        if text.len() > MAXIMUM_ADD_CHECKPOINT {
            return Err(AddCheckpointError::TooLarge { found: text.len() });
        }
        let (old, rest) = text.split_once('\n').ok_or(AddCheckpointError::Old)?;
        let old = old
            .strip_prefix("old ")
            .and_then(read_decimal)
            .ok_or(AddCheckpointError::Old)?;
        let (proof, checkpoint) = proof_text::read(rest).ok_or(AddCheckpointError::Proof)?;
        Ok(Self {
            old,
            proof,
            checkpoint: checkpoint.to_owned(),
        })
    }
}

//! A proof in a file: [C2SP tlog-proof](https://c2sp.org/tlog-proof).

use super::proof_text::{self, MAXIMUM_PROOF_TEXT};
use super::tile_path::read_decimal;
use super::{Checkpoint, Hash, MAXIMUM_CHECKPOINT, TrustedKey, check_inclusion, open_checkpoint};
use crate::{Doubt, LeafHash};
use thiserror::Error;

/// What the file extension of proofs is, without its dot.
pub const TLOG_PROOF_EXTENSION: &str = "tlog-proof";

/// Greatest size of a proof, in bytes.
const MAXIMUM_TLOG_PROOF: usize = 64 + MAXIMUM_PROOF_TEXT + MAXIMUM_CHECKPOINT;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1\n";

/// That an entry, which is elsewhere, stands in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// The entry's index.
    pub index: u64,
    /// The inclusion proof, from the leaf upwards.
    pub proof: Vec<Hash>,
    /// The signed checkpoint to which it leads.
    pub checkpoint: String,
}

/// Why a text is not a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlogProofError {
    /// Longer than any proof.
    #[error("{found} bytes are more than any proof has, {MAXIMUM_TLOG_PROOF}")]
    TooLarge {
        /// The length in bytes.
        found: usize,
    },
    /// Not a proof, or of another version.
    #[error("the first line is not `c2sp.org/tlog-proof@v1`")]
    Version,
    /// It carries data of an application, which nothing vouches for.
    #[error("the proof has a line `extra`, which means nothing to this program")]
    Extra,
    /// The line of the index is not one.
    #[error("the second line is not `index`, a space and a number in decimal")]
    Index,
    /// What follows is not a proof and an empty line.
    #[error("after the index come at most 63 hashes in base64, one a line, and an empty line")]
    Proof,
}

impl TlogProofError {
    /// A stable name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "oversized",
            Self::Version => "other-version",
            Self::Extra => "extra",
            Self::Index => "malformed-index",
            Self::Proof => "malformed-proof",
        }
    }
}

impl TlogProof {
    /// The proof's one text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}index {}\n", self.index);
        proof_text::write(&self.proof, &self.checkpoint, &mut text);
        text
    }

    /// Reads a proof. The checkpoint is not looked at.
    ///
    /// # Errors
    ///
    /// If the text is not one.
    pub fn from_text(text: &str) -> Result<Self, TlogProofError> {
        if text.len() > MAXIMUM_TLOG_PROOF {
            return Err(TlogProofError::TooLarge { found: text.len() });
        }
        let rest = text
            .strip_prefix(FIRST_LINE)
            .ok_or(TlogProofError::Version)?;
        if rest.starts_with("extra ") {
            return Err(TlogProofError::Extra);
        }
        let (index, rest) = rest.split_once('\n').ok_or(TlogProofError::Index)?;
        let index = index
            .strip_prefix("index ")
            .and_then(read_decimal)
            .ok_or(TlogProofError::Index)?;
        let (proof, checkpoint) = proof_text::read(rest).ok_or(TlogProofError::Proof)?;
        Ok(Self {
            index,
            proof,
            checkpoint: checkpoint.to_owned(),
        })
    }

    /// Verifies that the entry with the hash `leaf` stands in a log that a trusted key of
    /// its name has signed.
    ///
    /// # Errors
    ///
    /// The first reason for not believing it.
    pub fn verify(&self, leaf: &LeafHash, trust: &[TrustedKey]) -> Result<Checkpoint, Doubt> {
        let checkpoint = open_checkpoint(&self.checkpoint, trust)?;
        check_inclusion(
            &self.proof,
            self.index,
            leaf,
            checkpoint.size,
            &checkpoint.root,
        )
        .map_err(|_| Doubt::NotInLog {
            index: self.index,
            size: checkpoint.size,
        })?;
        Ok(checkpoint)
    }
}

//! Drafts and submissions: the only way out to a ledger.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::host::{Current, Host};
use crate::{Bytes, Error, LedgerPosition};

/// An encoded, schema-checked call of the bound contract that has not been submitted.
/// Dropping it leaves no trace but the host call in the transcript.
#[must_use = "a draft that is not submitted never leaves"]
pub struct Draft(pub(crate) <Current as Host>::Draft);

impl Draft {
    /// keccak256 of the encoded call on an EVM ledger; the chain kind's own digest
    /// elsewhere.
    pub fn digest(&self) -> Bytes {
        Bytes(Current::digest(&self.0))
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Draft(..)")
    }
}

/// The number of a submission, counted per binding from its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Submission(u64);

impl Submission {
    /// The submission with this number.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Submission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "submission {}", self.0)
    }
}

/// Where a submission stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmissionStatus {
    /// Staged, signed or on its way; not yet in a block.
    Pending,
    /// In a block that may still be reorganised away.
    Included(LedgerPosition),
    /// In a block that is final by the ledger's own measure.
    Finalized(LedgerPosition),
    /// The bound contract refused it; the reason as the chain gave it.
    Reverted(String),
    /// Its validity ended before it was included.
    Expired,
    /// Given up by a signed skip.
    Skipped,
}

/// Why an action could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The binding's contract has no such action.
    #[error("the bound contract has no action `{0}`; check [messages] actions in cryptlet.toml")]
    UnknownAction(String),
    /// A field does not fit the action's schema.
    #[error("field `{path}`: expected {expected}, found {found}")]
    Field {
        /// Dotted path of the field.
        path: String,
        /// What the schema wants there.
        expected: String,
        /// What was there.
        found: String,
    },
    /// The binding does not let this cryptlet write to the ledger.
    #[error("the binding does not grant it: {0}")]
    NotGranted(String),
    /// The message itself could not be serialised.
    #[error("{0}")]
    Message(Error),
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        let code = match &error {
            BuildError::UnknownAction(_) => "unknown-action",
            BuildError::Field { .. } => "action-field",
            BuildError::NotGranted(_) => "ledger-not-granted",
            BuildError::Message(inner) => return inner.clone(),
        };
        Self::new(code, error.to_string())
    }
}

//! Asking utility cryptlets.

use crate::Error;

/// Why a source gave no usable reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The binding names no source like this.
    #[error("the binding names no source `{0}`; check [capabilities] sources in cryptlet.toml")]
    UnknownSource(String),
    /// The source ran and said that it cannot answer.
    #[error("source `{name}` failed with {failure}")]
    Failed {
        /// The source's name in the binding.
        name: String,
        /// Its own code and message.
        failure: Error,
    },
    /// A limit of this run or of the source's was reached.
    #[error("source `{name}` reached a limit: {limit}")]
    Limit {
        /// The source's name in the binding.
        name: String,
        /// Which limit, as the host puts it.
        limit: String,
    },
    /// The request could not be written, or the reply is not the message that this
    /// cryptlet expects.
    #[error("source `{name}`: {reason}")]
    Message {
        /// The source's name in the binding.
        name: String,
        /// What does not fit.
        reason: Error,
    },
}

impl From<AskError> for Error {
    fn from(error: AskError) -> Self {
        let code = match &error {
            AskError::UnknownSource(_) => "unknown-source",
            AskError::Failed { .. } => "source-failed",
            AskError::Limit { .. } => "source-limit",
            AskError::Message { .. } => "source-message",
        };
        Self::new(code, error.to_string())
    }
}

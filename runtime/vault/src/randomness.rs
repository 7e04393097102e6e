//! Where new secrets, salts and nonces come from.

/// A source of unpredictable bytes.
///
/// The seam that lets a test decide which key is made. Outside of tests it is
/// always [`OperatingSystem`].
pub trait Randomness {
    /// Fills `bytes` entirely.
    ///
    /// # Errors
    /// When the source has no more bytes; `bytes` is then not to be used.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError>;
}

/// A source of randomness failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RandomnessError {
    /// The source gave no bytes.
    #[error("no random bytes: {reason}")]
    Unavailable {
        /// What the source said.
        reason: String,
    },
    /// The source gave bytes that cannot be random.
    #[error("the source of randomness repeats itself: none of its bytes make a key")]
    Unusable,
}

/// The operating system's generator, `getrandom(2)` or its equivalent.
#[derive(Clone, Copy, Debug, Default)]
pub struct OperatingSystem;

impl Randomness for OperatingSystem {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        getrandom::fill(bytes).map_err(|error| RandomnessError::Unavailable {
            reason: error.to_string(),
        })
    }
}

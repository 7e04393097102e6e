//! Time, randomness and the points where a process may die: what tests and replay decide.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the fabric reads the time at which it accepts an invocation.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> u64;
}

/// The host's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map(|since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
            .unwrap_or(0)
    }
}

/// Where seeds and salts come from.
pub trait Randomness: Send + Sync {
    /// Thirty-two bytes nobody could have foreseen.
    ///
    /// # Errors
    ///
    /// When the operating system has no randomness to give.
    fn draw(&self) -> Result<[u8; 32], RandomnessError>;
}

/// The operating system refused to give random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}; nothing was accepted, try again")]
pub struct RandomnessError(pub String);

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn draw(&self) -> Result<[u8; 32], RandomnessError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| RandomnessError(error.to_string()))?;
        Ok(bytes)
    }
}

/// A point on the way of one invocation to its ledger; everything before it has happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Step {
    /// Input, instant, seed and salt are durable.
    Accepted,
    /// The cryptlet ran; nothing of the run is durable yet.
    Ran,
    /// Receipt, transcript, outputs, state and checkpoint are durable in one commit.
    Executed,
    /// The nonce is taken and the signed transaction is durable; the network has not seen it.
    Built,
    /// A node has the transaction; the journal does not know that yet.
    Broadcast,
    /// The journal knows the block that holds the transaction.
    Included,
    /// The block is final and the journal knows it.
    Finalized,
}

impl Step {
    /// Every step, in the order in which one invocation reaches them.
    pub const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Ran,
        Self::Executed,
        Self::Built,
        Self::Broadcast,
        Self::Included,
        Self::Finalized,
    ];
}

/// An invocation has reached a step; how it stands now is in the journal.
///
/// Whoever falls behind by more notices than are kept misses the oldest and looks at the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The binding's name.
    pub binding: Arc<str>,
    /// The invocation.
    pub number: u64,
    /// How far it is.
    pub step: Step,
}

/// Told of every step as it is reached: progress for people, and the place where fault injection
/// ends the process.
pub trait Steps: Send + Sync {
    /// Invocation `number` of the binding called `binding` has reached `step`.
    fn reached(&self, step: Step, binding: &str, number: u64);
}

/// Traces every step at debug level.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracedSteps;

impl Steps for TracedSteps {
    fn reached(&self, step: Step, binding: &str, number: u64) {
        tracing::debug!(?step, binding, number, "step reached");
    }
}

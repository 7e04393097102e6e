//! Why a cryptlet runs.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{Submission, SubmissionStatus};

/// Milliseconds since 1970-01-01T00:00:00Z. The host fixes a run's instant when it
/// accepts the invocation; no other clock exists.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Instant(u64);

impl Instant {
    /// The instant this many milliseconds after the epoch.
    pub const fn from_milliseconds(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since the epoch.
    pub const fn milliseconds(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, the unit of Solidity's `block.timestamp`.
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ms", self.0)
    }
}

/// Why the cryptlet runs, as the host put it. Handlers usually take something
/// narrower; see [`Input`](crate::Input).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A counterparty or caller, authenticated by the host.
    Message(IncomingMessage),
    /// An event of the bound contract, at the finality that the binding asks for.
    ContractEvent(ContractEvent),
    /// A point of the binding's schedule.
    Schedule(Instant),
    /// What became of a submission that an earlier run made.
    Receipt(SubmissionOutcome),
}

impl fmt::Display for Trigger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => write!(formatter, "message `{}`", message.topic),
            Self::ContractEvent(event) => write!(formatter, "contract event `{}`", event.name),
            Self::Schedule(instant) => write!(formatter, "schedule at {instant}"),
            Self::Receipt(outcome) => write!(formatter, "receipt of {}", outcome.submission),
        }
    }
}

/// A message that somebody sent to the cryptlet, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingMessage {
    /// Who sent it, as the host authenticated them. A utility cryptlet that is asked
    /// sees the id of the binding that asks.
    pub sender: String,
    /// The name of the message's schema.
    pub topic: String,
    /// UTF-8 JSON, checked against that schema.
    pub body: Vec<u8>,
}

/// An event of the bound contract, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractEvent {
    /// The event's name in the binding's schema.
    pub name: String,
    /// UTF-8 JSON, decoded from topics and data by that schema.
    pub fields: Vec<u8>,
    /// The transaction that emitted it.
    pub at: LedgerPosition,
    /// The event's index among all logs of its block.
    pub log_index: u32,
}

/// A transaction's place on a ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerPosition {
    /// CAIP-2 chain id, for example `eip155:1`.
    pub chain: String,
    /// The block's height.
    pub block: u64,
    /// The block's hash, as the chain writes it.
    pub block_hash: Vec<u8>,
    /// The transaction's hash, as the chain writes it.
    pub transaction: Vec<u8>,
}

/// What became of a submission that an earlier run made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmissionOutcome {
    /// Which submission.
    pub submission: Submission,
    /// Where it stands.
    pub status: SubmissionStatus,
}

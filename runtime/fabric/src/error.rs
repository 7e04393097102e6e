//! What can go wrong in the fabric, in words for its operator.

use cryptlet_attest::{BindingVersion, Measurement};
use semver::Version;

use crate::binding::BindingError;
use crate::change::{ApprovalError, ChangeError};
use crate::directories::DirectoryError;
use crate::journal::JournalError;
use crate::publish::PublishError;
use crate::seams::RandomnessError;
use crate::versions::{Stage, StateError};

/// An operation of the fabric failed; what was durable before still is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FabricError {
    /// The durable record failed.
    #[error(transparent)]
    Journal(JournalError),
    /// The state folder comes from a backup, and nobody has said that it may run.
    #[error(
        "the state folder is restored from a backup: what was done since may be done twice, and the log forks if a larger one was published; compare the newest published checkpoint with {0}, then remove that file"
    )]
    Restored(std::path::PathBuf),
    /// The log could not be published, or must not be.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A binding is not acceptable.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// A component is not a cryptlet that this host runs.
    #[error(transparent)]
    Load(#[from] cryptlet_container::LoadError),
    /// The sandbox could not be set up.
    #[error(transparent)]
    Container(#[from] cryptlet_container::ContainerError),
    /// A component changes more than its version says, or a deployed one would.
    #[error("{breach}; {remedy}")]
    Breach {
        /// Which versions, and what changes between them.
        breach: Box<cryptlet_schema::Breach>,
        /// The way out.
        remedy: String,
    },
    /// A cryptlet asks for what its binding does not grant.
    #[error(transparent)]
    Grant(#[from] cryptlet_container::GrantError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] cryptlet_ledger::LedgerError),
    /// A key is missing, locked or meant for something else.
    #[error(transparent)]
    Key(#[from] cryptlet_vault::SigningError),
    /// The log's name is not acceptable.
    #[error("fabric.origin: {0}; take a name without spaces and plus signs")]
    Origin(#[from] cryptlet_attest::KeyError),
    /// There are no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// TLS could not be set up.
    #[error("TLS could not be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The running program could not be read to measure it.
    #[error("this program's own file cannot be read, so receipts could not name it: {0}")]
    Executable(std::io::Error),
    /// A task of the runtime was cancelled; the process is shutting down.
    #[error("the work was cut off by a shutdown: {0}; it goes on at the next start")]
    CutOff(tokio::task::JoinError),
    /// A task of the runtime panicked, which no input may make it do.
    #[error(
        "the fabric itself failed: {0}; report this with its log, nothing that was accepted is lost"
    )]
    Panicked(tokio::task::JoinError),
    /// No component with this measurement was deployed.
    #[error("no component with measurement {0} is deployed; deploy it first")]
    NotDeployed(Measurement),
    /// This version was never deployed.
    #[error("{cryptlet} {version} is not deployed; deploy its component first")]
    UnknownVersion {
        /// The cryptlet.
        cryptlet: String,
        /// The version.
        version: Version,
    },
    /// There is no binding of this name.
    #[error("there is no binding \"{0}\"; `cryptlet ls` shows those there are")]
    UnknownBinding(String),
    /// The binding names a ledger that is not configured.
    #[error(
        "binding \"{binding}\", contract.ledger: no ledger \"{ledger}\" is configured; add [ledgers.{ledger}] to fabric.toml"
    )]
    UnknownLedger {
        /// The binding.
        binding: String,
        /// The ledger.
        ledger: String,
    },
    /// The configured ledger is not the one that the counterparties signed.
    #[error(
        "binding \"{binding}\" is signed for {expected}, but ledger \"{ledger}\" is {found}; configure the ledger that was signed"
    )]
    OtherLedger {
        /// The binding.
        binding: String,
        /// The ledger.
        ledger: String,
        /// What the binding says.
        expected: String,
        /// What is configured.
        found: String,
    },
    /// The version is not one that the binding allows.
    #[error(
        "binding \"{binding}\" allows {expected}, not {found}; have its counterparties sign a binding that does"
    )]
    OutsideBinding {
        /// The binding.
        binding: String,
        /// What it allows.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A binding grants a directory that this host does not map.
    #[error(
        "binding \"{binding}\" grants the directory {directory}, which this host has not; say where \
         it lies under [directories] in fabric.toml, and start again"
    )]
    NoDirectory {
        /// The binding.
        binding: String,
        /// The directory's name.
        directory: String,
    },
    /// A directory of the configuration cannot be read.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The version is active already.
    #[error("{version} is active in binding \"{binding}\" already; nothing was changed")]
    AlreadyActive {
        /// The binding.
        binding: String,
        /// The version.
        version: Version,
    },
    /// A version may not go from where it stands to where it was to be moved.
    #[error(
        "binding \"{binding}\": {version} is {from} and cannot become {to}; {remedy}, nothing was changed"
    )]
    IllegalMove {
        /// The binding.
        binding: String,
        /// The version.
        version: Version,
        /// Where it stands.
        from: Stage,
        /// Where it was to go.
        to: Stage,
        /// What to do instead.
        remedy: String,
    },
    /// The counterparties ask for more clean shadow runs.
    #[error(
        "binding \"{binding}\" asks for {required} clean shadow runs before a promotion, and {version} has {found} since it last differed; let it run with `cryptlet shadow start`, and see `cryptlet shadow show`"
    )]
    TooFewShadowRuns {
        /// The binding.
        binding: String,
        /// The version.
        version: Version,
        /// How many it needs.
        required: u64,
        /// How many it has.
        found: u64,
    },
    /// A canary needs invocations that may overtake each other.
    #[error(
        "binding \"{binding}\" is ordered, so that no share of its invocations can run on another version; try {version} with `cryptlet shadow` instead"
    )]
    OrderedCanary {
        /// The binding.
        binding: String,
        /// The version.
        version: Version,
    },
    /// A share is not one.
    #[error("a canary gets between 1 and 1000 thousandths of the invocations, not {0}")]
    Share(u16),
    /// A canary that would never be judged, or without having run.
    #[error("a canary is judged once it has run between 1 and 1000 times, not {0}")]
    LeastRuns(u32),
    /// A version cannot have the binding's state.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is nothing to go back to.
    #[error(
        "binding \"{binding}\" runs {version}, and no version before it is left to roll back to"
    )]
    NothingBefore {
        /// The binding.
        binding: String,
        /// The active version.
        version: Version,
    },
    /// The chain is ahead of this journal.
    #[error("binding \"{binding}\" takes nothing: {reason}")]
    Overtaken {
        /// The binding.
        binding: String,
        /// What the chain has, and the way out.
        reason: String,
    },
    /// A change is not one that can be made.
    #[error(transparent)]
    Change(Box<ChangeError>),
    /// An approval of a change is none.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// There is no change of this number.
    #[error(
        "there is no change {number} of binding \"{binding}\"; `cryptlet bind changes {binding}` shows those there are"
    )]
    UnknownChange {
        /// The binding.
        binding: String,
        /// The change.
        number: u64,
    },
    /// The gateway does not know the binding.
    #[error(
        "the gateway does not have binding \"{0}\" yet, so nothing about it can change there; wait until it is created"
    )]
    NotAtGateway(String),
    /// A document of a version that something was accepted under is missing.
    #[error(
        "the journal has no document of version {version} of binding \"{binding}\"; restore a backup"
    )]
    NoDocument {
        /// The binding.
        binding: String,
        /// The version.
        version: BindingVersion,
    },
    /// The binding waits for another document.
    #[error(
        "binding \"{binding}\" takes nothing new because of change {change} of its counterparties; `cryptlet bind changes {binding}` says what it waits for"
    )]
    Paused {
        /// The binding.
        binding: String,
        /// The change.
        change: u64,
    },
    /// The chain would refuse what the module delivers.
    #[error("module {measurement} may not run under binding \"{binding}\": {reason}; {remedy}")]
    NotAllowed {
        /// The binding.
        binding: String,
        /// The module.
        measurement: Measurement,
        /// Why the chain refuses it.
        reason: String,
        /// The way out.
        remedy: String,
    },
    /// A message is not one that the binding takes.
    #[error("binding \"{binding}\" takes no such message: {reason}")]
    Message {
        /// The binding.
        binding: String,
        /// What does not fit.
        reason: String,
    },
    /// As many invocations wait as may; whoever sends must slow down.
    #[error(
        "binding \"{binding}\" has {waiting} invocations waiting and takes {limit}; try again later, the idempotency key stays free"
    )]
    QueueFull {
        /// The binding.
        binding: String,
        /// Accepted and not yet executed.
        waiting: u64,
        /// How many may be.
        limit: u64,
    },
    /// Too many invocations of all bindings together wait.
    #[error(
        "{waiting} invocations of all bindings wait and the fabric takes {limit}; try again later, the idempotency key stays free"
    )]
    AllQueuesFull {
        /// Accepted and not yet executed.
        waiting: u64,
        /// How many may be.
        limit: u64,
    },
    /// The sender has used the idempotency key for a message with other content.
    #[error(
        "the idempotency key stands for another message, invocation {number} of binding \"{binding}\"; take a new key"
    )]
    OtherMessage {
        /// The binding.
        binding: String,
        /// The invocation that has the key.
        number: u64,
    },
    /// An invocation is not to be run once more.
    #[error("invocation {number} of binding \"{binding}\" is not run again: {reason}")]
    NotAgain {
        /// The binding.
        binding: String,
        /// The invocation.
        number: u64,
        /// Why not.
        reason: String,
    },
    /// An invocation is not to be gone past.
    #[error("invocation {number} of binding \"{binding}\" is not passed over: {reason}")]
    NotPassedOver {
        /// The binding.
        binding: String,
        /// The invocation.
        number: u64,
        /// Why not.
        reason: String,
    },
    /// A delivery is not to be given up.
    #[error("delivery {delivery} of binding \"{binding}\" is not given up: {reason}")]
    NotSkipped {
        /// The binding.
        binding: String,
        /// The delivery.
        delivery: u64,
        /// Why not.
        reason: String,
    },
    /// A signed transaction in the journal cannot be read back.
    #[error("the journal's transaction {hash} cannot be read ({reason}); restore a backup")]
    Transaction {
        /// Its hash.
        hash: alloy_primitives::B256,
        /// What does not fit.
        reason: String,
    },
    /// An accepted input in the journal cannot be read back.
    #[error(
        "the accepted input of invocation {number} of binding \"{binding}\" cannot be read: {reason}; restore a backup"
    )]
    Input {
        /// The binding.
        binding: String,
        /// The invocation.
        number: u64,
        /// What does not fit.
        reason: String,
    },
}

impl From<ChangeError> for FabricError {
    fn from(error: ChangeError) -> Self {
        Self::Change(Box::new(error))
    }
}

impl From<JournalError> for FabricError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::IllegalMove {
                binding,
                version,
                from,
                to,
                remedy,
            } => Self::IllegalMove {
                binding,
                version,
                from,
                to,
                remedy,
            },
            error => Self::Journal(error),
        }
    }
}

impl From<tokio::task::JoinError> for FabricError {
    fn from(error: tokio::task::JoinError) -> Self {
        if error.is_panic() {
            Self::Panicked(error)
        } else {
            Self::CutOff(error)
        }
    }
}

impl FabricError {
    /// Whether nothing more may be promised: the journal itself has failed. A full disk is no such
    /// failure: what did not fit is tried again, and goes on once there is room.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        let Self::Journal(error) = self else {
            return false;
        };
        !matches!(error, JournalError::Conflict(_) | JournalError::Full { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_not_taken_for_a_shutdown() {
        let panicked = tokio::task::spawn_blocking(|| panic!("on purpose")).await;
        let said = FabricError::from(panicked.expect_err("it panicked"));
        assert!(matches!(said, FabricError::Panicked(_)), "{said}");
        let task = tokio::spawn(std::future::pending::<()>());
        task.abort();
        let said = FabricError::from(task.await.expect_err("it was cancelled"));
        assert!(matches!(said, FabricError::CutOff(_)), "{said}");
    }
}

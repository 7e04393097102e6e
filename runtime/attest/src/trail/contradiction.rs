//! What does not fit.

use std::fmt;

use thiserror::Error;

use crate::log::CheckpointError;
use crate::{BindingId, BindingVersion, EncodingError, LeafHash, Measurement, Stage};

/// The first thing in a log that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The leaf at which it shows; none if it concerns the log as a whole.
    pub leaf: Option<u64>,
    /// What does not fit.
    pub finding: Finding,
    /// How the leaves differ from those under the checkpoint: they were altered since. None if they
    /// are exactly those; then the host has signed the contradiction, and it is evidence against the
    /// host.
    pub altered: Option<Finding>,
}

impl Contradiction {
    /// Whether the host has signed it.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.altered.is_none()
    }

    /// A stable name, for programs: that of the first check that fails, in the order of
    /// `docs/spec/log-export.md`. Of leaves that were altered it is always that they were.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match &self.altered {
            Some(altered) => altered.name(),
            None => self.finding.name(),
        }
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(leaf) = self.leaf else {
            return self.finding.fmt(formatter);
        };
        if self.finding.concerns_the_auditor() {
            return write!(formatter, "leaf {leaf}: {}", self.finding);
        }
        let whose = if self.is_signed() {
            "the log's key has signed this: keep it, it is evidence against the host"
        } else {
            "and the leaves are not those that the checkpoint signs: they were altered since"
        };
        write!(formatter, "leaf {leaf}: {}; {whose}", self.finding)
    }
}

impl std::error::Error for Contradiction {}

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Finding {
    /// A checkpoint is not one, or no trusted key has signed it.
    #[error("the checkpoint is not believed: {0}")]
    Checkpoint(#[source] CheckpointError),
    /// The log is shorter or longer than its checkpoint says.
    #[error("there are {leaves} leaves, but the checkpoint signs {size}")]
    OtherSize {
        /// Leaves at hand.
        leaves: u64,
        /// What was signed.
        size: u64,
    },
    /// A leaf was altered, dropped, swapped or added.
    #[error(
        "the {size} leaves do not hash to the root that was signed: at least one was altered, dropped, swapped or added since"
    )]
    OtherLeaves {
        /// How many there are.
        size: u64,
    },
    /// The auditor's earlier checkpoint is of another log.
    #[error("the earlier checkpoint is of the log {earlier}, this one is of {now}")]
    OtherLog {
        /// Origin of the earlier checkpoint.
        earlier: String,
        /// Origin of this one.
        now: String,
    },
    /// The log is shorter than it once was.
    #[error(
        "the log has {now} leaves, but the earlier checkpoint signs {earlier}: leaves were taken away, or this log is older than that checkpoint"
    )]
    Shortened {
        /// Size under the earlier checkpoint.
        earlier: u64,
        /// Size now.
        now: u64,
    },
    /// The log is not an extension of what it once was.
    #[error(
        "history was rewritten: the first {earlier} leaves are not those that the earlier checkpoint signs, though the same key has signed both"
    )]
    Rewritten {
        /// Size under the earlier checkpoint.
        earlier: u64,
    },
    /// The leaf is no log entry.
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] EncodingError),
    /// The log does not begin with the key that signs it.
    #[error("a log begins with the attestation key that signs it, this one with {found}")]
    NoKey {
        /// What its first leaf is.
        found: &'static str,
    },
    /// A key signs that the log never announced.
    #[error("the key {key} is used, but no leaf before announces it as an attestation key")]
    UnannouncedKey {
        /// The key, as `name+id`.
        key: String,
    },
    /// The statement names a key of the log that the auditor does not trust.
    #[error("it names the key {key}, which you do not trust; give it with --trust if you do")]
    UntrustedKey {
        /// The key, as `name+id`.
        key: String,
    },
    /// Two modules under one name and version.
    #[error("{cryptlet} {version} was deployed as {before} and again as {now}")]
    Redeployed {
        /// The cryptlet.
        cryptlet: String,
        /// Its version.
        version: String,
        /// The first module.
        before: Measurement,
        /// The second.
        now: Measurement,
    },
    /// A module is named that was not deployed under this name and version.
    #[error("module {measurement} was never deployed{}", called(.name))]
    NotDeployed {
        /// The module.
        measurement: Measurement,
        /// What it is called here: name and version.
        name: Option<(String, String)>,
    },
    /// The log does not have the binding.
    #[error("the log never activates the binding {binding}; it activates {}", listed(.others))]
    UnknownBinding {
        /// The binding that was asked for.
        binding: BindingId,
        /// Those that there are.
        others: Vec<BindingId>,
    },
    /// Something happens under a binding that is not in force.
    #[error("it comes before the binding was activated")]
    BeforeActivation,
    /// The auditor's document of the binding is not the one that came into force.
    #[error(
        "it activates version {activated} of the binding, but the document at hand is version {document}: it is another one, or was altered"
    )]
    OtherDocument {
        /// What came into force.
        activated: BindingVersion,
        /// Hash of the document at hand.
        document: BindingVersion,
    },
    /// Another version of the binding than the one in force.
    #[error("it names version {found} of the binding, but {expected} is in force")]
    OtherBindingVersion {
        /// In force.
        expected: BindingVersion,
        /// What the leaf names.
        found: BindingVersion,
    },
    /// Another cryptlet than the binding's.
    #[error("it concerns the cryptlet {found}, but the binding is with {expected}")]
    OtherCryptlet {
        /// The bound cryptlet.
        expected: String,
        /// What the leaf names.
        found: String,
    },
    /// A rollback leads to a module that was not active before.
    #[error("it rolls back to {found}, but before the current module {} was active", or_none(.expected))]
    OtherRollback {
        /// The module before, if there was one.
        expected: Option<Measurement>,
        /// Where it leads.
        found: Measurement,
    },
    /// A version went where it may not go from where it stood.
    #[error("it moves {version}, which is {from}, and may not become {to}")]
    IllegalMove {
        /// The version.
        version: String,
        /// Where it stood.
        from: Stage,
        /// Where the leaf moves it.
        to: Stage,
    },
    /// A move that does not say who decided on it and why.
    #[error("it moves {version} and does not say who decided on it, and why")]
    Undecided {
        /// The version.
        version: String,
    },
    /// A second module became active beside the first, or a second canary beside the first.
    #[error("it makes a second module {stage}, while {before} is")]
    Second {
        /// Active or canary.
        stage: Stage,
        /// The module that stands there.
        before: Measurement,
    },
    /// The active module drained, and no other took its place in the same commit.
    #[error("the active module drained, and no other took its place")]
    NoActive,
    /// A canary without a share of the invocations, or a share without a canary.
    #[error(
        "a canary gets between 1 and 1000 thousandths of the invocations, and nothing else gets a share"
    )]
    OtherShare,
    /// A module was done with although accepted invocations wait for it.
    #[error(
        "it says that {version} has nothing left to run, but {waiting} accepted invocations wait for it"
    )]
    StillWaiting {
        /// The version.
        version: String,
        /// How many.
        waiting: u64,
    },
    /// A migration does not begin with the state that the last run left, or comes without a move
    /// of the active module.
    #[error("it migrates another state than the last run left, or makes no module active")]
    OtherMigration,
    /// Acceptances are not numbered 1, 2, 3.
    #[error("it accepts invocation {found}, but the next number is {expected}")]
    InvocationGap {
        /// The next number.
        expected: u64,
        /// What the leaf has.
        found: u64,
    },
    /// One contract event was accepted again although its run succeeded or still waits.
    #[error(
        "invocation {number} is for the same contract event as invocation {before}, which did not fail"
    )]
    TriggeredTwice {
        /// The second.
        number: u64,
        /// The first.
        before: u64,
    },
    /// Another module was fixed at acceptance than the active one.
    #[error("invocation {number} was accepted for module {found}, but {expected} was active")]
    OtherModule {
        /// The invocation.
        number: u64,
        /// The active module.
        expected: Measurement,
        /// What was fixed.
        found: Measurement,
    },
    /// A run without acceptance before it.
    #[error("it is the receipt of invocation {number}, which no leaf before accepts")]
    NotAccepted {
        /// The invocation.
        number: u64,
    },
    /// Two receipts for one acceptance.
    #[error("it is a second receipt of invocation {number}; the first is leaf {first}")]
    RunTwice {
        /// The invocation.
        number: u64,
        /// The leaf of the first.
        first: u64,
    },
    /// The run differs from what was fixed before it.
    #[error("the {field} of invocation {number} is not what leaf {accepted} fixed before its run")]
    OtherThanAccepted {
        /// The invocation.
        number: u64,
        /// What differs.
        field: &'static str,
        /// The leaf of the acceptance.
        accepted: u64,
    },
    /// The receipt does not name the one before it.
    #[error("it names {} as the receipt before it, but that is {}", or_none(.found), or_none(.expected))]
    BrokenChain {
        /// The binding's newest receipt before this.
        expected: Option<LeafHash>,
        /// What the statement names.
        found: Option<LeafHash>,
    },
    /// The run did not begin with the state that the one before it left, or the first one not
    /// with the empty state.
    #[error(
        "the run began with another state than the one before it left, or the first not with the empty one"
    )]
    OtherState,
    /// A statement that no honest host signs.
    #[error("the receipt contradicts itself: {reason}")]
    Inconsistent {
        /// Why.
        reason: &'static str,
    },
    /// A run names a source's receipt that the log does not have before it.
    #[error("it names the receipt {child} of a source, which the log does not have before it")]
    MissingChild {
        /// The leaf hash that is named.
        child: LeafHash,
    },
    /// A source's receipt that no run names.
    #[error("the source's receipt at leaf {child} belongs to no run that asked it")]
    UnlistedChild {
        /// Its leaf.
        child: u64,
    },
    /// A source's receipt does not fit the run that asked it.
    #[error(
        "the {field} of the source's receipt at leaf {child} does not follow from the run that asked it"
    )]
    OtherChild {
        /// Its leaf.
        child: u64,
        /// What differs.
        field: &'static str,
    },
    /// Deliveries are not numbered 1, 2, 3.
    #[error("it seals delivery {found} for {ledger}, but the next number is {expected}")]
    DeliveryGap {
        /// CAIP-2 id of the chain.
        ledger: String,
        /// The next number.
        expected: u64,
        /// What the leaf has.
        found: u64,
    },
    /// A source sent something to a ledger.
    #[error("a source's receipt seals a delivery, which only the bound cryptlet may")]
    SourceDelivered,
}

impl Finding {
    /// Whether it may be what the auditor brought along that does not fit.
    const fn concerns_the_auditor(&self) -> bool {
        matches!(self, Self::OtherDocument { .. } | Self::UntrustedKey { .. })
    }

    /// A stable name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Checkpoint(_) => "checkpoint",
            Self::OtherSize { .. } => "other-size",
            Self::OtherLeaves { .. } => "other-leaves",
            Self::OtherLog { .. } => "other-log",
            Self::Shortened { .. } => "shortened",
            Self::Rewritten { .. } => "rewritten",
            Self::Unreadable(_) => "unreadable",
            Self::NoKey { .. } => "no-key",
            Self::UnannouncedKey { .. } => "unannounced-key",
            Self::UntrustedKey { .. } => "untrusted-key",
            Self::Redeployed { .. } => "redeployed",
            Self::NotDeployed { .. } => "not-deployed",
            Self::UnknownBinding { .. } => "unknown-binding",
            Self::BeforeActivation => "before-activation",
            Self::OtherDocument { .. } => "other-document",
            Self::OtherBindingVersion { .. } => "other-binding-version",
            Self::OtherCryptlet { .. } => "other-cryptlet",
            Self::OtherRollback { .. } => "other-rollback",
            Self::IllegalMove { .. } => "illegal-move",
            Self::Undecided { .. } => "undecided",
            Self::Second { .. } => "second",
            Self::NoActive => "no-active",
            Self::OtherShare => "other-share",
            Self::StillWaiting { .. } => "still-waiting",
            Self::OtherMigration => "other-migration",
            Self::InvocationGap { .. } => "invocation-gap",
            Self::TriggeredTwice { .. } => "triggered-twice",
            Self::OtherModule { .. } => "other-module",
            Self::NotAccepted { .. } => "not-accepted",
            Self::RunTwice { .. } => "run-twice",
            Self::OtherThanAccepted { .. } => "other-than-accepted",
            Self::BrokenChain { .. } => "broken-chain",
            Self::OtherState => "other-state",
            Self::Inconsistent { .. } => "inconsistent",
            Self::MissingChild { .. } => "missing-child",
            Self::UnlistedChild { .. } => "unlisted-child",
            Self::OtherChild { .. } => "other-child",
            Self::DeliveryGap { .. } => "delivery-gap",
            Self::SourceDelivered => "source-delivered",
        }
    }
}

fn called(name: &Option<(String, String)>) -> String {
    name.as_ref()
        .map(|(cryptlet, version)| format!(" as {cryptlet} {version}"))
        .unwrap_or_default()
}

fn or_none(value: &Option<impl fmt::Display>) -> String {
    value
        .as_ref()
        .map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn listed(bindings: &[BindingId]) -> String {
    match bindings {
        [] => "none".to_owned(),
        bindings => bindings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

use crate::{
    BindingVersion, Digest, Doubt, EncodingError, EvidenceError, LeafHash, Measurement,
    log::CheckpointError,
};
use thiserror::Error;

/// Why a bundle was not verified.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BundleDoubt {
    /// Not a bundle, or not a whole one, or one that a newer program wrote.
    #[error("{}", unreadable(.0))]
    Unreadable(#[source] EncodingError),
    /// Evidence in the bundle that cannot be read.
    #[error("evidence in the bundle cannot be read: {0}")]
    UnreadableEvidence(#[source] EncodingError),
    /// The checkpoint to which all proofs lead is not believed.
    #[error("the checkpoint is not believed: {0}")]
    Checkpoint(#[source] Doubt),
    /// What the bundle is about is a source's receipt, not that of the run that asked it.
    #[error("entry {index} is the receipt of the source {name:?}, not that of a run")]
    SourceAsRun {
        /// Its index.
        index: u64,
        /// The source's name.
        name: String,
    },
    /// A line of the checkpoint under a trusted witness' name that the witness has not made.
    #[error("a cosignature is false: {0}")]
    FalseCosignature(#[source] CheckpointError),
    /// Too few trusted witnesses have signed.
    #[error(
        "{found} of the {wanted} witnesses that must have cosigned have; ask for a bundle with their cosignatures, or ask for fewer with `--cosigners`"
    )]
    NotCosigned {
        /// How many must have.
        wanted: usize,
        /// How many have.
        found: usize,
    },
    /// An entry of the bundle is not believed.
    #[error("entry {index}: {}", of_entry(.doubt))]
    Entry {
        /// The index that the bundle states.
        index: u64,
        /// Why not.
        #[source]
        doubt: Doubt,
    },
    /// An earlier checkpoint is not believed.
    #[error("the earlier checkpoint is not believed: {0}")]
    Earlier(#[source] CheckpointError),
    /// The earlier checkpoint is of another log.
    #[error("the earlier checkpoint is of the log {earlier}, this one is of {now}")]
    OtherLog {
        /// Origin of the earlier checkpoint.
        earlier: String,
        /// Origin of the bundle's.
        now: String,
    },
    /// The earlier checkpoint covers more than the bundle's.
    #[error(
        "the log had {earlier} entries under the earlier checkpoint and has {now} under this one: either entries were taken away, or this bundle is the older one; ask for one that was exported since"
    )]
    Shortened {
        /// Size under the earlier checkpoint.
        earlier: u64,
        /// Size under the bundle's.
        now: u64,
    },
    /// Two histories under one name.
    #[error(
        "two checkpoints of {size} entries have different roots, though both are signed: the host shows different logs; keep both, they are evidence against it"
    )]
    ForkedLog {
        /// The size of both.
        size: u64,
    },
    /// Nothing in the bundle leads from the earlier checkpoint to its own.
    #[error(
        "nothing here proves that the log of {now} entries extends the one of {earlier} that you have; ask for a bundle exported with `--since` and your checkpoint"
    )]
    NotShown {
        /// Size under the earlier checkpoint.
        earlier: u64,
        /// Size under the bundle's.
        now: u64,
    },
    /// The bundle's own earlier checkpoint, and a proof that does not lead from it.
    #[error(
        "the proof in the bundle that its log of {now} entries extends its earlier one of {earlier} is false; ask for another bundle"
    )]
    FalseGrowth {
        /// Size under the bundle's earlier checkpoint.
        earlier: u64,
        /// Size under the bundle's.
        now: u64,
    },
    /// A child that is named and not there.
    #[error("entry {asker} asked a source whose receipt {child} is not in the bundle")]
    MissingChild {
        /// Index of the receipt that names it.
        asker: u64,
        /// The receipt that it names.
        child: LeafHash,
    },
    /// A source that nobody asked.
    #[error("entry {index} is a source's receipt, but no run in the bundle asked for it")]
    UnlistedChild {
        /// The source's index.
        index: u64,
    },
    /// Calls that are no tree.
    #[error(
        "entry {index} is asked twice, or by a source with the same or a higher ordinal: such calls cannot have happened"
    )]
    Cyclic {
        /// The source's index.
        index: u64,
    },
    /// A source that belongs to another run.
    #[error("entry {index} is a source's receipt, but its {field} does not follow from the run's")]
    OtherChild {
        /// The source's index.
        index: u64,
        /// What does not follow.
        field: &'static str,
    },
    /// An opening that does not open its digest.
    #[error("the value shown for `{field}` of ordinal {ordinal} is not the recorded one: {reason}")]
    OtherValue {
        /// 0 for the run, else the source's.
        ordinal: u32,
        /// The field.
        field: String,
        /// Why not.
        reason: String,
    },
    /// A module that nothing in the bundle ran.
    #[error("the bundle holds the module {found}, which neither the run nor a source of it ran")]
    OtherModule {
        /// What its bytes measure.
        found: Measurement,
    },
    /// An entry that does not bear on the run.
    #[error("entry {index} does not belong to this run: {reason}")]
    OtherContext {
        /// Its index.
        index: u64,
        /// What does not fit.
        reason: String,
    },
    /// A run that does not begin where the binding's run before it ended.
    #[error(
        "the run begins with the state {found}, but the binding's state before it was {expected}"
    )]
    OtherState {
        /// What the run before it left; the root of the empty state if there was none.
        expected: Digest,
        /// What the run states.
        found: Digest,
    },
    /// Evidence that is false, or about something else.
    #[error("the evidence in the bundle does not hold: {0}")]
    FalseEvidence(#[source] EvidenceError),
    /// Evidence about another host than the one that ran.
    #[error("the evidence in the bundle has another {field} than the receipt")]
    OtherEvidence {
        /// What is different.
        field: &'static str,
    },
    /// A binding document that the run was not bound by.
    #[error("the binding's document has the version {found}, but the run was bound by {expected}")]
    OtherAgreement {
        /// The version that the receipt names.
        expected: BindingVersion,
        /// The document's.
        found: BindingVersion,
    },
}

impl BundleDoubt {
    /// A stable name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unreadable(error) | Self::UnreadableEvidence(error) => error.name(),
            Self::FalseCosignature(error) | Self::Earlier(error) => error.name(),
            Self::Checkpoint(doubt) | Self::Entry { doubt, .. } => doubt.name(),
            Self::SourceAsRun { .. } => "not-a-receipt",
            Self::NotCosigned { .. } => "not-cosigned",
            Self::OtherLog { .. } => "other-log",
            Self::Shortened { .. } => "shortened",
            Self::ForkedLog { .. } => "forked-log",
            Self::NotShown { .. } | Self::FalseGrowth { .. } => "not-shown",
            Self::MissingChild { .. } => "missing-child",
            Self::UnlistedChild { .. } => "unlisted-child",
            Self::Cyclic { .. } => "cyclic",
            Self::OtherChild { .. } => "other-child",
            Self::OtherValue { .. } => "other-value",
            Self::OtherModule { .. } => "other-module",
            Self::OtherContext { .. } => "other-context",
            Self::OtherState { .. } => "other-state",
            Self::FalseEvidence(_) | Self::OtherEvidence { .. } => "other-evidence",
            Self::OtherAgreement { .. } => "other-agreement",
        }
    }
}

impl From<EncodingError> for BundleDoubt {
    fn from(error: EncodingError) -> Self {
        Self::Unreadable(error)
    }
}

/// An entry of a bundle need not be a receipt.
fn of_entry(doubt: &Doubt) -> String {
    match doubt {
        Doubt::Unreadable(error) => format!("this is not a whole and unaltered entry: {error}"),
        other => other.to_string(),
    }
}

fn unreadable(error: &EncodingError) -> String {
    match error {
        EncodingError::UnsupportedVersion { .. } => error.to_string(),
        _ => format!("this is not a whole and unaltered bundle: {error}"),
    }
}

//! Why nothing can be said of a run.

use std::fmt::Display;

use cryptlet_attest::{BindingVersion, Digest, Measurement};

/// A run cannot be replayed here, or not from what was shown. It says nothing against the run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayRefusal {
    /// The machine that ran it had its say.
    #[error("the run was interrupted by {which}; such a run is recorded and cannot be replayed")]
    NotReplayable {
        /// `wall-clock`, `stack` or `host`.
        which: String,
    },
    /// Another table of fuel.
    #[error(
        "the run counted fuel by operator costs {recorded}, this program counts by {here}; \
         replay it with the version of `cryptlet` that its receipt names"
    )]
    OtherCosts {
        /// The digest of the table in the statement.
        recorded: Digest,
        /// That of this program's.
        here: Digest,
    },
    /// The document is of another version of the binding.
    #[error(
        "the binding document is version {found}, the run happened under {recorded}; \
         give the document of that version"
    )]
    OtherAgreement {
        /// The binding version in the statement.
        recorded: BindingVersion,
        /// That of the document.
        found: BindingVersion,
    },
    /// A field was not shown.
    #[error(
        "`{field}` is not in the bundle; \
         ask the operator for one made with `cryptlet audit export --replayable`"
    )]
    MissingOpening {
        /// The field, or `agreement`.
        field: &'static str,
    },
    /// A module was not given.
    #[error("the module of {what} is missing; give the component that measures {measurement}")]
    MissingModule {
        /// What ran on it.
        what: String,
        /// Its measurement.
        measurement: Measurement,
    },
    /// A module that no fabric could have deployed.
    #[error("the module of {what} is refused: {reason}")]
    BadModule {
        /// What is said to have run on it.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something that was shown does not read as what it should be.
    #[error("`{field}` cannot be understood: {reason}")]
    Malformed {
        /// The field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Limits of a fabric that this program does not know.
    #[error(
        "execution {ordinal} names other limits than this program knows; \
         replay it with the version of `cryptlet` that its receipt names"
    )]
    OtherLimits {
        /// 0 for the run, else the source's.
        ordinal: u32,
    },
    /// This machine stopped the replay.
    #[error("the replay was interrupted by {which}; run it on a machine with more to give")]
    Interrupted {
        /// `wall-clock`, `stack` or `host`.
        which: String,
    },
}

impl ReplayRefusal {
    /// A stable name, for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotReplayable { .. } => "not-replayable",
            Self::OtherCosts { .. } => "other-costs",
            Self::OtherAgreement { .. } => "other-agreement",
            Self::MissingOpening { .. } => "missing-opening",
            Self::MissingModule { .. } => "missing-module",
            Self::BadModule { .. } => "bad-module",
            Self::Malformed { .. } => "malformed",
            Self::OtherLimits { .. } => "other-limits",
            Self::Interrupted { .. } => "interrupted",
        }
    }

    pub(super) fn malformed(field: impl Into<String>, reason: &(impl Display + ?Sized)) -> Self {
        Self::Malformed {
            field: field.into(),
            reason: reason.to_string(),
        }
    }
}

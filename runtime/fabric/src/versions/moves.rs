//! Moves of versions from one stage to another.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cryptlet_attest::{BindingId, BindingVersion, Measurement, StateChange, VersionChange};
use semver::Version;
use serde::Serialize;

use super::{Decision, Stage};
use crate::journal::{BindingRow, VersionRow};

/// What happened to a version in a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoveKind {
    /// Its counterparties signed the document with it: the first version that is active under it.
    Activated,
    /// It runs beside the active version.
    Shadowed,
    /// It gets a share of the new invocations, or another share than before.
    Canaried,
    /// It became active.
    Promoted,
    /// It became active again, instead of the one that was promoted after it.
    RolledBack,
    /// It is no candidate any more.
    Withdrawn,
    /// Another became active in its place.
    Draining,
    /// Everything that it was to run has run.
    Retained,
    /// It never runs here again.
    Retired,
}

impl MoveKind {
    const ALL: [Self; 9] = [
        Self::Activated,
        Self::Shadowed,
        Self::Canaried,
        Self::Promoted,
        Self::RolledBack,
        Self::Withdrawn,
        Self::Draining,
        Self::Retained,
        Self::Retired,
    ];

    /// The stage that such a move leads to.
    #[must_use]
    pub fn to(self) -> Stage {
        self.change().leads_to()
    }

    /// What the log calls it.
    pub(crate) fn change(self) -> VersionChange {
        match self {
            Self::Shadowed => VersionChange::Shadowed,
            Self::Canaried => VersionChange::Canaried,
            Self::Activated | Self::Promoted => VersionChange::Promoted,
            Self::RolledBack => VersionChange::RolledBack,
            Self::Withdrawn => VersionChange::Withdrawn,
            Self::Draining => VersionChange::Draining,
            Self::Retained => VersionChange::Retained,
            Self::Retired => VersionChange::Retired,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Activated => "activated",
            Self::Shadowed => "shadowed",
            Self::Canaried => "canaried",
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled-back",
            Self::Withdrawn => "withdrawn",
            Self::Draining => "draining",
            Self::Retained => "retained",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for MoveKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for MoveKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("there is no move \"{text}\""))
    }
}

/// One move of a version under a binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct VersionMove {
    /// Counts the binding's moves from 0, its activation.
    pub ordinal: u64,
    /// What happened.
    pub kind: MoveKind,
    /// Which version.
    pub version: Version,
    /// What its bytes measure.
    pub measurement: Measurement,
    /// Where it stood before.
    pub from: Stage,
    /// Where it stands from here on.
    pub to: Stage,
    /// The canary's share of new invocations, in thousandths.
    pub share: Option<u16>,
    /// Who decided: the name of a token, or `fabric`.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When; milliseconds since 1970.
    pub at: u64,
    /// Position of its leaf in the log.
    pub leaf: u64,
}

/// A version has moved; the move is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionNotice {
    /// The binding's name.
    pub binding: Arc<str>,
    /// What happened.
    pub moved: VersionMove,
}

/// What a decision about a version was made and checked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Basis {
    /// The document in force.
    pub(crate) version: BindingVersion,
    /// The active version.
    pub(crate) active: Version,
}

impl From<&BindingRow> for Basis {
    fn from(row: &BindingRow) -> Self {
        Self {
            version: row.version,
            active: row.active.clone(),
        }
    }
}

/// A move that somebody decided on, on its way into the journal.
pub(crate) struct NewMove<'a> {
    pub(crate) binding: &'a BindingId,
    pub(crate) version: &'a VersionRow,
    pub(crate) kind: MoveKind,
    /// What must still hold when the move is written; none if it is right whatever holds then.
    pub(crate) basis: Option<&'a Basis>,
    /// The canary's share of new invocations, in thousandths.
    pub(crate) share: Option<u16>,
    pub(crate) decision: &'a Decision,
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    /// What a migration made of the binding's state, if there was one.
    pub(crate) state: Option<StateChange>,
}

/// The version that a rollback leads to: the one that was active before the active one, leaving
/// out moves that were rolled back and versions that were retired since.
pub(crate) fn before_active(moves: &[VersionMove]) -> Option<Version> {
    let mut standing: Vec<&Version> = Vec::new();
    for moved in moves {
        match moved.kind {
            // A rollback under one document leads to nothing that another one allowed.
            MoveKind::Activated => standing = vec![&moved.version],
            MoveKind::Promoted => standing.push(&moved.version),
            MoveKind::RolledBack => drop(standing.pop()),
            MoveKind::Retired => standing.retain(|version| **version != moved.version),
            _ => {}
        }
        standing.dedup();
    }
    standing.pop();
    standing.pop().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moved(kind: MoveKind, minor: u64) -> VersionMove {
        VersionMove {
            ordinal: 0,
            kind,
            version: Version::new(1, minor, 0),
            measurement: Measurement::of(&[]),
            from: Stage::Deployed,
            to: kind.to(),
            share: None,
            by: "ann".into(),
            reason: "a test".into(),
            at: 0,
            leaf: 0,
        }
    }

    #[test]
    fn a_rollback_takes_back_one_promotion_after_the_other() {
        let mut moves = vec![
            moved(MoveKind::Activated, 0),
            moved(MoveKind::Promoted, 1),
            moved(MoveKind::Promoted, 2),
        ];
        for minor in [1, 0] {
            let previous = before_active(&moves).expect("there is one before it");
            assert_eq!(previous, Version::new(1, minor, 0));
            moves.push(moved(MoveKind::RolledBack, minor));
        }
        assert_eq!(before_active(&moves), None);
    }

    #[test]
    fn a_rollback_passes_over_what_was_retired() {
        let moves = [
            moved(MoveKind::Activated, 0),
            moved(MoveKind::Promoted, 1),
            moved(MoveKind::Promoted, 0),
            moved(MoveKind::Retired, 1),
        ];
        assert_eq!(before_active(&moves), None, "it leads to what is active");
        let moves = [
            moved(MoveKind::Activated, 0),
            moved(MoveKind::Promoted, 1),
            moved(MoveKind::Promoted, 2),
            moved(MoveKind::Retired, 1),
        ];
        assert_eq!(before_active(&moves), Some(Version::new(1, 0, 0)));
    }

    proptest! {
        /// However promotions and rollbacks alternate, a rollback never leads to what is active.
        #[test]
        fn a_rollback_never_leads_to_the_active_version(targets in proptest::collection::vec(proptest::option::of(0_u64..4), 0..40)) {
            let mut moves = vec![moved(MoveKind::Activated, 0)];
            let mut active = Version::new(1, 0, 0);
            for target in targets {
                let (kind, minor) = match target {
                    Some(minor) => (MoveKind::Promoted, minor),
                    None => match before_active(&moves) {
                        Some(version) => (MoveKind::RolledBack, version.minor),
                        None => continue,
                    },
                };
                let next = moved(kind, minor);
                if next.version == active {
                    prop_assert_ne!(kind, MoveKind::RolledBack);
                    continue;
                }
                active = next.version.clone();
                moves.push(next);
                prop_assert_ne!(before_active(&moves), Some(active.clone()));
            }
        }
    }
}

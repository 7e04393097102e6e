//! What a move to another version of the cryptlet means for the binding's state: nothing, a
//! migration, or the restoration of a snapshot.

use std::collections::BTreeMap;

use cryptlet_container::State;
use semver::Version;

use crate::journal::{Rewrite, StateVersions};

/// A version cannot have the binding's state; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The state has a higher version than the one that is to read it.
    #[error(
        "the state of binding \"{binding}\" has version {state}, and {version} reads version {reads}; roll back to restore an earlier state, or deploy a version that reads {state}"
    )]
    Newer {
        /// The binding.
        binding: String,
        /// The version that was to become active, or to be tried.
        version: Version,
        /// The version of the state.
        state: u32,
        /// What that version of the cryptlet reads.
        reads: u32,
    },
    /// A canary would share the state with the active version.
    #[error(
        "the state of binding \"{binding}\" has version {state}, and {version} reads version {reads}: both cannot run on it side by side; try {version} with `cryptlet shadow`, which migrates a copy"
    )]
    Shared {
        /// The binding.
        binding: String,
        /// The version that was to be the canary.
        version: Version,
        /// The version of the state.
        state: u32,
        /// What that version of the cryptlet reads.
        reads: u32,
    },
    /// A document begins with a version that cannot read the state.
    #[error(
        "the state of binding \"{binding}\" has version {state}, and its other document begins with {version}, which reads version {reads}; promote that version first, or let the document begin with one that reads {state}"
    )]
    Inherited {
        /// The binding.
        binding: String,
        /// The version that the document begins with.
        version: Version,
        /// The version of the state.
        state: u32,
        /// What that version of the cryptlet reads.
        reads: u32,
    },
    /// Another version has a share of the invocations while the state is to be rewritten.
    #[error(
        "binding \"{binding}\" has a canary, which could not read the state of {version}; promote or withdraw it first"
    )]
    Canary {
        /// The binding.
        binding: String,
        /// The version that was to become active.
        version: Version,
    },
    /// The migration did not succeed.
    #[error(
        "binding \"{binding}\": {version} could not migrate the state from version {from} to {to}: {reason}; correct the migration and deploy it under another version, nothing was changed"
    )]
    Failed {
        /// The binding.
        binding: String,
        /// The version that was to become active.
        version: Version,
        /// The version of the state.
        from: u32,
        /// The version that it was to get.
        to: u32,
        /// How the run ended, and what the guest said.
        reason: String,
    },
    /// Invocations that were accepted for the earlier version cannot run.
    #[error(
        "binding \"{binding}\": {waiting} accepted invocations must run on {active} before its state is rewritten, and cannot: {reason}; see to that first, nothing was changed"
    )]
    Waiting {
        /// The binding.
        binding: String,
        /// The version that they run on.
        active: Version,
        /// How many.
        waiting: u64,
        /// What holds them up.
        reason: String,
    },
    /// Runs have changed the state since it was migrated.
    #[error(
        "binding \"{binding}\": {runs} runs have changed the state since {active} became active, and rolling back to {version} restores the state before; add --drop-state-changes if their changes may be lost, nothing was changed"
    )]
    Changed {
        /// The binding.
        binding: String,
        /// The version that is active.
        active: Version,
        /// Where the rollback leads.
        version: Version,
        /// How many.
        runs: u64,
    },
    /// The binding's state never had the version that a rollback leads to.
    #[error(
        "binding \"{binding}\" has no snapshot of a state that {version} reads; promote a version that reads version {state} instead"
    )]
    NoSnapshot {
        /// The binding.
        binding: String,
        /// Where the rollback leads.
        version: Version,
        /// The version of the state.
        state: u32,
    },
}

/// What becomes of a state when another version of the cryptlet becomes active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Both read the same, or one of them reads none.
    Keep,
    /// A copy is migrated, and takes its place.
    Migrate(StateVersions),
    /// An earlier state takes its place.
    Restore(StateVersions),
}

impl Step {
    /// From a state of version `state` to a cryptlet that reads version `reads`.
    pub(crate) fn between(state: Option<u32>, reads: Option<u32>) -> Self {
        match (state, reads) {
            (Some(from), Some(to)) if from < to => Self::Migrate(StateVersions { from, to }),
            (Some(from), Some(to)) if from > to => Self::Restore(StateVersions { from, to }),
            _ => Self::Keep,
        }
    }
}

/// The leaf of the move up to which the state had version `wanted`, if no move after it that is
/// still in effect brought it there anew. What was migrated and restored again is not in effect.
pub(crate) fn snapshot(rewrites: &[Rewrite], wanted: u32) -> Option<u64> {
    let mut in_effect: Vec<&Rewrite> = Vec::new();
    for rewrite in rewrites {
        if rewrite.versions.from < rewrite.versions.to {
            in_effect.push(rewrite);
        } else {
            in_effect.retain(|earlier| earlier.versions.to <= rewrite.versions.to);
        }
    }
    in_effect
        .into_iter()
        .find(|rewrite| rewrite.versions.to > wanted)
        .filter(|rewrite| rewrite.versions.from == wanted)
        .map(|rewrite| rewrite.leaf)
}

/// What leads from one state to another.
pub(crate) fn changes(from: &State, to: &State) -> BTreeMap<String, Option<Vec<u8>>> {
    let removed = from
        .keys()
        .filter(|key| !to.contains_key(*key))
        .map(|key| (key.clone(), None));
    let written = to
        .iter()
        .filter(|(key, value)| from.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), Some(value.clone())));
    removed.chain(written).collect()
}

/// The state after these changes.
pub(crate) fn changed(state: &State, changes: &BTreeMap<String, Option<Vec<u8>>>) -> State {
    let mut state = state.clone();
    for (key, change) in changes {
        match change {
            Some(value) => drop(state.insert(key.clone(), value.clone())),
            None => drop(state.remove(key)),
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_another_version_that_is_read_rewrites_a_state() {
        for (state, reads) in [
            (None, None),
            (None, Some(2)),
            (Some(2), None),
            (Some(2), Some(2)),
        ] {
            assert_eq!(Step::between(state, reads), Step::Keep);
        }
        let versions = |from, to| StateVersions { from, to };
        assert_eq!(
            Step::between(Some(1), Some(3)),
            Step::Migrate(versions(1, 3))
        );
        assert_eq!(
            Step::between(Some(3), Some(1)),
            Step::Restore(versions(3, 1))
        );
    }

    proptest! {
        /// However states are migrated and restored, the snapshot of a version is the state that was
        /// there when it was last left for a higher one, and nothing is restored that never was.
        #[test]
        fn a_snapshot_is_the_state_that_was_last_left(targets in proptest::collection::vec(1_u32..6, 0..30)) {
            let mut rewrites = Vec::new();
            // Versions below the current one, each with the leaf at which it was left.
            let mut left: BTreeMap<u32, u64> = BTreeMap::new();
            let mut version = 1;
            for (leaf, target) in (1..).zip(targets) {
                for wanted in 1..version {
                    prop_assert_eq!(snapshot(&rewrites, wanted), left.get(&wanted).copied());
                }
                let may_go = target > version || left.contains_key(&target);
                if target == version || !may_go {
                    continue;
                }
                rewrites.push(Rewrite { leaf, versions: StateVersions { from: version, to: target } });
                if target > version {
                    left.insert(version, leaf);
                } else {
                    left.retain(|earlier, _| *earlier < target);
                }
                version = target;
            }
        }

        #[test]
        fn changes_lead_from_one_state_to_the_other_and_hold_nothing_else(
            from in proptest::collection::btree_map("[a-d]", proptest::collection::vec(any::<u8>(), 0..2), 0..4),
            to in proptest::collection::btree_map("[a-d]", proptest::collection::vec(any::<u8>(), 0..2), 0..4),
        ) {
            let changes = changes(&from, &to);
            prop_assert_eq!(changed(&from, &changes), to.clone());
            prop_assert!(changes.iter().all(|(key, value)| from.get(key) != value.as_ref()));
        }
    }
}

//! State versions of bindings, and the states that were rewritten for another one outside any run.

use std::collections::BTreeMap;

use cryptlet_attest::{BindingId, StateChange};
use rusqlite::params;
use semver::Version;

use super::{Journal, JournalError, Writing};

/// A state that another version of the cryptlet can read, on its way into the journal.
pub(crate) struct RewrittenState {
    /// The state version before and after.
    pub(crate) versions: StateVersions,
    /// Under what the digest of the new state is salted.
    pub(crate) salt: [u8; 32],
    /// What the move's leaf says of it.
    pub(crate) digests: StateChange,
    /// Changed entries; `None` removes.
    pub(crate) changes: BTreeMap<String, Option<Vec<u8>>>,
}

/// From one state version to another: up in a migration, down in the restoration of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateVersions {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

/// A move that rewrote a binding's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rewrite {
    /// The move's leaf: the state as it was until there is the snapshot that a rollback restores.
    pub(crate) leaf: u64,
    pub(crate) versions: StateVersions,
}

impl Writing<'_> {
    /// Keeps a state that was rewritten by the move with this leaf.
    pub(crate) fn rewrite_state(
        &mut self,
        binding: &BindingId,
        leaf: u64,
        state: &RewrittenState,
    ) -> Result<(), JournalError> {
        self.change_state(binding, leaf, &state.changes)?;
        self.execute(
            "INSERT INTO state_rewrite (leaf, binding, salt, from_version, to_version)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                leaf.cast_signed(),
                binding.as_bytes(),
                state.salt,
                state.versions.from,
                state.versions.to,
            ],
        )?;
        if state.digests.before != state.digests.after {
            self.execute(
                "UPDATE binding SET state_digest = ?2 WHERE id = ?1",
                params![binding.as_bytes(), state.digests.after.as_bytes()],
            )?;
        }
        self.execute(
            "UPDATE binding SET state_version = ?2 WHERE id = ?1",
            params![binding.as_bytes(), state.versions.to],
        )
        .map(drop)
    }

    /// Remembers the version that the binding's state has, if the journal still says what was
    /// `seen` when the move was decided on.
    ///
    /// # Errors
    ///
    /// If the state was rewritten meanwhile: another version may be needed to read it.
    pub(crate) fn keep_state_version(
        &self,
        binding: &BindingId,
        seen: Option<u32>,
        version: Option<u32>,
    ) -> Result<(), JournalError> {
        let kept = self.execute(
            "UPDATE binding SET state_version = coalesce(?3, state_version)
             WHERE id = ?1 AND state_version IS ?2",
            params![binding.as_bytes(), seen, version],
        )?;
        if kept == 1 {
            return Ok(());
        }
        Err(JournalError::Conflict(format!(
            "the state of binding {binding} was rewritten meanwhile, so nothing was changed; see its versions with `cryptlet versions`"
        )))
    }

    /// Refuses to go on while anything that was accepted waits, or another version than `to` is the
    /// canary: it would run on a state that it cannot read.
    pub(crate) fn check_alone(
        &self,
        binding: &BindingId,
        to: &Version,
    ) -> Result<(), JournalError> {
        let canary: Option<String> = self.one(
            "SELECT version FROM stage WHERE binding = ?1 AND stage = 'canary' AND version <> ?2",
            params![binding.as_bytes(), to.to_string()],
            |row| row.get(0),
        )?;
        if let Some(canary) = canary {
            return Err(JournalError::Conflict(format!(
                "{canary} became the canary of binding {binding} meanwhile, so that its state was not rewritten; promote or withdraw it first"
            )));
        }
        let waiting = self.waiting(binding)?;
        if waiting == 0 {
            return Ok(());
        }
        Err(JournalError::Conflict(format!(
            "binding {binding} has {waiting} accepted invocations waiting, so that its state was not rewritten; try again"
        )))
    }
}

impl Journal {
    /// The version that the binding's state has; none while every version that was active had the
    /// one of the version that is active now.
    pub(crate) fn state_version(&self, binding: &BindingId) -> Result<Option<u32>, JournalError> {
        let version: Option<Option<u32>> = self.read().one(
            "SELECT state_version FROM binding WHERE id = ?1",
            [binding.as_bytes()],
            |row| row.get(0),
        )?;
        Ok(version.flatten())
    }

    /// Every move that rewrote the binding's state, oldest first.
    pub(crate) fn rewrites(&self, binding: &BindingId) -> Result<Vec<Rewrite>, JournalError> {
        self.read().all(
            "SELECT leaf, from_version, to_version FROM state_rewrite WHERE binding = ?1
             ORDER BY leaf",
            [binding.as_bytes()],
            |row| {
                Ok(Rewrite {
                    leaf: row.get::<_, i64>(0)?.cast_unsigned(),
                    versions: StateVersions {
                        from: row.get(1)?,
                        to: row.get(2)?,
                    },
                })
            },
        )
    }

    /// How many runs have changed the binding's state since the move with this leaf.
    pub(crate) fn state_changes_since(
        &self,
        binding: &BindingId,
        leaf: u64,
    ) -> Result<u64, JournalError> {
        let runs: Option<i64> = self.read().one(
            "SELECT count(DISTINCT leaf) FROM state_change WHERE binding = ?1 AND leaf > ?2
             AND leaf NOT IN (SELECT leaf FROM state_rewrite)",
            params![binding.as_bytes(), leaf.cast_signed()],
            |row| row.get(0),
        )?;
        Ok(runs.map_or(0, i64::cast_unsigned))
    }
}

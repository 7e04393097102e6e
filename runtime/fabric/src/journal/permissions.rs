//! Modules that a binding may run or not: allowed, revoked, retired; and bindings that take nothing new
//! since the gateway would refuse or misplace what they deliver.

use cryptlet_attest::{
    BindingChange, BindingEntry, BindingId, BindingVersion, LogEntry, Measurement,
};
use rusqlite::params;

use super::changes::{ChangeRow, ChangeStatus};
use super::{Journal, JournalError, Writing};
use crate::change::{Change, ChangeKind};
use crate::versions::{Decision, VersionMove};

impl Writing<'_> {
    /// Brings a permission or a revocation into force. A canary that is revoked is withdrawn; while
    /// what runs is revoked, the binding takes nothing new. Gives the moves that this leads to.
    ///
    /// # Errors
    ///
    /// If the journal cannot be written.
    pub(crate) fn let_run_or_stop(
        &mut self,
        row: &ChangeRow,
        at: u64,
    ) -> Result<Vec<VersionMove>, JournalError> {
        let change = &row.change;
        let id = change.in_force.id();
        self.tell_of_pair(change)?;
        let in_force: Option<[u8; 32]> = self.one(
            "SELECT version FROM binding WHERE id = ?1",
            [id.as_bytes()],
            |row| row.get(0),
        )?;
        let running = self.running(&id)?;
        let is_in_force = in_force == Some(*change.version.as_bytes());
        let is_active = is_in_force && running.active == change.measurement;
        let mut moves = Vec::new();
        let mut reason = None;
        if change.kind != ChangeKind::Revoke {
            if is_active {
                self.go_on(&id)?;
            }
        } else if is_active {
            self.stop(&id, row.number)?;
            reason = Some(
                "it is what runs, so that the binding takes nothing new; promote a version that is allowed, or have this one allowed again",
            );
        } else if is_in_force
            && running
                .canary
                .is_some_and(|(canary, _)| canary == change.measurement)
        {
            let decision = Decision::of_fabric("a counterparty revoked it");
            moves = self.withdraw_canary(&id, &change.in_force.binding.cryptlet, &decision, at)?;
        }
        self.move_change(&id, row.number, ChangeStatus::Active, reason, None)?;
        Ok(moves)
    }

    /// Takes nothing new for the binding because of this change, until another version or another
    /// document lets it go on.
    pub(crate) fn stop(&self, binding: &BindingId, number: u64) -> Result<(), JournalError> {
        self.execute(
            "UPDATE binding SET stopped_by = ?2 WHERE id = ?1",
            params![binding.as_bytes(), number.cast_signed()],
        )
        .map(drop)
    }

    /// Lets a binding go on whose running module was revoked: it has another, or may run it again.
    pub(super) fn go_on(&self, binding: &BindingId) -> Result<(), JournalError> {
        self.execute(
            "UPDATE binding SET stopped_by = NULL WHERE id = ?1 AND 'revoke' = (
                 SELECT kind FROM change WHERE change.binding = id AND number = stopped_by)",
            [binding.as_bytes()],
        )
        .map(drop)
    }

    /// The change that is signed and not in force yet and lets this module run, if there is one.
    pub(super) fn waits_for_module(
        &self,
        binding: &BindingId,
        measurement: &Measurement,
    ) -> Result<Option<u64>, JournalError> {
        let number: Option<i64> = self.one(
            "SELECT number FROM change WHERE binding = ?1 AND status IN ('signed', 'carried')
               AND measurement = ?2 AND kind <> 'revoke'",
            params![binding.as_bytes(), measurement.as_bytes()],
            |row| row.get(0),
        )?;
        Ok(number.map(i64::cast_unsigned))
    }

    /// A retired module never runs again, whatever its counterparties allow.
    pub(super) fn refuse_retired(&self, change: &Change) -> Result<(), JournalError> {
        let id = change.in_force.id();
        let retired: Option<String> = self.one(
            "SELECT version FROM stage WHERE binding = ?1 AND measurement = ?2 AND stage = 'retired'",
            params![id.as_bytes(), change.measurement.as_bytes()],
            |row| row.get(0),
        )?;
        match retired {
            Some(version) if change.kind != ChangeKind::Revoke => {
                Err(JournalError::Conflict(format!(
                    "version {version} is retired under binding \"{}\" and never runs there again; deploy the same code under a new version, and propose that",
                    change.in_force.binding.name
                )))
            }
            _ => Ok(()),
        }
    }

    /// Where the gateway has other terms than the document in force says, only a document that says
    /// them anew puts that right.
    pub(super) fn refuse_terms_left_alone(&self, change: &Change) -> Result<(), JournalError> {
        let id = change.in_force.id();
        let stopped_by: Option<i64> = self.one(
            "SELECT number FROM change JOIN binding ON binding.id = change.binding
             WHERE change.binding = ?1 AND number = stopped_by AND kind = 'change'",
            [id.as_bytes()],
            |row| row.get(0),
        )?;
        match stopped_by {
            Some(number) if change.kind == ChangeKind::Change && change.messages().len() == 1 => {
                Err(JournalError::Conflict(format!(
                    "the gateway has the terms of change {number} of binding \"{}\", which never came into force here; change version-delay-seconds as well, so that it gets all terms anew",
                    change.in_force.binding.name
                )))
            }
            _ => Ok(()),
        }
    }

    /// Tells the log of a pair that is allowed or not any more.
    fn tell_of_pair(&mut self, change: &Change) -> Result<u64, JournalError> {
        self.append(&LogEntry::Binding(BindingEntry {
            binding: change.in_force.id(),
            version: change.version,
            change: match change.kind {
                ChangeKind::Revoke => BindingChange::Revoked,
                ChangeKind::Allow | ChangeKind::Change => BindingChange::Allowed,
            },
            measurement: Some(change.measurement),
        }))
    }
}

impl Journal {
    /// The change that revoked this pair, unless it was allowed again since.
    pub(crate) fn revoked_by(
        &self,
        binding: &BindingId,
        version: &BindingVersion,
        measurement: &Measurement,
    ) -> Result<Option<u64>, JournalError> {
        // A revocation names the change that allowed: an older one does not count any more.
        let number: Option<i64> = self.read().one(
            "SELECT number FROM change AS revocation
             WHERE binding = ?1 AND version = ?2 AND measurement = ?3
               AND kind = 'revoke' AND status = 'active'
               AND NOT EXISTS (SELECT 1 FROM change AS again
                   WHERE again.binding = revocation.binding AND again.version = revocation.version
                     AND again.measurement = revocation.measurement AND again.kind <> 'revoke'
                     AND again.status = 'active' AND again.nonce > revocation.nonce)
             ORDER BY number DESC LIMIT 1",
            params![
                binding.as_bytes(),
                version.as_bytes(),
                measurement.as_bytes()
            ],
            |row| row.get(0),
        )?;
        Ok(number.map(i64::cast_unsigned))
    }
}

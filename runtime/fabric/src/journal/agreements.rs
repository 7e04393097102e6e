//! Documents that are or were in force, by the binding version that each stands for.

use cryptlet_attest::{BindingChange, BindingEntry, BindingId, BindingVersion, LogEntry};
use rusqlite::params;

use super::changes::{ChangeRow, ChangeStatus};
use super::{Journal, JournalError, VersionRow, Writing};
use crate::binding::{Approval, Binding};
use crate::change::for_gateway;
use crate::versions::{KeptState, VersionMove};

/// A document that is or was in force.
#[derive(Clone, Debug)]
pub struct AgreementRow {
    /// What the counterparties signed.
    pub document: Binding,
    /// Their signatures: under the binding's terms, or under the `AllowVersion` that brought the
    /// document into force.
    pub approvals: Vec<Approval>,
    /// The leaf that brought it into force.
    pub leaf: u64,
}

impl Writing<'_> {
    /// Tells the log that a document is in force from here on, and keeps it.
    pub(super) fn agree(
        &mut self,
        document: &Binding,
        approvals: &[Approval],
    ) -> Result<u64, JournalError> {
        let (id, version) = (document.id(), document.version());
        let leaf = self.append(&LogEntry::Binding(BindingEntry {
            binding: id,
            version,
            change: BindingChange::Activated,
            measurement: None,
        }))?;
        self.execute(
            "INSERT INTO agreement (binding, version, document, approvals, leaf)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                id.as_bytes(),
                version.as_bytes(),
                document.to_toml(),
                serde_json::to_string(approvals).expect("approvals have a JSON form"),
                leaf.cast_signed(),
            ],
        )?;
        Ok(leaf)
    }

    /// Whether a document of this version was ever in force.
    pub(crate) fn was_in_force(
        &self,
        binding: &BindingId,
        version: &BindingVersion,
    ) -> Result<bool, JournalError> {
        let known: Option<i64> = self.one(
            "SELECT 1 FROM agreement WHERE binding = ?1 AND version = ?2",
            params![binding.as_bytes(), version.as_bytes()],
            |row| row.get(0),
        )?;
        Ok(known.is_some())
    }

    /// Brings a change of the document into force: what is accepted from here on is accepted under
    /// it. What was accepted before keeps the version of its time.
    ///
    /// `to` is the module that the new document begins with, and `kept` the state that it takes over.
    /// Gives the moves of versions that this leads to.
    ///
    /// # Errors
    ///
    /// If another document is in force than the change was proposed for, or the state was rewritten
    /// since that was looked at.
    pub(crate) fn bring_into_force(
        &mut self,
        row: &ChangeRow,
        to: &VersionRow,
        kept: KeptState,
        at: u64,
    ) -> Result<Vec<VersionMove>, JournalError> {
        let change = &row.change;
        let id = change.in_force.id();
        self.check_in_force(change)?;
        self.keep_state_version(&id, kept.seen, kept.version)?;
        let mut moves = self.make_way(&id, to, at)?;
        let approvals: Vec<Approval> = for_gateway(change, &row.approvals, 0)
            .into_iter()
            .map(|approval| Approval {
                counterparty: approval.counterparty,
                signature: approval.signature,
            })
            .collect();
        let leaf = self.agree(&change.document, &approvals)?;
        moves.push(self.begin_again(&id, to, at, leaf)?);
        let begins_elsewhere =
            change.document.contract.from_block != change.in_force.contract.from_block;
        self.execute(
            "UPDATE binding SET version = ?2, document = ?3, approvals = ?4, active = ?5,
                    next_block = coalesce(?6, next_block), stopped_by = NULL WHERE id = ?1",
            params![
                id.as_bytes(),
                change.document.version().as_bytes(),
                change.document.to_toml(),
                serde_json::to_string(&approvals).expect("approvals have a JSON form"),
                to.version.to_string(),
                // Events that were accepted before are not accepted again, wherever reading begins.
                begins_elsewhere.then(|| change.document.contract.from_block.cast_signed()),
            ],
        )?;
        self.move_change(&id, row.number, ChangeStatus::Active, None, None)?;
        self.supersede_proposed(&id)?;
        Ok(moves)
    }
}

impl Journal {
    /// The documents of a binding that are or were in force, oldest first.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn agreements(&self, binding: &BindingId) -> Result<Vec<AgreementRow>, JournalError> {
        self.read().all(
            "SELECT document, approvals, leaf FROM agreement WHERE binding = ?1 ORDER BY leaf",
            [binding.as_bytes()],
            agreement,
        )
    }

    /// The document that stands for a version of a binding; none if it was never in force.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn agreement(
        &self,
        binding: &BindingId,
        version: &BindingVersion,
    ) -> Result<Option<AgreementRow>, JournalError> {
        self.read().one(
            "SELECT document, approvals, leaf FROM agreement WHERE binding = ?1 AND version = ?2",
            params![binding.as_bytes(), version.as_bytes()],
            agreement,
        )
    }
}

fn agreement(row: &rusqlite::Row<'_>) -> rusqlite::Result<AgreementRow> {
    Ok(AgreementRow {
        document: super::converted(row, 0, |text: String| {
            Binding::parse("journal", &text).map_err(|error| error.to_string())
        })?,
        approvals: super::converted(row, 1, |text: String| {
            serde_json::from_str(&text).map_err(|error| error.to_string())
        })?,
        leaf: row.get::<_, i64>(2)?.cast_unsigned(),
    })
}

//! Bindings: what was signed, and where each stands.

use std::sync::Arc;

use cryptlet_attest::{BindingId, BindingVersion, Digest, LeafHash};
use rusqlite::params;
use semver::Version;

use super::documents::COLUMNS;
use super::{Journal, JournalError, Writing};
use crate::binding::{Approval, Binding};
use crate::versions::VersionMove;

/// A binding as the journal knows it.
#[derive(Clone, Debug)]
pub struct BindingRow {
    /// Its id, as the document has it.
    pub id: BindingId,
    /// The signed document.
    pub document: Arc<Binding>,
    /// The counterparties' signatures.
    pub approvals: Arc<[Approval]>,
    /// The cryptlet's version that new invocations run on.
    pub active: Version,
    /// First block whose events have not been read.
    pub next_block: u64,
    /// What the document in force hashes to.
    pub version: BindingVersion,
    /// The change that the binding takes nothing new because of: one that it pauses for until it is
    /// in force, a revocation of what runs, or one of which the gateway has the terms alone.
    pub paused_by: Option<u64>,
}

impl Writing<'_> {
    /// Activates a binding whose approvals have been checked, with its first version.
    pub(crate) fn activate(
        &mut self,
        binding: &Binding,
        approvals: &[Approval],
        active: &Version,
        at: u64,
    ) -> Result<VersionMove, JournalError> {
        let id = binding.id();
        let existing: Option<String> = self.one(
            "SELECT name FROM binding WHERE id = ?1 OR name = ?2",
            params![id.as_bytes(), binding.binding.name],
            |row| row.get(0),
        )?;
        if let Some(name) = existing {
            return Err(JournalError::Conflict(format!(
                "a binding \"{name}\" with this name or this id ({id}) exists; take another name and salt"
            )));
        }
        self.check_delivery_key(binding)?;
        self.execute(
            "INSERT INTO binding (id, name, version, document, approvals, active, next_block, cryptlet)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                id.as_bytes(),
                binding.binding.name,
                binding.version().as_bytes(),
                binding.to_toml(),
                serde_json::to_string(approvals).expect("approvals have a JSON form"),
                active.to_string(),
                binding.contract.from_block.cast_signed(),
                binding.binding.cryptlet,
            ],
        )?;
        self.open_registration(&id)?;
        let leaf = self.agree(binding, approvals)?;
        self.begin_with(&id, &binding.binding.cryptlet, active, at, leaf)
    }

    /// The chain admits a key for one binding, and a shared key would blur who did what.
    fn check_delivery_key(&self, binding: &Binding) -> Result<(), JournalError> {
        let key = &binding.keys.delivery;
        let others = || -> rusqlite::Result<Vec<String>> {
            self.connection
                // Parsing is slow; most documents do not even have the key's name in them.
                .prepare_cached("SELECT document FROM binding WHERE instr(document, ?1) > 0")?
                .query_map([key], |row| row.get(0))?
                .collect()
        };
        let others = others().map_err(|source| super::store(self.path, source))?;
        let other = others
            .iter()
            .filter_map(|document| Binding::parse("journal", document).ok())
            .find(|other| other.keys.delivery == *key);
        other.map_or(Ok(()), |other| {
            Err(JournalError::Conflict(format!(
                "binding \"{}\", keys.delivery: key {key} delivers for {}; make a key for this binding alone",
                binding.binding.name, other.binding.name
            )))
        })
    }

    /// Remembers up to which block the binding's events have been read.
    pub(crate) fn read_up_to(
        &self,
        binding: &BindingId,
        next_block: u64,
    ) -> Result<(), JournalError> {
        self.execute(
            "UPDATE binding SET next_block = max(next_block, ?2) WHERE id = ?1",
            params![binding.as_bytes(), next_block.cast_signed()],
        )?;
        Ok(())
    }

    /// How many invocations of the binding are accepted and have not run.
    pub(crate) fn waiting(&self, binding: &BindingId) -> Result<u64, JournalError> {
        let waiting = self.one(WAITING, [binding.as_bytes()], |row| row.get(0))?;
        Ok(waiting.map_or(0, i64::cast_unsigned))
    }
}

/// What a binding's next receipt builds on. It moves with each run that becomes durable, and with
/// nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Its newest receipt.
    pub(crate) receipt: Option<LeafHash>,
    /// The number that its next delivery gets.
    pub(crate) next_delivery: u64,
    /// What its newest receipt says about the state after it; none if nobody has changed the state.
    pub(crate) state: Option<Digest>,
}

const STANDING: &str =
    "SELECT last_receipt, next_delivery, state_digest FROM binding WHERE id = ?1";

pub(super) const WAITING: &str = "SELECT waiting FROM binding WHERE id = ?1";

fn standing(row: &rusqlite::Row<'_>) -> rusqlite::Result<Standing> {
    Ok(Standing {
        receipt: row.get::<_, Option<[u8; 32]>>(0)?.map(LeafHash::from_bytes),
        next_delivery: row.get::<_, i64>(1)?.cast_unsigned(),
        state: row.get::<_, Option<[u8; 32]>>(2)?.map(Digest::from_bytes),
    })
}

pub(super) fn unknown(binding: &BindingId) -> JournalError {
    JournalError::Conflict(format!("there is no binding {binding}"))
}

impl Journal {
    /// Every binding, by name.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn bindings(&self) -> Result<Vec<BindingRow>, JournalError> {
        self.read().all(
            &format!("SELECT {COLUMNS} FROM binding ORDER BY name"),
            [],
            |row| self.documents.row(row),
        )
    }

    /// The binding that the operator calls `name`.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn binding(&self, name: &str) -> Result<Option<BindingRow>, JournalError> {
        let read = || {
            self.read().one(
                &format!("SELECT {COLUMNS} FROM binding WHERE name = ?1"),
                [name],
                |row| self.documents.row(row),
            )
        };
        if self.writer.is_some() {
            self.documents.named(name, read)
        } else {
            // Another process commits.
            read()
        }
    }

    /// Where the binding stands.
    pub(crate) fn standing(&self, binding: &BindingId) -> Result<Standing, JournalError> {
        self.read()
            .one(STANDING, [binding.as_bytes()], standing)?
            .ok_or_else(|| unknown(binding))
    }

    /// How many invocations of the binding are accepted and have not run.
    pub(crate) fn waiting_under(&self, binding: &BindingId) -> Result<u64, JournalError> {
        let waiting = self
            .read()
            .one(WAITING, [binding.as_bytes()], |row| row.get(0))?;
        Ok(waiting.map_or(0, i64::cast_unsigned))
    }

    /// The number that the binding's next submission gets.
    pub(crate) fn next_submission(&self, binding: &BindingId) -> Result<u64, JournalError> {
        let number: Option<i64> = self.read().one(
            "SELECT next_submission FROM binding WHERE id = ?1",
            [binding.as_bytes()],
            |row| row.get(0),
        )?;
        Ok(number.map_or(1, i64::cast_unsigned))
    }
}

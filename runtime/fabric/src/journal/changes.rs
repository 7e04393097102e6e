//! Changes of bindings: proposed, signed, carried to the gateway, in force.

use std::fmt;
use std::str::FromStr;

use cryptlet_attest::{
    BindingChange, BindingEntry, BindingId, BindingVersion, LogEntry, Measurement,
};
use rusqlite::params;
use serde::Serialize;

use super::deliveries::{AttemptRow, Carries};
use super::{Journal, JournalError, Writing};
use crate::binding::{Binding, WhileChanging};
use crate::change::{Change, ChangeApproval, ChangeKind};

/// How far a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeStatus {
    /// It collects signatures.
    Proposed,
    /// Enough counterparties have signed; it is on its way to the gateway.
    Signed,
    /// The gateway has it, in a final block; its delay is not over.
    Carried,
    /// It counts.
    Active,
    /// It never will.
    Refused,
}

impl ChangeStatus {
    const ALL: [Self; 5] = [
        Self::Proposed,
        Self::Signed,
        Self::Carried,
        Self::Active,
        Self::Refused,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Signed => "signed",
            Self::Carried => "carried",
            Self::Active => "active",
            Self::Refused => "refused",
        }
    }

    /// Whether a change may go there from here.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Proposed => matches!(next, Self::Signed | Self::Refused),
            // A reorganisation may take back what no final block has; it is never `Carried` then.
            Self::Signed => matches!(next, Self::Carried | Self::Active | Self::Refused),
            Self::Carried => matches!(next, Self::Active | Self::Refused),
            Self::Active | Self::Refused => false,
        }
    }

    /// Whether nothing can become of it any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Active | Self::Refused)
    }
}

impl fmt::Display for ChangeStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ChangeStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("{text} is no status of a change"))
    }
}

/// A change as the journal knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeRow {
    /// Counts the binding's changes from 1.
    pub number: u64,
    /// What is asked for.
    pub change: Change,
    /// The signatures so far, all of them genuine, ascending by counterparty.
    pub approvals: Vec<ChangeApproval>,
    /// How far it is.
    pub status: ChangeStatus,
    /// Why it was refused.
    pub reason: Option<String>,
    /// It counts from this block time on; seconds since 1970, once the gateway has it.
    pub counts_from: Option<u64>,
    /// When it was proposed; milliseconds since 1970.
    pub proposed_at: u64,
}

/// Most changes of one binding that collect signatures at once: whoever proposes more fills a disk.
const MOST_PROPOSED: i64 = 64;

impl Writing<'_> {
    /// Writes a change down, with the signatures that it comes with. With enough of them it takes
    /// the place of a signed change among `replaceable`, of which the gateway has nothing.
    ///
    /// # Errors
    ///
    /// If another document is in force than it was proposed for, its module is retired, or too many
    /// collect signatures.
    pub(crate) fn propose(
        &mut self,
        change: &Change,
        approvals: &[ChangeApproval],
        replaceable: &[u64],
        at: u64,
    ) -> Result<u64, JournalError> {
        let id = change.in_force.id();
        self.check_in_force(change)?;
        self.refuse_retired(change)?;
        self.refuse_terms_left_alone(change)?;
        let collecting: Option<i64> = self.one(
            "SELECT count(*) FROM change WHERE binding = ?1 AND status = 'proposed'",
            [id.as_bytes()],
            |row| row.get(0),
        )?;
        // One that needs no more signatures fills no place.
        if approvals.len() < change.required()
            && collecting.is_some_and(|collecting| collecting >= MOST_PROPOSED)
        {
            return Err(JournalError::Conflict(format!(
                "{MOST_PROPOSED} changes of binding \"{}\" collect signatures already; have one of them signed first",
                change.in_force.binding.name
            )));
        }
        let number: Option<i64> = self.one(
            "INSERT INTO change (binding, number, kind, in_force, document, version, measurement,
                                 nonce, approvals, status, proposed_at)
             VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM change WHERE binding = ?1),
                     ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'proposed', ?9)
             RETURNING number",
            params![
                id.as_bytes(),
                change.kind.as_str(),
                change.in_force.to_toml(),
                change.document.to_toml(),
                change.version.as_bytes(),
                change.measurement.as_bytes(),
                change.nonce.cast_signed(),
                in_json(approvals),
                at.cast_signed(),
            ],
            |row| row.get(0),
        )?;
        let number = number.map_or(0, i64::cast_unsigned);
        self.append(&LogEntry::Binding(BindingEntry {
            binding: id,
            version: change.version,
            change: BindingChange::Proposed,
            measurement: Some(change.measurement),
        }))?;
        self.count_signatures(change, number, approvals, replaceable)?;
        Ok(number)
    }

    /// Keeps further signatures of a change, as [`Writing::propose`] does; a counterparty's newer ones replace the older. One that
    /// has enough takes them until a transaction carries it: a contract wallet may have changed its
    /// mind about what it signed.
    ///
    /// # Errors
    ///
    /// If there is no such change, or it takes no more.
    pub(crate) fn approve(
        &self,
        binding: &BindingId,
        number: u64,
        approvals: &[ChangeApproval],
        replaceable: &[u64],
    ) -> Result<(), JournalError> {
        let known = self
            .one(
                &format!("{CHANGE} AND number = ?2"),
                params![binding.as_bytes(), number.cast_signed()],
                change_row,
            )?
            .ok_or_else(|| no_change(binding, number))?;
        match known.status {
            ChangeStatus::Proposed => self.check_in_force(&known.change)?,
            ChangeStatus::Signed if !self.is_on_its_way(binding, number)? => {}
            status => {
                let on_its_way = if status == ChangeStatus::Signed {
                    ", on its way to the gateway"
                } else {
                    ""
                };
                return Err(JournalError::Conflict(format!(
                    "change {number} is {status}{on_its_way} and takes no more signatures"
                )));
            }
        }
        let mut all = known.approvals;
        all.retain(|old| {
            !approvals
                .iter()
                .any(|new| new.counterparty == old.counterparty)
        });
        all.extend_from_slice(approvals);
        all.sort_by_key(|approval| approval.counterparty);
        self.execute(
            "UPDATE change SET approvals = ?3 WHERE binding = ?1 AND number = ?2",
            params![binding.as_bytes(), number.cast_signed(), in_json(&all)],
        )?;
        if known.status == ChangeStatus::Signed {
            return Ok(());
        }
        self.count_signatures(&known.change, number, &all, replaceable)
    }

    /// Refuses every change that still collects signatures: they were asked for under a document
    /// that is not in force any more.
    pub(super) fn supersede_proposed(&self, binding: &BindingId) -> Result<(), JournalError> {
        self.execute(
            "UPDATE change SET status = 'refused', reason = 'another document came into force; propose it anew'
             WHERE binding = ?1 AND status = 'proposed'",
            [binding.as_bytes()],
        )
        .map(drop)
    }

    /// Whether a transaction that carries the change may still take effect.
    fn is_on_its_way(&self, binding: &BindingId, number: u64) -> Result<bool, JournalError> {
        let carried: Option<i64> = self.one(
            "SELECT 1 FROM attempt WHERE binding = ?1 AND change = ?2 AND dead = 0",
            params![binding.as_bytes(), number.cast_signed()],
            |row| row.get(0),
        )?;
        Ok(carried.is_some())
    }

    /// Moves a change; one that is over lets its binding go on.
    ///
    /// # Errors
    ///
    /// If it may not go there from where it is.
    pub(crate) fn move_change(
        &self,
        binding: &BindingId,
        number: u64,
        next: ChangeStatus,
        reason: Option<&str>,
        counts_from: Option<u64>,
    ) -> Result<(), JournalError> {
        let now: Option<ChangeStatus> = self.one(
            "SELECT status FROM change WHERE binding = ?1 AND number = ?2",
            params![binding.as_bytes(), number.cast_signed()],
            |row| super::parsed(row, 0),
        )?;
        let now = now.ok_or_else(|| no_change(binding, number))?;
        if !now.may_become(next) {
            return Err(JournalError::Conflict(format!(
                "change {number} is {now} and cannot become {next}"
            )));
        }
        self.execute(
            "UPDATE change SET status = ?3, reason = ?4, counts_from = coalesce(?5, counts_from)
             WHERE binding = ?1 AND number = ?2",
            params![
                binding.as_bytes(),
                number.cast_signed(),
                next.as_str(),
                reason,
                counts_from.map(u64::cast_signed),
            ],
        )?;
        if next.is_over() {
            self.execute(
                "UPDATE binding SET paused_by = NULL WHERE id = ?1 AND paused_by = ?2",
                params![binding.as_bytes(), number.cast_signed()],
            )?;
        }
        Ok(())
    }

    /// Makes the signed transaction that carries a message of a change durable.
    ///
    /// # Errors
    ///
    /// If another live transaction has the nonce, or one that carries the change is on its way.
    pub(crate) fn record_change_attempt(
        &self,
        binding: &BindingId,
        number: u64,
        ledger: &str,
        attempt: &AttemptRow,
    ) -> Result<(), JournalError> {
        if self.is_on_its_way(binding, number)? {
            return Err(JournalError::Conflict(format!(
                "a transaction that carries change {number} of binding {binding} is on its way already"
            )));
        }
        self.record_transaction(binding, ledger, Carries::Change(number), attempt)
    }

    fn count_signatures(
        &self,
        change: &Change,
        number: u64,
        approvals: &[ChangeApproval],
        replaceable: &[u64],
    ) -> Result<(), JournalError> {
        if approvals.len() < change.required() {
            return Ok(());
        }
        let id = change.in_force.id();
        self.refuse_retired(change)?;
        if change.kind == ChangeKind::Change {
            let other: Option<(i64, ChangeStatus)> = self.one(
                "SELECT number, status FROM change
                 WHERE binding = ?1 AND kind = 'change' AND status IN ('signed', 'carried')",
                [id.as_bytes()],
                |row| Ok((row.get(0)?, super::parsed(row, 1)?)),
            )?;
            let other = other.map(|(other, status)| (other.cast_unsigned(), status));
            if let Some((other, ChangeStatus::Signed)) = other
                && replaceable.contains(&other)
                && !self.is_on_its_way(&id, other)?
            {
                let reason = format!("change {number} was signed in its place");
                self.move_change(&id, other, ChangeStatus::Refused, Some(&reason), None)?;
            } else if let Some((other, _)) = other {
                return Err(JournalError::Conflict(format!(
                    "change {other} of binding \"{}\" is signed and not in force yet; wait until it is, or have one counterparty revoke what it allows",
                    change.in_force.binding.name
                )));
            }
            if change.in_force.binding.while_changing == WhileChanging::Pause {
                self.execute(
                    "UPDATE binding SET paused_by = ?2 WHERE id = ?1",
                    params![id.as_bytes(), number.cast_signed()],
                )?;
            }
        }
        self.move_change(&id, number, ChangeStatus::Signed, None, None)
    }

    /// A change counts for the document that its signers saw.
    pub(super) fn check_in_force(&self, change: &Change) -> Result<(), JournalError> {
        let id = change.in_force.id();
        let version: Option<[u8; 32]> = self.one(
            "SELECT version FROM binding WHERE id = ?1",
            [id.as_bytes()],
            |row| row.get(0),
        )?;
        let version = version.map(BindingVersion::from_bytes);
        let proposed_for = change.in_force.version();
        match version {
            Some(version) if version == proposed_for => Ok(()),
            Some(version) => Err(JournalError::Conflict(format!(
                "the change was proposed for version {proposed_for} of binding \"{}\", and {version} is in force; propose it anew",
                change.in_force.binding.name
            ))),
            None => Err(JournalError::Conflict(format!("there is no binding {id}"))),
        }
    }
}

impl Journal {
    /// The changes of a binding, oldest first.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn changes(&self, binding: &BindingId) -> Result<Vec<ChangeRow>, JournalError> {
        self.read().all(
            &format!("{CHANGE} ORDER BY number"),
            [binding.as_bytes()],
            change_row,
        )
    }

    /// One change of a binding.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn change(
        &self,
        binding: &BindingId,
        number: u64,
    ) -> Result<Option<ChangeRow>, JournalError> {
        let Ok(number) = i64::try_from(number) else {
            return Ok(None);
        };
        self.read().one(
            &format!("{CHANGE} AND number = ?2"),
            params![binding.as_bytes(), number],
            change_row,
        )
    }

    /// The changes that are signed and do not count yet, oldest first.
    pub(crate) fn open_changes(&self, binding: &BindingId) -> Result<Vec<ChangeRow>, JournalError> {
        self.read()
            .all(OPEN_CHANGES, [binding.as_bytes()], change_row)
    }

    /// The transaction that carries a change now, unless all that did are dead.
    pub(crate) fn change_attempt(
        &self,
        binding: &BindingId,
        number: u64,
    ) -> Result<Option<AttemptRow>, JournalError> {
        self.read().one(
            "SELECT hash, account, nonce, raw, valid_until FROM attempt
             WHERE binding = ?1 AND change = ?2 AND dead = 0 ORDER BY rowid DESC LIMIT 1",
            params![binding.as_bytes(), number.cast_signed()],
            super::deliveries::attempt,
        )
    }
}

/// Changes of a binding in the columns that [`change_row`] takes, with what else is asked.
macro_rules! changes {
    ($($rest:literal)?) => {
        concat!(
            "SELECT number, kind, in_force, document, version, measurement, nonce, approvals, status,
                    reason, counts_from, proposed_at FROM change WHERE binding = ?1",
            $($rest)?
        )
    };
}

const CHANGE: &str = changes!();

/// See [`Journal::open_changes`].
pub(super) const OPEN_CHANGES: &str =
    changes!(" AND status IN ('signed', 'carried') ORDER BY number");

fn change_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<ChangeRow> {
    let document = |column| {
        super::converted(row, column, |text: String| {
            Binding::parse("journal", &text).map_err(|error| error.to_string())
        })
    };
    Ok(ChangeRow {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        change: Change {
            kind: super::parsed(row, 1)?,
            in_force: document(2)?,
            document: document(3)?,
            version: BindingVersion::from_bytes(row.get(4)?),
            measurement: Measurement::from_bytes(row.get(5)?),
            nonce: row.get::<_, i64>(6)?.cast_unsigned(),
        },
        approvals: super::converted(row, 7, |text: String| {
            serde_json::from_str(&text).map_err(|error| error.to_string())
        })?,
        status: super::parsed(row, 8)?,
        reason: row.get(9)?,
        counts_from: row.get::<_, Option<i64>>(10)?.map(i64::cast_unsigned),
        proposed_at: row.get::<_, i64>(11)?.cast_unsigned(),
    })
}

fn in_json(approvals: &[ChangeApproval]) -> String {
    serde_json::to_string(approvals).expect("approvals have a JSON form")
}

fn no_change(binding: &BindingId, number: u64) -> JournalError {
    JournalError::Conflict(format!("there is no change {number} of binding {binding}"))
}

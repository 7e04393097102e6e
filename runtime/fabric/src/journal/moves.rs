//! Stages of versions under a binding, and the moves between them.

use std::collections::BTreeSet;

use cryptlet_attest::{BindingId, LogEntry, Measurement, StateChange, VersionEntry};
use rusqlite::params;
use semver::Version;

use super::{Journal, JournalError, VersionRow, Writing, parsed};
use crate::versions::{Basis, Decision, MoveKind, NewMove, Stage, StageRow, VersionMove};

/// The modules that a binding's new invocations may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    /// The active version's.
    pub(crate) active: Measurement,
    /// The canary's, with its share in thousandths.
    pub(crate) canary: Option<(Measurement, u16)>,
}

/// A move that is legal.
struct Made<'a> {
    binding: &'a BindingId,
    cryptlet: &'a str,
    version: &'a Version,
    measurement: Measurement,
    kind: MoveKind,
    from: Stage,
    share: Option<u16>,
    decision: &'a Decision,
    at: u64,
    state: Option<StateChange>,
}

impl Writing<'_> {
    /// Moves a version to where `new` says, with a leaf; a promotion or rollback also takes the
    /// version that was active out of its place. The moves that were made come back in the order
    /// of their leaves.
    ///
    /// # Errors
    ///
    /// [`JournalError::IllegalMove`] if the version may not go there from where it stands now;
    /// [`JournalError::Conflict`] if what was decided on does not hold any more.
    pub(crate) fn move_version(
        &mut self,
        new: &NewMove<'_>,
    ) -> Result<Vec<VersionMove>, JournalError> {
        if let Some(basis) = new.basis {
            self.check_basis(new.binding, basis)?;
        }
        let version = &new.version.version;
        let from = self.stage(new.binding, version)?;
        let to = new.kind.to();
        if !from.may_become(to) {
            return Err(self.illegal(new, from, remedy(from, to)));
        }
        let mut moves = Vec::new();
        match to {
            Stage::Active => {
                let active = self.active(new.binding)?;
                moves.push(self.drain(new, active)?);
                self.execute(
                    "UPDATE binding SET active = ?2 WHERE id = ?1",
                    params![new.binding.as_bytes(), version.to_string()],
                )?;
                self.go_on(new.binding)?;
            }
            Stage::Canary => self.refuse_second_canary(new, from)?,
            Stage::Retired => self.refuse_waiting(new, from)?,
            _ => {}
        }
        moves.push(self.make(&Made {
            binding: new.binding,
            cryptlet: &new.version.cryptlet,
            version,
            measurement: new.version.measurement,
            kind: new.kind,
            from,
            share: new.share,
            decision: new.decision,
            at: new.at,
            state: new.state,
        })?);
        if to == Stage::Active {
            moves.extend(self.retain_drained(new.binding, &new.version.cryptlet, new.at)?);
        }
        Ok(moves)
    }

    /// Makes the first version of a binding the active one; `leaf` is that of the binding's
    /// activation.
    pub(super) fn begin_with(
        &self,
        binding: &BindingId,
        cryptlet: &str,
        version: &Version,
        at: u64,
        leaf: u64,
    ) -> Result<VersionMove, JournalError> {
        let measurement: Option<[u8; 32]> = self.one(
            "SELECT measurement FROM version WHERE cryptlet = ?1 AND version = ?2",
            params![cryptlet, version.to_string()],
            |row| row.get(0),
        )?;
        let measurement = measurement.ok_or_else(|| {
            JournalError::Conflict(format!(
                "{cryptlet} {version} is not deployed; deploy its component first"
            ))
        })?;
        let made = Made {
            binding,
            cryptlet,
            version,
            measurement: Measurement::from_bytes(measurement),
            kind: MoveKind::Activated,
            from: Stage::Deployed,
            share: None,
            decision: &Decision::of_fabric("the counterparties signed the binding with it"),
            at,
            state: None,
        };
        self.keep(&made, leaf)
    }

    /// Takes the module that another document of the binding begins with into the place of the active
    /// one, if it is another; a canary is withdrawn, which that document has not allowed.
    ///
    /// # Errors
    ///
    /// [`JournalError::IllegalMove`] if the module is retired.
    pub(super) fn make_way(
        &mut self,
        binding: &BindingId,
        to: &VersionRow,
        at: u64,
    ) -> Result<Vec<VersionMove>, JournalError> {
        let decision = Decision::of_fabric("another document of the binding came into force");
        let mut moves = self.withdraw_canary(binding, &to.cryptlet, &decision, at)?;
        if self.active(binding)?.0 != to.version {
            moves.extend(self.move_version(&NewMove {
                binding,
                version: to,
                kind: MoveKind::Promoted,
                basis: None,
                share: None,
                decision: &decision,
                at,
                state: None,
            })?);
        }
        Ok(moves)
    }

    /// Takes the binding's canary back, if there is one.
    pub(super) fn withdraw_canary(
        &mut self,
        binding: &BindingId,
        cryptlet: &str,
        decision: &Decision,
        at: u64,
    ) -> Result<Vec<VersionMove>, JournalError> {
        let canary: Option<(Version, [u8; 32])> = self.one(
            "SELECT version, measurement FROM stage WHERE binding = ?1 AND stage = 'canary'",
            [binding.as_bytes()],
            |row| Ok((parsed(row, 0)?, row.get(1)?)),
        )?;
        let Some((version, measurement)) = canary else {
            return Ok(Vec::new());
        };
        let version = VersionRow {
            cryptlet: cryptlet.to_owned(),
            version,
            measurement: Measurement::from_bytes(measurement),
            deployed_at: at,
        };
        self.move_version(&NewMove {
            binding,
            version: &version,
            kind: MoveKind::Withdrawn,
            basis: None,
            share: None,
            decision,
            at,
            state: None,
        })
    }

    /// Notes that a document begins with the active module: no rollback leads past it. `leaf` is that
    /// which brought the document into force.
    pub(super) fn begin_again(
        &self,
        binding: &BindingId,
        to: &VersionRow,
        at: u64,
        leaf: u64,
    ) -> Result<VersionMove, JournalError> {
        let made = Made {
            binding,
            cryptlet: &to.cryptlet,
            version: &to.version,
            measurement: to.measurement,
            kind: MoveKind::Activated,
            from: Stage::Active,
            share: None,
            decision: &Decision::of_fabric("the counterparties signed another document with it"),
            at,
            state: None,
        };
        self.keep(&made, leaf)
    }

    /// Retains the versions that have nothing left to run.
    pub(crate) fn retain_drained(
        &mut self,
        binding: &BindingId,
        cryptlet: &str,
        at: u64,
    ) -> Result<Vec<VersionMove>, JournalError> {
        let drained = || -> rusqlite::Result<Vec<(Version, Measurement)>> {
            self.connection
                .prepare_cached(DRAINED)?
                .query_map([binding.as_bytes()], |row| {
                    Ok((parsed(row, 0)?, Measurement::from_bytes(row.get(1)?)))
                })?
                .collect()
        };
        let drained = drained().map_err(|source| super::store(self.path, source))?;
        let decision = Decision::of_fabric("everything that it was to run has run");
        let mut moves = Vec::with_capacity(drained.len());
        for (version, measurement) in drained {
            moves.push(self.make(&Made {
                binding,
                cryptlet,
                version: &version,
                measurement,
                kind: MoveKind::Retained,
                from: Stage::Draining,
                share: None,
                decision: &decision,
                at,
                state: None,
            })?);
        }
        Ok(moves)
    }

    /// What the binding's next invocation may get.
    pub(crate) fn running(&self, binding: &BindingId) -> Result<Running, JournalError> {
        let active: Option<[u8; 32]> = self.one(
            "SELECT measurement FROM stage WHERE binding = ?1 AND stage = 'active'",
            [binding.as_bytes()],
            |row| row.get(0),
        )?;
        let active = active.ok_or_else(|| no_active(binding))?;
        let canary: Option<([u8; 32], u16)> = self.one(
            "SELECT measurement, share FROM stage WHERE binding = ?1 AND stage = 'canary'",
            [binding.as_bytes()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(Running {
            active: Measurement::from_bytes(active),
            canary: canary.map(|(module, share)| (Measurement::from_bytes(module), share)),
        })
    }

    /// Where a version stands; one that nothing was decided about is deployed.
    pub(crate) fn stage(
        &self,
        binding: &BindingId,
        version: &Version,
    ) -> Result<Stage, JournalError> {
        let stage = self.one(
            "SELECT stage FROM stage WHERE binding = ?1 AND version = ?2",
            params![binding.as_bytes(), version.to_string()],
            |row| parsed(row, 0),
        )?;
        Ok(stage.unwrap_or(Stage::Deployed))
    }

    fn active(&self, binding: &BindingId) -> Result<(Version, Measurement), JournalError> {
        self.one(
            "SELECT version, measurement FROM stage WHERE binding = ?1 AND stage = 'active'",
            [binding.as_bytes()],
            |row| Ok((parsed(row, 0)?, Measurement::from_bytes(row.get(1)?))),
        )?
        .ok_or_else(|| no_active(binding))
    }

    /// Refuses what was decided on another document or beside another active version: a rollback
    /// would lead elsewhere by now, and a check may have another answer.
    fn check_basis(&self, binding: &BindingId, basis: &Basis) -> Result<(), JournalError> {
        let found: Option<([u8; 32], Version)> = self.one(
            "SELECT version, active FROM binding WHERE id = ?1",
            [binding.as_bytes()],
            |row| Ok((row.get(0)?, parsed(row, 1)?)),
        )?;
        if found.is_some_and(|(version, active)| {
            version == *basis.version.as_bytes() && active == basis.active
        }) {
            return Ok(());
        }
        Err(moved_meanwhile(&self.name(binding)?))
    }

    /// Takes the active version out of its place for the sake of the one that `new` makes active.
    fn drain(
        &mut self,
        new: &NewMove<'_>,
        (version, measurement): (Version, Measurement),
    ) -> Result<VersionMove, JournalError> {
        let word = if new.kind == MoveKind::RolledBack {
            "rolled back to"
        } else {
            "replaced by"
        };
        let decision = Decision::of_fabric(&format!("{word} {}", new.version.version));
        self.make(&Made {
            binding: new.binding,
            cryptlet: &new.version.cryptlet,
            version: &version,
            measurement,
            kind: MoveKind::Draining,
            from: Stage::Active,
            share: None,
            decision: &decision,
            at: new.at,
            state: None,
        })
    }

    fn refuse_second_canary(&self, new: &NewMove<'_>, from: Stage) -> Result<(), JournalError> {
        let other: Option<String> = self.one(
            "SELECT version FROM stage WHERE binding = ?1 AND stage = 'canary' AND version <> ?2",
            params![new.binding.as_bytes(), new.version.version.to_string()],
            |row| row.get(0),
        )?;
        other.map_or(Ok(()), |other| {
            let remedy = format!("{other} is the binding's canary; promote or withdraw that first");
            Err(self.illegal(new, from, &remedy))
        })
    }

    fn refuse_waiting(&self, new: &NewMove<'_>, from: Stage) -> Result<(), JournalError> {
        if let Some(change) = self.waits_for_module(new.binding, &new.version.measurement)? {
            let remedy =
                format!("change {change} is signed and names it; retire it when that is over");
            return Err(self.illegal(new, from, &remedy));
        }
        let waiting: Option<i64> = self.one(
            "SELECT count(*) FROM queued WHERE binding = ?1 AND measurement = ?2",
            params![new.binding.as_bytes(), new.version.measurement.as_bytes()],
            |row| row.get(0),
        )?;
        match waiting {
            None | Some(0) => Ok(()),
            Some(waiting) => {
                let remedy = format!(
                    "{waiting} accepted invocations still wait for it; retire it when they have run"
                );
                Err(self.illegal(new, from, &remedy))
            }
        }
    }

    fn illegal(&self, new: &NewMove<'_>, from: Stage, remedy: &str) -> JournalError {
        match self.name(new.binding) {
            Ok(binding) => JournalError::IllegalMove {
                binding,
                version: new.version.version.clone(),
                from,
                to: new.kind.to(),
                remedy: remedy.to_owned(),
            },
            Err(error) => error,
        }
    }

    fn name(&self, binding: &BindingId) -> Result<String, JournalError> {
        let name = self.one(
            "SELECT name FROM binding WHERE id = ?1",
            [binding.as_bytes()],
            |row| row.get(0),
        )?;
        Ok(name.unwrap_or_else(|| binding.to_string()))
    }

    /// Makes a move with its leaf.
    fn make(&mut self, made: &Made<'_>) -> Result<VersionMove, JournalError> {
        let leaf = self.append(&LogEntry::Version(VersionEntry {
            cryptlet: made.cryptlet.to_owned(),
            version: made.version.to_string(),
            measurement: made.measurement,
            binding: Some(*made.binding),
            change: made.kind.change(),
            by: Some(made.decision.by().to_owned()),
            reason: Some(made.decision.reason().to_owned()),
            share: made.share,
            state: made.state,
        }))?;
        self.keep(made, leaf)
    }

    /// Keeps a move that the leaf tells of.
    fn keep(&self, made: &Made<'_>, leaf: u64) -> Result<VersionMove, JournalError> {
        let to = made.kind.to();
        self.execute(
            "INSERT INTO stage (binding, version, measurement, stage, share, since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (binding, version) DO UPDATE
             SET stage = excluded.stage, share = excluded.share, since = excluded.since",
            params![
                made.binding.as_bytes(),
                made.version.to_string(),
                made.measurement.as_bytes(),
                to.to_string(),
                made.share,
                made.at.cast_signed(),
            ],
        )?;
        let ordinal: Option<i64> = self.one(
            "INSERT INTO version_move (binding, ordinal, kind, version, measurement, from_stage,
                                       to_stage, share, decided_by, reason, at, leaf)
             VALUES (?1, (SELECT coalesce(max(ordinal) + 1, 0) FROM version_move WHERE binding = ?1),
                     ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             RETURNING ordinal",
            params![
                made.binding.as_bytes(),
                made.kind.to_string(),
                made.version.to_string(),
                made.measurement.as_bytes(),
                made.from.to_string(),
                to.to_string(),
                made.share,
                made.decision.by(),
                made.decision.reason(),
                made.at.cast_signed(),
                leaf.cast_signed(),
            ],
            |row| row.get(0),
        )?;
        Ok(VersionMove {
            ordinal: ordinal.map_or(0, i64::cast_unsigned),
            kind: made.kind,
            version: made.version.clone(),
            measurement: made.measurement,
            from: made.from,
            to,
            share: made.share,
            by: made.decision.by().to_owned(),
            reason: made.decision.reason().to_owned(),
            at: made.at,
            leaf,
        })
    }
}

/// Draining versions that no accepted invocation waits for.
pub(super) const DRAINED: &str = "SELECT version, measurement FROM stage
     WHERE binding = ?1 AND stage = 'draining'
       AND NOT EXISTS (SELECT 1 FROM queued WHERE queued.binding = stage.binding
                       AND queued.measurement = stage.measurement)
     ORDER BY since";

/// What to do instead of a move that is not legal.
fn remedy(from: Stage, to: Stage) -> &'static str {
    match (from, to) {
        (Stage::Retired, _) => {
            "a retired version never runs here again; deploy the same code under a new version"
        }
        (Stage::Active, _) => "promote another version, or roll back, and this one drains",
        (Stage::Draining, _) => "wait until what was accepted for it has run",
        (Stage::Shadow | Stage::Canary, Stage::Retired) => "withdraw it first",
        (_, Stage::Deployed) => "only a version in shadow or canary is withdrawn",
        (from, to) if from == to => "it stands there already",
        _ => "see where it stands with `cryptlet versions`",
    }
}

/// What a move was decided on does not hold any more.
pub(crate) fn moved_meanwhile(binding: &str) -> JournalError {
    JournalError::Conflict(format!(
        "the versions or the document of binding \"{binding}\" changed meanwhile, so nothing was moved; see how it stands with `cryptlet versions`, and decide again"
    ))
}

fn no_active(binding: &BindingId) -> JournalError {
    JournalError::Conflict(format!("binding {binding} has no active version"))
}

impl Journal {
    /// Every deployed version of the binding's cryptlet with its stage there, oldest first.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn stages(&self, binding: &BindingId) -> Result<Vec<StageRow>, JournalError> {
        self.read().all(
            "SELECT version.version, version.measurement, coalesce(stage, 'deployed'), share,
                    coalesce(since, deployed_at)
             FROM binding JOIN version USING (cryptlet)
             LEFT JOIN stage ON stage.binding = binding.id AND stage.version = version.version
             WHERE binding.id = ?1 ORDER BY deployed_at, version.rowid",
            [binding.as_bytes()],
            |row| {
                Ok(StageRow {
                    version: parsed(row, 0)?,
                    measurement: Measurement::from_bytes(row.get(1)?),
                    stage: parsed(row, 2)?,
                    share: row.get(3)?,
                    since: row.get::<_, i64>(4)?.cast_unsigned(),
                })
            },
        )
    }

    /// Modules of versions that are retired under every binding of their cryptlet, of which there is
    /// one at least. Another binding's source may be among them.
    pub(crate) fn retired(&self) -> Result<BTreeSet<Measurement>, JournalError> {
        let retired = self.read().all(
            "SELECT version.measurement FROM binding JOIN version USING (cryptlet)
             LEFT JOIN stage ON stage.binding = binding.id AND stage.version = version.version
             GROUP BY version.cryptlet, version.version
             HAVING min(coalesce(stage.stage, 'deployed') = 'retired')",
            [],
            |row| Ok(Measurement::from_bytes(row.get(0)?)),
        )?;
        Ok(retired.into_iter().collect())
    }

    /// The moves of a binding's versions, oldest first.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn version_moves(&self, binding: &BindingId) -> Result<Vec<VersionMove>, JournalError> {
        self.version_moves_from(binding, 0, u32::MAX)
    }

    /// At most `most` of a binding's moves, from the one with this ordinal on.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn version_moves_from(
        &self,
        binding: &BindingId,
        ordinal: u64,
        most: u32,
    ) -> Result<Vec<VersionMove>, JournalError> {
        self.read().all(
            "SELECT ordinal, kind, version, measurement, from_stage, to_stage, share, decided_by,
                    reason, at, leaf
             FROM version_move WHERE binding = ?1 AND ordinal >= ?2 ORDER BY ordinal LIMIT ?3",
            params![
                binding.as_bytes(),
                i64::try_from(ordinal).unwrap_or(i64::MAX),
                most
            ],
            |row| {
                Ok(VersionMove {
                    ordinal: row.get::<_, i64>(0)?.cast_unsigned(),
                    kind: parsed(row, 1)?,
                    version: parsed(row, 2)?,
                    measurement: Measurement::from_bytes(row.get(3)?),
                    from: parsed(row, 4)?,
                    to: parsed(row, 5)?,
                    share: row.get(6)?,
                    by: row.get(7)?,
                    reason: row.get(8)?,
                    at: row.get::<_, i64>(9)?.cast_unsigned(),
                    leaf: row.get::<_, i64>(10)?.cast_unsigned(),
                })
            },
        )
    }
}

//! Versions that are tried out: what came of it beside the active version and in its place.

use cryptlet_attest::{BindingId, Measurement};
use rusqlite::params;
use semver::Version;

use super::{Journal, JournalError, Writing, converted, parsed};
use crate::canary::{Bounds, Trialled};
use crate::shadow::Difference;
use crate::versions::Stage;

/// Shadow runs that are kept of each version under a binding; older ones are forgotten.
pub const KEPT_SHADOW_RUNS: u32 = 1_000;

/// A version in shadow or canary.
pub(crate) struct CandidateRow {
    pub(crate) binding: BindingId,
    /// The binding's name.
    pub(crate) name: String,
    pub(crate) version: Version,
    pub(crate) measurement: Measurement,
    pub(crate) stage: Stage,
}

/// What one candidate did with one live run of the active version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowRunRow {
    /// The binding.
    pub binding: BindingId,
    /// The candidate.
    pub version: Version,
    /// The invocation.
    pub number: u64,
    /// The version that ran it.
    pub active: Version,
    /// What the candidate did otherwise; nothing if the run is clean.
    pub differences: Vec<Difference>,
    /// Fuel of the active version, without its sources.
    pub fuel_active: u64,
    /// Fuel of the candidate, without its sources.
    pub fuel_candidate: u64,
    /// When; milliseconds since 1970.
    pub at: u64,
}

impl Writing<'_> {
    /// Keeps a shadow run, and forgets the oldest beyond [`KEPT_SHADOW_RUNS`].
    pub(crate) fn keep_shadow_run(&self, row: &ShadowRunRow) -> Result<(), JournalError> {
        let differences = serde_json::to_string(&row.differences)
            .map_err(|error| JournalError::Conflict(error.to_string()))?;
        let version = row.version.to_string();
        self.execute(
            "INSERT OR REPLACE INTO shadow_run (binding, version, number, active, clean, differences,
                                                fuel_active, fuel_candidate, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                row.binding.as_bytes(),
                version,
                row.number.cast_signed(),
                row.active.to_string(),
                row.differences.is_empty(),
                differences,
                row.fuel_active.cast_signed(),
                row.fuel_candidate.cast_signed(),
                row.at.cast_signed(),
            ],
        )?;
        self.execute(
            "DELETE FROM shadow_run WHERE binding = ?1 AND version = ?2 AND number <= (
                 SELECT number FROM shadow_run WHERE binding = ?1 AND version = ?2
                 ORDER BY number DESC LIMIT 1 OFFSET ?3)",
            params![row.binding.as_bytes(), version, KEPT_SHADOW_RUNS],
        )?;
        Ok(())
    }

    /// Keeps the bounds that a binding's canary was given.
    pub(crate) fn keep_bounds(
        &self,
        binding: &BindingId,
        bounds: &Bounds,
    ) -> Result<(), JournalError> {
        self.execute(
            "INSERT OR REPLACE INTO canary_bounds (binding, max_errors, max_fuel, max_latency, least_runs)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                binding.as_bytes(),
                bounds.max_errors,
                bounds.max_fuel,
                bounds.max_latency,
                bounds.least_runs,
            ],
        )?;
        Ok(())
    }
}

/// See [`Journal::trialled`].
pub(super) const TRIALLED: &str = "SELECT outcome = 'ok', fuel FROM execution
     WHERE binding = ?1 AND ordinal = 0 AND version = ?2 AND leaf > ?3
     ORDER BY leaf DESC LIMIT ?4";

/// Versions in shadow or canary, in the order of [`candidate`].
const CANDIDATES: &str = "SELECT binding.id, name, stage.version, measurement, stage
     FROM stage JOIN binding ON binding.id = stage.binding WHERE stage IN ('shadow', 'canary')";

fn candidate(row: &rusqlite::Row<'_>) -> rusqlite::Result<CandidateRow> {
    Ok(CandidateRow {
        binding: BindingId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        version: parsed(row, 2)?,
        measurement: Measurement::from_bytes(row.get(3)?),
        stage: parsed(row, 4)?,
    })
}

impl Journal {
    /// Every version in shadow or canary, of all bindings.
    pub(crate) fn candidates(&self) -> Result<Vec<CandidateRow>, JournalError> {
        self.read().all(CANDIDATES, [], candidate)
    }

    /// The versions in shadow or canary of the binding that the operator calls `name`.
    pub(crate) fn candidates_of(&self, name: &str) -> Result<Vec<CandidateRow>, JournalError> {
        self.read()
            .all(&format!("{CANDIDATES} AND name = ?1"), [name], candidate)
    }

    /// The newest shadow runs of a version under a binding, newest first, at most `most`.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn shadow_runs(
        &self,
        binding: &BindingId,
        version: &Version,
        most: u32,
    ) -> Result<Vec<ShadowRunRow>, JournalError> {
        self.read().all(
            "SELECT binding, version, number, active, differences, fuel_active, fuel_candidate, at
             FROM shadow_run WHERE binding = ?1 AND version = ?2 ORDER BY number DESC LIMIT ?3",
            params![binding.as_bytes(), version.to_string(), most],
            |row| {
                Ok(ShadowRunRow {
                    binding: BindingId::from_bytes(row.get(0)?),
                    version: parsed(row, 1)?,
                    number: row.get::<_, i64>(2)?.cast_unsigned(),
                    active: parsed(row, 3)?,
                    differences: converted(row, 4, |text: String| {
                        serde_json::from_str(&text).map_err(|error| error.to_string())
                    })?,
                    fuel_active: row.get::<_, i64>(5)?.cast_unsigned(),
                    fuel_candidate: row.get::<_, i64>(6)?.cast_unsigned(),
                    at: row.get::<_, i64>(7)?.cast_unsigned(),
                })
            },
        )
    }

    /// How many shadow runs of a version beside `active` were clean since the last that was not. One
    /// beside another version than `active` says nothing.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn clean_shadow_runs(
        &self,
        binding: &BindingId,
        version: &Version,
        active: &Version,
    ) -> Result<u64, JournalError> {
        let count: Option<i64> = self.read().one(
            "SELECT count(*) FROM shadow_run AS run
             WHERE binding = ?1 AND version = ?2 AND active = ?3 AND clean = 1
               AND number > coalesce((SELECT max(number) FROM shadow_run
                   WHERE binding = ?1 AND version = ?2 AND active = ?3 AND clean = 0), -1)",
            params![binding.as_bytes(), version.to_string(), active.to_string()],
            |row| row.get(0),
        )?;
        Ok(count.map_or(0, i64::cast_unsigned))
    }

    /// The bounds that the binding's canary was given.
    pub(crate) fn bounds(&self, binding: &BindingId) -> Result<Option<Bounds>, JournalError> {
        self.read().one(
            "SELECT max_errors, max_fuel, max_latency, least_runs FROM canary_bounds WHERE binding = ?1",
            [binding.as_bytes()],
            |row| {
                Ok(Bounds {
                    max_errors: row.get(0)?,
                    max_fuel: row.get(1)?,
                    max_latency: row.get(2)?,
                    least_runs: row.get(3)?,
                })
            },
        )
    }

    /// The newest runs of a version under a binding whose receipts stand after `leaf`, oldest first,
    /// at most `most`. How long they took is not recorded.
    pub(crate) fn trialled(
        &self,
        binding: &BindingId,
        version: &Version,
        leaf: Option<u64>,
        most: u32,
    ) -> Result<Vec<Trialled>, JournalError> {
        let mut runs = self.read().all(
            TRIALLED,
            params![
                binding.as_bytes(),
                version.to_string(),
                leaf.map_or(-1, u64::cast_signed),
                most
            ],
            |row| {
                Ok(Trialled {
                    succeeded: row.get(0)?,
                    fuel: row.get::<_, i64>(1)?.cast_unsigned(),
                    took: None,
                })
            },
        )?;
        runs.reverse();
        Ok(runs)
    }
}

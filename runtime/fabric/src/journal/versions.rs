//! Components and the versions they carry.

use cryptlet_attest::{LogEntry, Measurement, VersionChange, VersionEntry};
use rusqlite::params;
use semver::Version;
use serde::Serialize;

use super::{Journal, JournalError, Writing};
use crate::versions::Decision;

/// One deployed version of a cryptlet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct VersionRow {
    /// The cryptlet's name.
    pub cryptlet: String,
    /// Its version.
    pub version: semver::Version,
    /// What its bytes measure.
    pub measurement: Measurement,
    /// When it was deployed; milliseconds since 1970.
    pub deployed_at: u64,
}

impl Writing<'_> {
    /// Keeps a component under its name and version, with a leaf. The same bytes again change
    /// nothing. Returns when it was deployed.
    pub(crate) fn deploy(
        &mut self,
        row: &VersionRow,
        component: &[u8],
        decision: Option<&Decision>,
    ) -> Result<u64, JournalError> {
        let existing: Option<(Vec<u8>, i64)> = self.one(
            "SELECT measurement, deployed_at FROM version WHERE cryptlet = ?1 AND version = ?2",
            params![row.cryptlet, row.version.to_string()],
            |found| Ok((found.get(0)?, found.get(1)?)),
        )?;
        if let Some((existing, deployed_at)) = existing {
            return if existing == row.measurement.as_bytes() {
                Ok(deployed_at.cast_unsigned())
            } else {
                Err(JournalError::Conflict(format!(
                    "{} {} is deployed already with measurement {}; raise the version, a version never changes its bytes",
                    row.cryptlet,
                    row.version,
                    hex::encode(existing)
                )))
            };
        }
        self.execute(
            "INSERT OR IGNORE INTO module (measurement, component) VALUES (?1, ?2)",
            params![row.measurement.as_bytes(), component],
        )?;
        let leaf = self.append(&LogEntry::Version(VersionEntry {
            cryptlet: row.cryptlet.clone(),
            version: row.version.to_string(),
            measurement: row.measurement,
            binding: None,
            change: VersionChange::Deployed,
            by: decision.map(|decision| decision.by().to_owned()),
            reason: decision.map(|decision| decision.reason().to_owned()),
            share: None,
            state: None,
        }))?;
        self.execute(
            "INSERT INTO version (cryptlet, version, measurement, deployed_at, leaf)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                row.cryptlet,
                row.version.to_string(),
                row.measurement.as_bytes(),
                row.deployed_at.cast_signed(),
                leaf.cast_signed(),
            ],
        )?;
        Ok(row.deployed_at)
    }
}

/// In the order of [`version_row`].
const VERSION: &str = "SELECT cryptlet, version, measurement, deployed_at FROM version";

fn version_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<VersionRow> {
    Ok(VersionRow {
        cryptlet: row.get(0)?,
        version: super::parsed(row, 1)?,
        measurement: Measurement::from_bytes(row.get(2)?),
        deployed_at: row.get::<_, i64>(3)?.cast_unsigned(),
    })
}

impl Journal {
    /// Every deployed version, by name and then by age.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn versions(&self) -> Result<Vec<VersionRow>, JournalError> {
        self.read().all(
            &format!("{VERSION} ORDER BY cryptlet, deployed_at, rowid"),
            [],
            version_row,
        )
    }

    /// The deployed versions of one cryptlet.
    pub(crate) fn versions_of(&self, cryptlet: &str) -> Result<Vec<VersionRow>, JournalError> {
        self.read().all(
            &format!("{VERSION} WHERE cryptlet = ?1"),
            [cryptlet],
            version_row,
        )
    }

    /// One deployed version.
    pub(crate) fn version(
        &self,
        cryptlet: &str,
        version: &Version,
    ) -> Result<Option<VersionRow>, JournalError> {
        self.read().one(
            &format!("{VERSION} WHERE cryptlet = ?1 AND version = ?2"),
            params![cryptlet, version.to_string()],
            version_row,
        )
    }

    /// The modules of a cryptlet's versions.
    pub(crate) fn measurements_of(&self, cryptlet: &str) -> Result<Vec<Measurement>, JournalError> {
        self.read().all(
            "SELECT measurement FROM version WHERE cryptlet = ?1",
            [cryptlet],
            |row| Ok(Measurement::from_bytes(row.get(0)?)),
        )
    }

    /// The bytes of the component with this measurement, if it was ever deployed.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn component(&self, measurement: &Measurement) -> Result<Option<Vec<u8>>, JournalError> {
        self.read().one(
            "SELECT component FROM module WHERE measurement = ?1",
            [measurement.as_bytes()],
            |row| row.get(0),
        )
    }
}

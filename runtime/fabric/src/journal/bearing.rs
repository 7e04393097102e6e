//! What the journal has of one run and of what bears on it: where it stands in the log, and what was
//! recorded.

use cryptlet_attest::BindingId;
use rusqlite::params;

use super::{Journal, JournalError, Writing};

/// A run and what bears on it. Leaves are positions in the log.
pub(crate) struct Bearing {
    /// The salt of the invocation.
    pub(crate) salt: [u8; 32],
    /// The leaf that accepted it.
    pub(crate) accepted: u64,
    /// The leaf of the binding's run before it.
    pub(crate) previous: Option<u64>,
    /// The leaves that brought the run's document into force, and of the move by which what ran was
    /// active, or the canary, at the acceptance; none if the document began with it.
    pub(crate) moves: Vec<u64>,
    /// The leaves that deployed what ran.
    pub(crate) deployed: Vec<u64>,
    /// The bound cryptlet's execution, and those of the sources that were asked.
    pub(crate) executions: Vec<Recorded>,
}

/// What was recorded of one execution.
pub(crate) struct Recorded {
    pub(crate) ordinal: u32,
    pub(crate) leaf: u64,
    pub(crate) input: Vec<u8>,
    pub(crate) transcript: Vec<u8>,
    pub(crate) reply: Option<Vec<u8>>,
    /// Bodies of published events, in order.
    pub(crate) events: Vec<Vec<u8>>,
}

const MOVES: &str = "SELECT leaf FROM version_move
     WHERE binding = ?1 AND leaf < ?2 AND (leaf IN (
         SELECT leaf FROM state_rewrite WHERE binding = ?1 AND leaf > ?4) OR ordinal = (
         SELECT max(ordinal) FROM version_move
         WHERE binding = ?1 AND leaf > ?5 AND leaf < ?2 AND measurement = ?3
           AND to_stage IN ('active', 'canary')))
     ORDER BY ordinal";

impl Writing<'_> {
    /// Keeps what the host says of itself. The same once more changes nothing.
    pub(crate) fn keep_evidence(&self, encoded: &[u8]) -> Result<(), JournalError> {
        self.execute(
            "INSERT OR IGNORE INTO evidence (encoded) VALUES (?1)",
            params![encoded],
        )
        .map(drop)
    }
}

impl Journal {
    /// What the host has said of itself, with each of its executables.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn evidence(&self) -> Result<Vec<Vec<u8>>, JournalError> {
        self.read()
            .all("SELECT encoded FROM evidence ORDER BY encoded", [], |row| {
                row.get(0)
            })
    }

    /// What bears on the run `number` of the binding; none if there was no such run.
    pub(crate) fn bearing(
        &self,
        binding: &BindingId,
        number: u64,
    ) -> Result<Option<Bearing>, JournalError> {
        let Ok(stored) = i64::try_from(number) else {
            return Ok(None);
        };
        let of_run = params![binding.as_bytes(), stored];
        let executions = self.recorded(of_run)?;
        let Some(run) = executions.iter().find(|recorded| recorded.ordinal == 0) else {
            return Ok(None);
        };
        let reading = self.read();
        let invocation: Option<([u8; 32], i64, [u8; 32], i64)> = reading.one(
            "SELECT salt, invocation.leaf, measurement, agreement.leaf FROM invocation
             JOIN agreement ON agreement.binding = invocation.binding AND version = binding_version
             WHERE invocation.binding = ?1 AND number = ?2",
            of_run,
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        let Some((salt, accepted, measurement, agreed)) = invocation else {
            return Ok(None);
        };
        let previous: Option<Option<i64>> = reading.one(
            "SELECT max(leaf) FROM execution WHERE binding = ?1 AND ordinal = 0 AND leaf < ?2",
            params![binding.as_bytes(), run.leaf.cast_signed()],
            |row| row.get(0),
        )?;
        let previous = previous.flatten();
        let leaf = |row: &rusqlite::Row<'_>| row.get(0).map(i64::cast_unsigned);
        let mut moves = vec![agreed.cast_unsigned()];
        moves.extend(reading.all(
            MOVES,
            params![
                binding.as_bytes(),
                accepted,
                measurement,
                previous.unwrap_or(-1),
                agreed
            ],
            leaf,
        )?);
        let deployed = reading.all(
            "SELECT DISTINCT version.leaf FROM execution JOIN version USING (cryptlet, version)
             WHERE binding = ?1 AND number = ?2",
            of_run,
            leaf,
        )?;
        Ok(Some(Bearing {
            salt,
            accepted: accepted.cast_unsigned(),
            previous: previous.map(i64::cast_unsigned),
            moves,
            deployed,
            executions,
        }))
    }

    fn recorded(&self, of_run: &[&dyn rusqlite::ToSql]) -> Result<Vec<Recorded>, JournalError> {
        let reading = self.read();
        let mut executions: Vec<Recorded> = reading.all(
            "SELECT ordinal, leaf, input, transcript, reply FROM execution
             WHERE binding = ?1 AND number = ?2 ORDER BY ordinal",
            of_run,
            |row| {
                Ok(Recorded {
                    ordinal: row.get(0)?,
                    leaf: row.get::<_, i64>(1)?.cast_unsigned(),
                    input: row.get(2)?,
                    transcript: row.get(3)?,
                    reply: row.get(4)?,
                    events: Vec::new(),
                })
            },
        )?;
        let events: Vec<(u32, Vec<u8>)> = reading.all(
            "SELECT ordinal, body FROM event WHERE binding = ?1 AND number = ?2
             ORDER BY ordinal, position",
            of_run,
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        for (ordinal, body) in events {
            if let Some(execution) = executions
                .iter_mut()
                .find(|execution| execution.ordinal == ordinal)
            {
                execution.events.push(body);
            }
        }
        Ok(executions)
    }
}

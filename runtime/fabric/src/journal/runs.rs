//! Runs as a replay takes them: in the order of their receipts, one at a time.

use cryptlet_attest::{BindingId, Salt, Statement};
use rusqlite::params;

use super::{BindingRow, Journal, JournalError};
use crate::execution::salt_of;
use crate::replay::{FieldSalts, KnownState, RecordedRun};

/// Where the journal has a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPlace {
    /// The binding.
    pub binding: BindingId,
    /// The invocation.
    pub number: u64,
    /// Position of its receipt in the log.
    pub leaf: u64,
    /// The cryptlet, as the journal has it beside the receipt.
    pub cryptlet: String,
    /// Its version, likewise.
    pub version: String,
}

impl Journal {
    /// Runs in the order of their receipts, of all bindings or of one, whose receipts stand after
    /// `after`; at most `limit` of them.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn runs_after(
        &self,
        binding: Option<&BindingId>,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RunPlace>, JournalError> {
        let after = after.map_or(-1, u64::cast_signed);
        self.read().all(
            "SELECT binding, number, leaf, cryptlet, version FROM execution
             WHERE ordinal = 0 AND leaf > ?1 AND (?2 IS NULL OR binding = ?2)
             ORDER BY leaf LIMIT ?3",
            params![after, binding.map(BindingId::as_bytes), limit],
            place,
        )
    }

    /// Runs of a binding whose invocations were accepted at `since` or later, in milliseconds since
    /// 1970, in the order of their receipts, which stand after `after`; at most `limit` of them.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn runs_since(
        &self,
        binding: &BindingId,
        since: u64,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RunPlace>, JournalError> {
        self.read().all(
            "SELECT binding, number, execution.leaf, cryptlet, version
             FROM execution JOIN invocation USING (binding, number)
             WHERE binding = ?1 AND ordinal = 0 AND execution.leaf > ?2 AND instant >= ?3
             ORDER BY execution.leaf LIMIT ?4",
            params![
                binding.as_bytes(),
                after.map_or(-1, u64::cast_signed),
                i64::try_from(since).unwrap_or(i64::MAX),
                limit
            ],
            place,
        )
    }

    /// How many runs [`runs_since`](Self::runs_since) gives in all.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn count_runs_since(&self, binding: &BindingId, since: u64) -> Result<u64, JournalError> {
        let count: Option<i64> = self.read().one(
            "SELECT count(*) FROM execution JOIN invocation USING (binding, number)
             WHERE binding = ?1 AND ordinal = 0 AND instant >= ?2",
            params![binding.as_bytes(), i64::try_from(since).unwrap_or(i64::MAX)],
            |row| row.get(0),
        )?;
        Ok(count.map_or(0, i64::cast_unsigned))
    }

    /// A run with all that its replay needs; none if there is no such run.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read or is damaged.
    pub fn recorded_run(
        &self,
        binding: &BindingRow,
        number: u64,
    ) -> Result<Option<RecordedRun>, JournalError> {
        let id = binding.document.id();
        let rows: Vec<Sealed> = self.read().all(
            "SELECT ordinal, entry, execution.input, transcript, salt FROM execution
             LEFT JOIN leaf ON position = execution.leaf
             LEFT JOIN invocation USING (binding, number)
             WHERE binding = ?1 AND number = ?2 ORDER BY ordinal",
            params![id.as_bytes(), number.cast_signed()],
            |row| {
                Ok(Sealed {
                    ordinal: row.get(0)?,
                    entry: row.get(1)?,
                    input: row.get(2)?,
                    transcript: row.get(3)?,
                    salt: row.get(4)?,
                })
            },
        )?;
        let mut statements = Vec::with_capacity(rows.len());
        for (ordinal, row) in (0..).zip(&rows) {
            if row.ordinal != ordinal {
                return Err(JournalError::Conflict(format!(
                    "execution {ordinal} of invocation {number} of binding {id} is gone"
                )));
            }
            let entry = row.entry.as_ref().ok_or_else(|| {
                JournalError::Conflict(format!(
                    "the receipt of execution {ordinal} of invocation {number} of binding {id} is gone"
                ))
            })?;
            statements.push(statement(entry)?);
        }
        let mut statements = statements.into_iter();
        let (Some(statement), Some(run)) = (statements.next(), rows.into_iter().next()) else {
            return Ok(None);
        };
        let salt = run.salt.ok_or_else(|| {
            JournalError::Conflict(format!("invocation {number} of binding {id} is gone"))
        })?;
        let version = &statement.execution.binding_version;
        let document = match self.agreement(&id, version)? {
            Some(agreement) => agreement.document.to_json(),
            // A replay says which document is missing.
            None => binding.document.to_json(),
        };
        Ok(Some(RecordedRun {
            run: statement,
            sources: statements.collect(),
            document,
            input: run.input,
            transcript: run.transcript,
            state: self.known_state(&id, number)?,
            salts: FieldSalts::Invocation(Salt::from_bytes(salt)),
        }))
    }

    /// The state as the run `number` found it, with the salt under which receipts say so; none if
    /// nobody had changed it.
    pub(crate) fn known_state(
        &self,
        binding: &BindingId,
        number: u64,
    ) -> Result<Option<KnownState>, JournalError> {
        let Some(leaf) = self.last_change_before(binding, number)? else {
            return Ok(None);
        };
        let salt = self.salt_of_state(leaf)?.ok_or_else(|| {
            JournalError::Conflict(format!(
                "the run or move with leaf {leaf} of binding {binding} is gone"
            ))
        })?;
        Ok(Some(KnownState {
            state: self.state_before(binding, number)?,
            salt: salt_of(&salt, 0).field("state"),
        }))
    }
}

fn place(row: &rusqlite::Row<'_>) -> rusqlite::Result<RunPlace> {
    Ok(RunPlace {
        binding: BindingId::from_bytes(row.get(0)?),
        number: row.get::<_, i64>(1)?.cast_unsigned(),
        leaf: row.get::<_, i64>(2)?.cast_unsigned(),
        cryptlet: row.get(3)?,
        version: row.get(4)?,
    })
}

/// One execution of an invocation that ran, without what the journal has lost.
struct Sealed {
    ordinal: u32,
    entry: Option<Vec<u8>>,
    input: Vec<u8>,
    transcript: Vec<u8>,
    salt: Option<[u8; 32]>,
}

fn statement(entry: &[u8]) -> Result<Statement, JournalError> {
    Statement::from_bytes(entry)
        .map_err(|error| JournalError::Conflict(format!("a receipt cannot be read: {error}")))
}

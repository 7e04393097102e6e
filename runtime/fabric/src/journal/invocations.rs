//! Invocations: accepted before they run, executed in one commit afterwards.

use cryptlet_attest::{BindingId, BindingVersion, LogEntry, Measurement, Receipt};
use rusqlite::params;
use serde::Serialize;

use super::{Journal, JournalError, Writing, encoded, store};

/// What is fixed when an invocation is accepted.
pub(crate) struct NewInvocation {
    /// The binding it belongs to.
    pub binding: BindingId,
    /// The document that its trigger was held against.
    pub binding_version: BindingVersion,
    /// The change that the binding paused for then.
    pub paused_by: Option<u64>,
    /// What must not be accepted twice, such as a chain event's place.
    pub occurrence: String,
    /// The invocation whose failed trigger it runs once more.
    pub again: Option<u64>,
    /// Milliseconds since 1970.
    pub instant: u64,
    /// Seeds the guest's randomness.
    pub seed: [u8; 32],
    /// Salts the receipt's digests.
    pub salt: [u8; 32],
}

/// An invocation got its number, now or before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acceptance {
    pub(crate) number: u64,
    pub(crate) is_new: bool,
}

/// What became of an occurrence.
pub(crate) enum Occurred {
    /// It was accepted, and got this number.
    Now(u64),
    /// It was accepted before.
    Before(Earlier),
}

/// Where an accepted invocation stands in its binding's queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queued {
    pub(crate) number: u64,
    /// It runs a failed trigger once more.
    pub(crate) is_again: bool,
}

/// What an occurrence led to before.
pub(crate) struct Earlier {
    pub(crate) number: u64,
    pub(crate) input: Vec<u8>,
}

/// A failed answer to a contract event, which an ordered binding does not overtake.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) number: u64,
    outcome: String,
    explanation: Option<String>,
}

impl Held {
    pub(crate) fn reason(&self) -> String {
        format!(
            "invocation {} ended with {}{}; remove the cause and run it again, or pass it over",
            self.number,
            self.outcome,
            self.explanation
                .as_ref()
                .map(|said| format!(" ({said})"))
                .unwrap_or_default()
        )
    }
}

/// An accepted invocation.
#[derive(Clone, Debug)]
pub struct AcceptedRow {
    /// Counts the binding's runs from 1.
    pub number: u64,
    /// The whole invocation, as the receipt's input digest covers it.
    pub input: Vec<u8>,
    /// Seeds the guest's randomness.
    pub seed: [u8; 32],
    /// Salts the receipt's digests.
    pub salt: [u8; 32],
    /// The module that runs.
    pub measurement: Measurement,
    /// The document that it runs under.
    pub binding_version: BindingVersion,
    /// Whether it runs a failed trigger once more.
    pub is_again: bool,
}

/// One execution: of the bound cryptlet (ordinal 0) or of a source that it asked.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExecutionRow {
    /// The binding's name.
    pub binding: String,
    /// The invocation.
    pub number: u64,
    /// 0, or the place in the order of asking.
    pub ordinal: u32,
    /// What ran.
    pub cryptlet: String,
    /// In which version.
    pub version: String,
    /// Position of the receipt in the log.
    pub leaf: u64,
    /// Size of the checkpoint that the receipt was first published under.
    pub checkpoint: u64,
    /// How it ended, in words.
    pub outcome: String,
    /// What the guest or the host said when it did not end well.
    pub explanation: Option<String>,
    /// Deterministic units.
    pub fuel: u64,
    /// Bytes.
    pub peak_memory: u64,
    /// How many.
    pub host_calls: u64,
}

/// An execution on its way into the journal.
pub(crate) struct NewExecution {
    pub(crate) ordinal: u32,
    pub(crate) cryptlet: String,
    pub(crate) version: String,
    pub(crate) input: Vec<u8>,
    pub(crate) transcript: Vec<u8>,
    pub(crate) reply: Option<Vec<u8>>,
    pub(crate) outcome: String,
    pub(crate) explanation: Option<String>,
    pub(crate) fuel: u64,
    pub(crate) peak_memory: u64,
    pub(crate) host_calls: u64,
    pub(crate) events: Vec<(String, Vec<u8>)>,
}

const ACCEPTED_BEFORE: &str =
    "SELECT number, input FROM invocation WHERE binding = ?1 AND occurrence = ?2";

fn earlier(row: &rusqlite::Row<'_>) -> rusqlite::Result<Earlier> {
    Ok(Earlier {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        input: row.get(1)?,
    })
}

impl Writing<'_> {
    /// Accepts an invocation, unless its occurrence was accepted before. `input` and `entry` are told the
    /// number that it gets, and `entry` the module that is active now. It fails before it writes
    /// anything, or because the disk does.
    pub(crate) fn accept(
        &mut self,
        new: &NewInvocation,
        input: impl FnOnce(u64) -> Vec<u8>,
        entry: impl FnOnce(u64, &[u8], Measurement) -> LogEntry,
    ) -> Result<Occurred, JournalError> {
        let stand = self.stand(&new.binding)?;
        // What a trigger was held against must still be in force in the commit that accepts it.
        if stand.version != *new.binding_version.as_bytes()
            || stand.held_by != new.paused_by.map(u64::cast_signed)
        {
            let earlier = self.accepted_before(&new.binding, &new.occurrence)?;
            return earlier.map(Occurred::Before).ok_or_else(|| {
                JournalError::Conflict(format!(
                    "binding {} came into force in another version meanwhile, or pauses for one; nothing was accepted, try again",
                    new.binding
                ))
            });
        }
        let number = stand.next_invocation;
        let measurement = stand.running.choose(&new.binding, number, &new.seed);
        let input = input(number);
        let entry = encoded(&entry(number, &input, measurement))?;
        let leaf = self.log.size();
        // An occurrence from before shows itself here: most are new, and need not be looked for first.
        let inserted = self.execute(
            "INSERT INTO invocation (leaf, binding, number, occurrence, input, instant, seed, salt, measurement, binding_version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (binding, occurrence) DO NOTHING",
            params![
                leaf.cast_signed(),
                new.binding.as_bytes(),
                number.cast_signed(),
                new.occurrence,
                input,
                new.instant.cast_signed(),
                new.seed,
                new.salt,
                measurement.as_bytes(),
                new.binding_version.as_bytes(),
            ],
        )?;
        if inserted == 0 {
            let earlier = self.accepted_before(&new.binding, &new.occurrence)?;
            return earlier.map(Occurred::Before).ok_or_else(|| {
                JournalError::Conflict(format!(
                    "an invocation of binding {} is accepted and cannot be found",
                    new.binding
                ))
            });
        }
        self.execute(
            "INSERT INTO queued (binding, rank, number, leaf, measurement) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                new.binding.as_bytes(),
                rank(new.again.is_some()),
                number.cast_signed(),
                leaf.cast_signed(),
                measurement.as_bytes(),
            ],
        )?;
        if let Some(again) = new.again {
            self.execute(
                "UPDATE invocation SET holds = 0 WHERE binding = ?1 AND number = ?2",
                params![new.binding.as_bytes(), again.cast_signed()],
            )?;
        }
        self.move_on(&new.binding, |stand| {
            stand.next_invocation += 1;
            stand.waiting += 1;
        })?;
        self.append_encoded(&entry)?;
        Ok(Occurred::Now(number))
    }

    /// The invocation that an occurrence led to before.
    pub(crate) fn accepted_before(
        &self,
        binding: &BindingId,
        occurrence: &str,
    ) -> Result<Option<Earlier>, JournalError> {
        self.one(
            ACCEPTED_BEFORE,
            params![binding.as_bytes(), occurrence],
            earlier,
        )
    }

    pub(crate) fn pass_over(&self, binding: &BindingId, number: u64) -> Result<(), JournalError> {
        self.execute(
            "UPDATE invocation SET passed_over = 1, holds = 0 WHERE binding = ?1 AND number = ?2",
            params![binding.as_bytes(), number.cast_signed()],
        )?;
        Ok(())
    }

    /// Takes invocations off the binding's queue, in which they follow one another: they have run.
    ///
    /// # Errors
    ///
    /// If one of them is not there: a run is recorded once.
    pub(crate) fn mark_executed(
        &self,
        binding: &BindingId,
        invocations: &[Queued],
    ) -> Result<(), JournalError> {
        for together in invocations.chunk_by(|one, next| one.is_again == next.is_again) {
            let (Some(first), Some(last)) = (together.first(), together.last()) else {
                continue;
            };
            let left = self.execute(
                "DELETE FROM queued WHERE binding = ?1 AND rank = ?2 AND number BETWEEN ?3 AND ?4",
                params![
                    binding.as_bytes(),
                    rank(first.is_again),
                    first.number.cast_signed(),
                    last.number.cast_signed()
                ],
            )?;
            if left != together.len() {
                return Err(JournalError::Conflict(format!(
                    "of the invocations {} to {} of binding {binding}, some are executed already or were never accepted",
                    first.number, last.number
                )));
            }
        }
        Ok(())
    }

    /// Has nothing overtake an invocation whose contract event has no good answer.
    pub(crate) fn hold(&self, binding: &BindingId, number: u64) -> Result<(), JournalError> {
        self.execute(
            "UPDATE invocation SET holds = 1 WHERE binding = ?1 AND number = ?2",
            params![binding.as_bytes(), number.cast_signed()],
        )?;
        Ok(())
    }

    /// Records what the receipt at `leaf` tells of.
    pub(crate) fn record_execution(
        &self,
        binding: &BindingId,
        number: u64,
        leaf: u64,
        new: &NewExecution,
    ) -> Result<(), JournalError> {
        self.execute(
            "INSERT INTO execution (binding, number, ordinal, cryptlet, version, leaf, input,
                                    transcript, reply, outcome, explanation, fuel, peak_memory, host_calls)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            params![
                binding.as_bytes(),
                number.cast_signed(),
                new.ordinal,
                new.cryptlet,
                new.version,
                leaf.cast_signed(),
                new.input,
                new.transcript,
                new.reply,
                new.outcome,
                new.explanation,
                new.fuel.cast_signed(),
                new.peak_memory.cast_signed(),
                new.host_calls.cast_signed(),
            ],
        )?;
        for (position, (topic, body)) in new.events.iter().enumerate() {
            self.execute(
                "INSERT INTO event (binding, number, ordinal, position, topic, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    binding.as_bytes(),
                    number.cast_signed(),
                    new.ordinal,
                    i64::try_from(position).unwrap_or(i64::MAX),
                    topic,
                    body
                ],
            )?;
        }
        Ok(())
    }
}

/// An event that a cryptlet published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedEvent {
    /// The invocation that published it.
    pub number: u64,
    /// Its topic.
    pub topic: String,
    /// UTF-8 JSON.
    pub body: Vec<u8>,
}

/// See [`Journal::next_accepted`]; the first rows of a queue, however long it is.
pub(super) const NEXT_ACCEPTED: &str =
    "SELECT queued.number, input, seed, salt, queued.measurement, rank, binding_version
     FROM queued CROSS JOIN invocation USING (leaf)
     WHERE queued.binding = ?1 ORDER BY rank, queued.number LIMIT ?2";

/// Where a run of a failed trigger stands in the queue, and every other.
fn rank(is_again: bool) -> u8 {
    u8::from(!is_again)
}

/// Bytes of inputs that are read ahead, beyond the first.
const MOST_AHEAD: usize = 4 << 20;

fn accepted_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<AcceptedRow> {
    Ok(AcceptedRow {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        input: row.get(1)?,
        seed: row.get(2)?,
        salt: row.get(3)?,
        measurement: Measurement::from_bytes(row.get(4)?),
        is_again: row.get::<_, u8>(5)? == rank(true),
        binding_version: BindingVersion::from_bytes(row.get(6)?),
    })
}

/// See [`Journal::held_by`]; looks at what holds alone, not at all that ever failed.
pub(super) const HELD_BY: &str = "SELECT number, outcome, explanation FROM invocation
     CROSS JOIN execution USING (binding, number)
     WHERE binding = ?1 AND holds = 1 AND ordinal = 0 ORDER BY number LIMIT 1";

impl Journal {
    /// What an occurrence led to, if it was accepted before.
    pub(crate) fn accepted_before(
        &self,
        binding: &BindingId,
        occurrence: &str,
    ) -> Result<Option<Earlier>, JournalError> {
        self.read().one(
            ACCEPTED_BEFORE,
            params![binding.as_bytes(), occurrence],
            earlier,
        )
    }

    /// The invocations of the binding that are accepted and run next, in that order: those that are run
    /// again, then the oldest. At most `limit` of them, and fewer if their inputs are long.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn next_accepted(
        &self,
        binding: &BindingId,
        limit: u32,
    ) -> Result<Vec<AcceptedRow>, JournalError> {
        let reading = self.read();
        let read = || -> rusqlite::Result<Vec<AcceptedRow>> {
            let mut statement = reading.connection.prepare_cached(NEXT_ACCEPTED)?;
            let mut rows = statement.query(params![binding.as_bytes(), limit])?;
            let (mut accepted, mut bytes) = (Vec::new(), 0);
            while bytes < MOST_AHEAD
                && let Some(row) = rows.next()?
            {
                let row = accepted_row(row)?;
                bytes += row.input.len();
                accepted.push(row);
            }
            Ok(accepted)
        };
        read().map_err(|source| store(reading.path, source))
    }

    /// The oldest run of a contract event that failed, was not run again and was not passed over.
    pub(crate) fn held_by(&self, binding: &BindingId) -> Result<Option<Held>, JournalError> {
        self.read().one(HELD_BY, [binding.as_bytes()], |row| {
            Ok(Held {
                number: row.get::<_, i64>(0)?.cast_unsigned(),
                outcome: row.get(1)?,
                explanation: row.get(2)?,
            })
        })
    }

    /// The input of an invocation that ran, and how it ended.
    pub(crate) fn ended(
        &self,
        binding: &BindingId,
        number: u64,
    ) -> Result<Option<(Vec<u8>, String)>, JournalError> {
        self.read().one(
            "SELECT invocation.input, outcome FROM invocation JOIN execution USING (binding, number)
             WHERE binding = ?1 AND number = ?2 AND ordinal = 0",
            params![binding.as_bytes(), number.cast_signed()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// Every execution, oldest first.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn executions(&self) -> Result<Vec<ExecutionRow>, JournalError> {
        self.read().all(
            "SELECT name, number, ordinal, execution.cryptlet, execution.version, leaf,
                    (SELECT min(size) FROM checkpoint WHERE size > leaf), outcome,
                    explanation, fuel, peak_memory, host_calls
             FROM execution JOIN binding ON binding.id = execution.binding ORDER BY leaf",
            [],
            |row| {
                Ok(ExecutionRow {
                    binding: row.get(0)?,
                    number: row.get::<_, i64>(1)?.cast_unsigned(),
                    ordinal: row.get(2)?,
                    cryptlet: row.get(3)?,
                    version: row.get(4)?,
                    leaf: row.get::<_, i64>(5)?.cast_unsigned(),
                    checkpoint: row.get::<_, i64>(6)?.cast_unsigned(),
                    outcome: row.get(7)?,
                    explanation: row.get(8)?,
                    fuel: row.get::<_, i64>(9)?.cast_unsigned(),
                    peak_memory: row.get::<_, i64>(10)?.cast_unsigned(),
                    host_calls: row.get::<_, i64>(11)?.cast_unsigned(),
                })
            },
        )
    }

    /// The receipt of an execution with its proof, ready to be handed to an auditor.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read or its log is damaged.
    pub fn receipt(&self, execution: &ExecutionRow) -> Result<Receipt, JournalError> {
        self.receipt_at(execution.leaf, execution.checkpoint)
    }

    /// The salt, the input and the transcript of an execution: what a replay needs.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn recording(&self, execution: &ExecutionRow) -> Result<Option<Recording>, JournalError> {
        self.read().one(
            "SELECT salt, execution.input, transcript, reply, seed FROM execution
             JOIN invocation USING (binding, number) WHERE execution.leaf = ?1",
            [execution.leaf.cast_signed()],
            |row| {
                Ok(Recording {
                    salt: row.get(0)?,
                    input: row.get(1)?,
                    transcript: row.get(2)?,
                    reply: row.get(3)?,
                    seed: row.get(4)?,
                })
            },
        )
    }

    /// The events that the binding's runs published, oldest first.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn published(&self, binding: &BindingId) -> Result<Vec<PublishedEvent>, JournalError> {
        self.read().all(
            "SELECT number, topic, body FROM event WHERE binding = ?1 ORDER BY number, ordinal, position",
            [binding.as_bytes()],
            |row| {
                Ok(PublishedEvent {
                    number: row.get::<_, i64>(0)?.cast_unsigned(),
                    topic: row.get(1)?,
                    body: row.get(2)?,
                })
            },
        )
    }
}

/// What one execution can be replayed from.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Salts the receipt's digests.
    pub salt: [u8; 32],
    /// The accepted input.
    pub input: Vec<u8>,
    /// Every host call and its answer.
    pub transcript: Vec<u8>,
    /// What the cryptlet answered, if it did.
    pub reply: Option<Vec<u8>>,
    /// The seed of the whole invocation.
    pub seed: [u8; 32],
}

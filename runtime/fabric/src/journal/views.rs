//! What callers and auditors ask for, each answered without reading more than it needs.

use cryptlet_attest::{BindingId, Receipt};
use cryptlet_container::{Invocation, Trigger};
use rusqlite::params;

use super::{DeliveryRow, DeliveryStatus, Journal, JournalError, PublishedEvent};

/// How much a binding has done and has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BindingCounts {
    /// Accepted and not yet executed.
    pub queued: u64,
    /// Executed.
    pub executed: u64,
    /// Deliveries not yet final.
    pub open_deliveries: u64,
}

/// One invocation and all that became of it.
#[derive(Clone, Debug)]
pub struct InvocationRow {
    /// Counts the binding's invocations from 1.
    pub number: u64,
    /// When it was accepted; milliseconds since 1970.
    pub instant: u64,
    /// Why it runs: `message`, `contract-event`, `schedule` or `receipt`.
    pub trigger: &'static str,
    /// Its operator went on without an answer to it.
    pub passed_over: bool,
    /// What came of it, once it ran.
    pub result: Option<ResultRow>,
    /// Its deliveries, in order.
    pub deliveries: Vec<CarriedDelivery>,
}

impl InvocationRow {
    /// Whether it ran and each of its deliveries is final.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.result.is_some()
            && self
                .deliveries
                .iter()
                .all(|carried| carried.delivery.status.is_final())
    }
}

/// What the bound cryptlet's run came to.
#[derive(Clone, Debug)]
pub struct ResultRow {
    /// The cryptlet that ran.
    pub cryptlet: String,
    /// In which version.
    pub version: String,
    /// `ok`, or how it failed.
    pub outcome: String,
    /// What the guest or the host said when it did not end well.
    pub explanation: Option<String>,
    /// What it replied: JSON.
    pub reply: Option<Vec<u8>>,
    /// Deterministic units.
    pub fuel: u64,
    /// Position of the receipt in the log.
    pub leaf: u64,
}

/// A delivery with the newest transaction that carried it.
#[derive(Clone, Debug)]
pub struct CarriedDelivery {
    /// The delivery.
    pub delivery: DeliveryRow,
    /// The transaction's hash, if there was one.
    pub transaction: Option<[u8; 32]>,
}

/// A published event with its place among those of all bindings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedEvent {
    /// Rises from event to event; where a reader goes on after an interruption.
    pub place: u64,
    /// The event.
    pub event: PublishedEvent,
}

/// One leaf of the log, as it was hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafRow {
    /// Counts from 0.
    pub position: u64,
    /// The entry's bytes.
    pub entry: Vec<u8>,
}

/// One signed checkpoint of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRow {
    /// How many leaves it covers.
    pub size: u64,
    /// The root over them.
    pub root: [u8; 32],
    /// The signed note.
    pub note: String,
}

/// Bytes that the journal keeps of a binding for its next runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Keys and values.
    pub(crate) state_bytes: u64,
    /// Inputs that have not run.
    pub(crate) queued_bytes: u64,
}

/// Bytes of replies after which a list of invocations ends.
const MOST_REPLY_BYTES: usize = 4 << 20;

impl Journal {
    /// How much a binding has done and has to do.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn counts(&self, binding: &BindingId) -> Result<BindingCounts, JournalError> {
        let counts = self.read().one(
            "SELECT next_invocation - 1,
                    waiting,
                    (SELECT count(*) FROM delivery WHERE binding = ?1 AND status NOT IN ('finalized', 'skipped'))
             FROM binding WHERE id = ?1",
            [binding.as_bytes()],
            |row| {
                let accepted: i64 = row.get(0)?;
                let queued: i64 = row.get(1)?;
                let open: i64 = row.get(2)?;
                Ok(BindingCounts {
                    queued: queued.cast_unsigned(),
                    executed: accepted.saturating_sub(queued).max(0).cast_unsigned(),
                    open_deliveries: open.cast_unsigned(),
                })
            },
        )?;
        Ok(counts.unwrap_or_default())
    }

    /// How many invocations of all bindings are accepted and have not run.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn waiting(&self) -> Result<u64, JournalError> {
        let waiting: Option<i64> =
            self.read()
                .one("SELECT coalesce(sum(waiting), 0) FROM binding", [], |row| {
                    row.get(0)
                })?;
        Ok(waiting.map_or(0, i64::cast_unsigned))
    }

    /// Bindings with invocations that are accepted and have not run.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn bindings_with_work(&self) -> Result<Vec<String>, JournalError> {
        self.read()
            .all("SELECT name FROM binding WHERE waiting > 0", [], |row| {
                row.get(0)
            })
    }

    /// How much of a binding is kept.
    pub(crate) fn kept(&self, binding: &BindingId) -> Result<Kept, JournalError> {
        let kept = self.read().one(
            "SELECT coalesce((SELECT sum(octet_length(key) + length(value))
                              FROM state WHERE binding = ?1), 0),
                    coalesce((SELECT sum(length(input))
                              FROM queued JOIN invocation USING (leaf)
                              WHERE queued.binding = ?1), 0)",
            [binding.as_bytes()],
            |row| {
                Ok(Kept {
                    state_bytes: row.get::<_, i64>(0)?.cast_unsigned(),
                    queued_bytes: row.get::<_, i64>(1)?.cast_unsigned(),
                })
            },
        )?;
        Ok(kept.unwrap_or_default())
    }

    /// How many of the binding's deliveries have each status that any of them has.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn deliveries_by_status(
        &self,
        binding: &BindingId,
    ) -> Result<Vec<(DeliveryStatus, u64)>, JournalError> {
        self.read().all(
            "SELECT status, count(*) FROM delivery WHERE binding = ?1 GROUP BY status",
            [binding.as_bytes()],
            |row| {
                Ok((
                    super::parsed(row, 0)?,
                    row.get::<_, i64>(1)?.cast_unsigned(),
                ))
            },
        )
    }

    /// One invocation of a binding and all that became of it.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn invocation(
        &self,
        binding: &BindingId,
        number: u64,
    ) -> Result<Option<InvocationRow>, JournalError> {
        let found = self.invocations(binding, number.saturating_sub(1), 1)?;
        Ok(found.into_iter().find(|row| row.number == number))
    }

    /// At most `limit` invocations of a binding after `after`, in order; fewer if their replies
    /// are long, but at least one if there is any.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn invocations(
        &self,
        binding: &BindingId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<InvocationRow>, JournalError> {
        let mut rows = self.read().some(
            "SELECT invocation.number, instant, invocation.input, passed_over, cryptlet, version, outcome,
                    explanation, reply, fuel, execution.leaf
             FROM invocation LEFT JOIN execution
               ON execution.binding = invocation.binding AND execution.number = invocation.number AND ordinal = 0
             WHERE invocation.binding = ?1 AND invocation.number > ?2
             ORDER BY invocation.number LIMIT ?3",
            params![binding.as_bytes(), stored(after), limit],
            MOST_REPLY_BYTES,
            invocation,
            |row| {
                let reply = row.result.as_ref().and_then(|result| result.reply.as_ref());
                reply.map_or(0, Vec::len)
            },
        )?;
        for row in &mut rows {
            row.deliveries = self.deliveries_of(binding, row.number)?;
        }
        Ok(rows)
    }

    /// The deliveries that one invocation made, in order.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn deliveries_of(
        &self,
        binding: &BindingId,
        number: u64,
    ) -> Result<Vec<CarriedDelivery>, JournalError> {
        self.select(
            "AND number = ?2",
            params![binding.as_bytes(), stored(number)],
        )?
        .into_iter()
        .map(|delivery| {
            let attempt = self.newest_attempt(&delivery)?;
            Ok(CarriedDelivery {
                delivery,
                transaction: attempt.map(|attempt| attempt.hash),
            })
        })
        .collect()
    }

    /// At most `limit` events that the binding's runs published after the place `after`, oldest
    /// first; 0 is before the first.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn published_after(
        &self,
        binding: &BindingId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<PlacedEvent>, JournalError> {
        self.read().all(
            "SELECT place, number, topic, body FROM event
             WHERE binding = ?1 AND place > ?2 ORDER BY place LIMIT ?3",
            params![binding.as_bytes(), stored(after), limit],
            |row| {
                Ok(PlacedEvent {
                    place: row.get::<_, i64>(0)?.cast_unsigned(),
                    event: PublishedEvent {
                        number: row.get::<_, i64>(1)?.cast_unsigned(),
                        topic: row.get(2)?,
                        body: row.get(3)?,
                    },
                })
            },
        )
    }

    /// At most `limit` leaves of the log from position `from` on, in order. Nothing is checked: an
    /// auditor reads them.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn leaves(&self, from: u64, limit: u32) -> Result<Vec<LeafRow>, JournalError> {
        self.read().all(
            "SELECT position, entry FROM leaf WHERE position >= ?1 ORDER BY position LIMIT ?2",
            params![stored(from), limit],
            |row| {
                Ok(LeafRow {
                    position: row.get::<_, i64>(0)?.cast_unsigned(),
                    entry: row.get(1)?,
                })
            },
        )
    }

    /// At most `limit` checkpoints that cover more than `after` leaves, smallest first.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn checkpoints(&self, after: u64, limit: u32) -> Result<Vec<CheckpointRow>, JournalError> {
        self.read().all(
            "SELECT size, root, note FROM checkpoint WHERE size > ?1 ORDER BY size LIMIT ?2",
            params![stored(after), limit],
            checkpoint,
        )
    }

    /// The entry at `leaf` with its proof under the checkpoint that first covered it; none if the
    /// log has no such leaf. Whatever kind of entry it is, this is how it is handed to an auditor.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read or its log is damaged.
    pub fn receipt_of_leaf(&self, leaf: u64) -> Result<Option<Receipt>, JournalError> {
        let covering = self.checkpoints(leaf, 1)?;
        covering
            .first()
            .map(|checkpoint| self.receipt_at(leaf, checkpoint.size))
            .transpose()
    }
}

/// A number from outside as SQLite compares it: beyond its range there is nothing.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn invocation(row: &rusqlite::Row<'_>) -> rusqlite::Result<InvocationRow> {
    let outcome: Option<String> = row.get(6)?;
    let result = outcome
        .map(|outcome| -> rusqlite::Result<ResultRow> {
            Ok(ResultRow {
                cryptlet: row.get(4)?,
                version: row.get(5)?,
                outcome,
                explanation: row.get(7)?,
                reply: row.get(8)?,
                fuel: row.get::<_, i64>(9)?.cast_unsigned(),
                leaf: row.get::<_, i64>(10)?.cast_unsigned(),
            })
        })
        .transpose()?;
    Ok(InvocationRow {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        instant: row.get::<_, i64>(1)?.cast_unsigned(),
        trigger: super::converted(row, 2, |input: Vec<u8>| {
            Invocation::from_input_bytes(&input)
                .map(|invocation| kind(&invocation.trigger))
                .map_err(|error| error.to_string())
        })?,
        passed_over: row.get(3)?,
        result,
        deliveries: Vec::new(),
    })
}

pub(super) fn checkpoint(row: &rusqlite::Row<'_>) -> rusqlite::Result<CheckpointRow> {
    Ok(CheckpointRow {
        size: row.get::<_, i64>(0)?.cast_unsigned(),
        root: row.get(1)?,
        note: row.get(2)?,
    })
}

fn kind(trigger: &Trigger) -> &'static str {
    match trigger {
        Trigger::Message { .. } => "message",
        Trigger::ContractEvent { .. } => "contract-event",
        Trigger::Schedule { .. } => "schedule",
        Trigger::Receipt { .. } => "receipt",
    }
}

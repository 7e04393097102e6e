//! Where bindings stand during one commit: read once, counted on in memory, and written once at its
//! end. Most jobs of a commit concern a few bindings, and each of them moves its binding on.

use std::collections::HashMap;
use std::path::Path;

use cryptlet_attest::{BindingId, Digest, LeafHash};
use rusqlite::{Connection, params};

use super::bindings::{Standing, unknown};
use super::{JournalError, Running, Writing, store};

/// The bindings that a commit has moved on so far.
#[derive(Debug, Default)]
pub(super) struct Stands {
    known: HashMap<BindingId, Stand>,
    /// How often one was moved on.
    moves: u64,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Stand {
    /// The document in force.
    pub(super) version: [u8; 32],
    /// The change because of which it takes nothing new.
    pub(super) held_by: Option<i64>,
    /// What its next invocation runs on.
    pub(super) running: Running,
    pub(super) next_invocation: u64,
    /// Invocations that are accepted and have not run.
    pub(super) waiting: u64,
    pub(super) standing: Standing,
    is_moved: bool,
}

const READ: &str = "SELECT version, coalesce(stopped_by, paused_by), next_invocation, waiting,
            last_receipt, next_delivery, state_digest FROM binding WHERE id = ?1";

const WRITE: &str = "UPDATE binding SET next_invocation = ?2, waiting = ?3, last_receipt = ?4,
            next_delivery = ?5, state_digest = ?6 WHERE id = ?1";

impl Writing<'_> {
    /// Where a binding stands now.
    pub(super) fn stand(&mut self, binding: &BindingId) -> Result<&Stand, JournalError> {
        if !self.stands.known.contains_key(binding) {
            let stand = self.read_stand(binding)?;
            self.stands.known.insert(*binding, stand);
        }
        self.stands
            .known
            .get(binding)
            .ok_or_else(|| unknown(binding))
    }

    /// Moves a binding on. Work that was checked must not fail from here on.
    pub(super) fn move_on(
        &mut self,
        binding: &BindingId,
        change: impl FnOnce(&mut Stand),
    ) -> Result<(), JournalError> {
        self.stand(binding)?;
        if let Some(stand) = self.stands.known.get_mut(binding) {
            change(stand);
            stand.is_moved = true;
            self.stands.moves += 1;
        }
        if self.is_checked {
            return Ok(());
        }
        self.stands.settle(self.connection, self.path)
    }

    fn read_stand(&self, binding: &BindingId) -> Result<Stand, JournalError> {
        let running = self.running(binding)?;
        self.one(READ, [binding.as_bytes()], |row| {
            Ok(Stand {
                version: row.get(0)?,
                held_by: row.get(1)?,
                running,
                next_invocation: row.get::<_, i64>(2)?.cast_unsigned(),
                waiting: row.get::<_, i64>(3)?.cast_unsigned(),
                standing: Standing {
                    receipt: row.get::<_, Option<[u8; 32]>>(4)?.map(LeafHash::from_bytes),
                    next_delivery: row.get::<_, i64>(5)?.cast_unsigned(),
                    state: row.get::<_, Option<[u8; 32]>>(6)?.map(Digest::from_bytes),
                },
                is_moved: false,
            })
        })?
        .ok_or_else(|| unknown(binding))
    }

    /// How many invocations of the binding are accepted and have not run, those of this commit too.
    pub(crate) fn accepted_and_waiting(
        &mut self,
        binding: &BindingId,
    ) -> Result<u64, JournalError> {
        Ok(self.stand(binding)?.waiting)
    }

    /// Refuses work that builds on another standing than the binding's.
    ///
    /// # Errors
    ///
    /// If the binding does not stand where `before` says.
    pub(crate) fn stands_at(
        &mut self,
        binding: &BindingId,
        before: &Standing,
    ) -> Result<(), JournalError> {
        if self.stand(binding)?.standing == *before {
            return Ok(());
        }
        Err(JournalError::Conflict(format!(
            "binding {binding} moved on while its invocations ran"
        )))
    }

    /// Moves the binding on to `after`, by so many of the invocations that wait.
    pub(crate) fn go_on_to(
        &mut self,
        binding: &BindingId,
        after: &Standing,
        runs: usize,
    ) -> Result<(), JournalError> {
        self.move_on(binding, |stand| {
            stand.standing = *after;
            stand.waiting = stand.waiting.saturating_sub(runs as u64);
        })
    }
}

impl Stands {
    /// How often a binding was moved on in this commit.
    pub(super) fn moves(&self) -> u64 {
        self.moves
    }

    /// Writes down where bindings stand, for work that reads it from the tables.
    pub(super) fn settle(
        &mut self,
        connection: &Connection,
        path: &Path,
    ) -> Result<(), JournalError> {
        let moved = self.known.drain().filter(|(_, stand)| stand.is_moved);
        let mut moved = moved.peekable();
        if moved.peek().is_none() {
            return Ok(());
        }
        let write = |connection: &Connection| -> rusqlite::Result<()> {
            let mut statement = connection.prepare_cached(WRITE)?;
            for (binding, stand) in moved {
                statement.execute(params![
                    binding.as_bytes(),
                    stand.next_invocation.cast_signed(),
                    stand.waiting.cast_signed(),
                    stand.standing.receipt.as_ref().map(LeafHash::as_bytes),
                    stand.standing.next_delivery.cast_signed(),
                    stand.standing.state.as_ref().map(Digest::as_bytes),
                ])?;
            }
            Ok(())
        };
        write(connection).map_err(|source| store(path, source))
    }
}

//! What the log shows of itself to others: proofs by themselves, and checkpoints with what witnesses
//! signed under them.

use cryptlet_attest::Hash;
use cryptlet_attest::log::{self, Checkpoint};
use rusqlite::params;

use super::log::{damaged, unreadable};
use super::tiles::StoredTiles;
use super::views::CheckpointRow;
use super::{Journal, JournalError, Reading};

/// Nobody reads a note with more than 100 signatures, and one is the log's.
const MOST_COSIGNATURES: i64 = 99;

impl Journal {
    /// The newest checkpoint and the proof that the entry at `index` is in its log; none if there is
    /// no such entry.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read or its log is damaged.
    pub fn proof(&self, index: u64) -> Result<Option<(CheckpointRow, Vec<Hash>)>, JournalError> {
        self.read().proof(index)
    }

    /// The COSE Receipt of the entry at `index`, under the newest checkpoint; none if there is no
    /// such entry.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read or its log is damaged.
    pub fn cose_receipt(&self, index: u64) -> Result<Option<Vec<u8>>, JournalError> {
        let reading = self.read();
        let Some((checkpoint, path)) = reading.proof(index)? else {
            return Ok(None);
        };
        let size = checkpoint.size;
        let signed: Option<Vec<u8>> = reading.one(
            "SELECT cose FROM checkpoint WHERE size = ?1",
            [size.cast_signed()],
            |row| row.get(0),
        )?;
        log::inclusion_receipt(&signed.unwrap_or_default(), size, index, &path)
            .map(Some)
            .map_err(|error| {
                let reason = format!("the COSE form of checkpoint {size}: {error}");
                damaged(reading.path, reason)
            })
    }

    /// Refuses to be an old copy, or a copy that went another way: `other` is a checkpoint that this
    /// log's key signed, wherever it was seen.
    ///
    /// # Errors
    ///
    /// [`JournalError::Behind`] or [`JournalError::Forked`], or if the journal cannot be read.
    pub fn check_begins_with(&self, other: &Checkpoint) -> Result<(), JournalError> {
        let reading = self.read();
        let size = reading.checkpoint()?.map_or(0, |row| row.size);
        if other.size > size {
            return Err(JournalError::Behind {
                path: reading.path.to_owned(),
                size,
                published: other.size,
            });
        }
        let tiles = StoredTiles {
            connection: &reading.connection,
        };
        let root = log::root(other.size, &tiles.of(other.size))
            .map_err(|error| unreadable(reading.path, error))?;
        if root != other.root {
            return Err(JournalError::Forked {
                path: reading.path.to_owned(),
                size: other.size,
            });
        }
        Ok(())
    }

    /// The newest checkpoint, its note with the cosignatures that it has, as many as a reader takes.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn cosigned_checkpoint(&self) -> Result<Option<CheckpointRow>, JournalError> {
        let reading = self.read();
        let Some(mut checkpoint) = reading.checkpoint()? else {
            return Ok(None);
        };
        let lines: Vec<String> = reading.all(
            "SELECT line FROM cosignature WHERE size = ?1 ORDER BY witness LIMIT ?2",
            [checkpoint.size.cast_signed(), MOST_COSIGNATURES],
            |row| row.get(0),
        )?;
        checkpoint.note.extend(lines);
        Ok(Some(checkpoint))
    }

    /// Keeps a witness' line under the checkpoint of `size`, with its newline, in place of an
    /// earlier one of the same witness. Whoever asked the witness has verified it.
    ///
    /// # Errors
    ///
    /// If there is no such checkpoint, or the journal cannot be written.
    pub async fn keep_cosignature(
        &self,
        size: u64,
        witness: &str,
        line: &str,
    ) -> Result<(), JournalError> {
        let (witness, line) = (witness.to_owned(), line.to_owned());
        self.commit(move |writing| {
            writing.execute(
                "INSERT INTO cosignature (size, witness, line) VALUES (?1, ?2, ?3)
                 ON CONFLICT (size, witness) DO UPDATE SET line = excluded.line",
                params![size.cast_signed(), witness, line],
            )?;
            Ok(())
        })
        .await
    }
}

impl Reading<'_> {
    fn proof(&self, index: u64) -> Result<Option<(CheckpointRow, Vec<Hash>)>, JournalError> {
        let Some(checkpoint) = self.checkpoint()? else {
            return Ok(None);
        };
        if index >= checkpoint.size {
            return Ok(None);
        }
        let tiles = StoredTiles {
            connection: &self.connection,
        };
        let proof = log::prove(index, checkpoint.size, &tiles.of(checkpoint.size))
            .map_err(|error| unreadable(self.path, error))?;
        Ok(Some((checkpoint, proof)))
    }
}

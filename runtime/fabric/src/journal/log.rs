//! The transparency log inside the journal: leaves, and one checkpoint a commit.

use std::path::Path;

use cryptlet_attest::log::{CheckpointError, CompactRange, HashReaderError, LogError};
use cryptlet_attest::{CheckpointKey, EncodedEntry, LeafHash, LogEntry, TrustedKey, log};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::tiles::StoredTiles;
use super::views::{CheckpointRow, checkpoint};
use super::{Journal, JournalError, Reading, Writing, store};

/// Under which name, and with which key, this fabric publishes its log.
pub trait LogOwner: Send + Sync {
    /// The log's origin line; also the name of its key.
    fn origin(&self) -> &str;
    /// Signs checkpoints.
    fn key(&self) -> &dyn CheckpointKey;
}

/// The end of the log inside a commit: what was there, and what joins it.
#[derive(Debug)]
pub(super) struct Tail {
    before: u64,
    added: Vec<LeafHash>,
}

impl Tail {
    pub(super) fn read(connection: &Connection, path: &Path) -> Result<Self, JournalError> {
        let size: i64 = connection
            .query_row(
                "SELECT coalesce(max(position) + 1, 0) FROM leaf",
                [],
                |row| row.get(0),
            )
            .map_err(|source| store(path, source))?;
        Ok(Self {
            before: size.cast_unsigned(),
            added: Vec::new(),
        })
    }

    pub(super) fn size(&self) -> u64 {
        self.before + self.added.len() as u64
    }

    /// What [`cut`](Self::cut) goes back to.
    pub(super) fn mark(&self) -> usize {
        self.added.len()
    }

    pub(super) fn cut(&mut self, mark: usize) {
        self.added.truncate(mark);
    }
}

impl Writing<'_> {
    /// Adds a leaf and returns its position. The tree over it is made once, at the end
    /// of the commit.
    ///
    /// # Errors
    ///
    /// If the entry is longer than any, or the journal cannot be written.
    pub fn append(&mut self, entry: &LogEntry) -> Result<u64, JournalError> {
        self.append_encoded(&encoded(entry)?)
    }

    /// The same for an entry that was encoded before: everybody waits for the one writer.
    ///
    /// # Errors
    ///
    /// If the journal cannot be written.
    pub fn append_encoded(&mut self, entry: &EncodedEntry) -> Result<u64, JournalError> {
        let position = self.log.size();
        self.execute(
            "INSERT INTO leaf (position, entry) VALUES (?1, ?2)",
            params![position.cast_signed(), entry.bytes()],
        )?;
        self.log.added.push(entry.leaf_hash());
        Ok(position)
    }
}

/// Encodes an entry, unless nobody could decode it: such a leaf would stay for ever.
pub(crate) fn encoded(entry: &LogEntry) -> Result<EncodedEntry, JournalError> {
    entry.encoded().map_err(|error| {
        JournalError::Conflict(format!("{} cannot be logged: {error}", entry.kind()))
    })
}

/// Completes the tree over everything in `tail`, if anything joined it, and signs its root. `range` is
/// what the commit before left, if there was one; what comes back is for the next commit, if this one
/// succeeds.
pub(super) fn publish(
    connection: &Connection,
    path: &Path,
    tail: &Tail,
    owner: &dyn LogOwner,
    range: Option<CompactRange>,
) -> Result<Option<CompactRange>, JournalError> {
    if tail.added.is_empty() {
        return Ok(range);
    }
    let failed = |source| store(path, source);
    let tiles = StoredTiles { connection };
    let range = match range.filter(|range| range.size() == tail.before) {
        Some(range) => range,
        None => stored_range(connection, path, tail.before)?,
    };
    let grown = range
        .append(&tail.added, &tiles)
        .map_err(|error| unreadable(path, error))?;
    let mut put = connection
        .prepare_cached(
            "INSERT INTO tile (level, number, hashes) VALUES (?1, ?2, ?3)
             ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
        )
        .map_err(failed)?;
    for (tile, hashes) in &grown.tiles {
        put.execute(params![tile.level, tile.index.cast_signed(), hashes])
            .map_err(failed)?;
    }
    let size = tail.size();
    let root = grown.range.root();
    let signed = |error: log::SigningError| JournalError::Signing(error.to_string());
    let note = log::sign_checkpoint(owner.origin(), size, &root, owner.key()).map_err(signed)?;
    let cose = log::sign_root(owner.origin(), &root, owner.key()).map_err(signed)?;
    connection
        .execute(
            "INSERT INTO checkpoint (size, root, note, cose) VALUES (?1, ?2, ?3, ?4)",
            params![size.cast_signed(), root.0, note, cose],
        )
        .map_err(failed)?;
    Ok(Some(grown.range))
}

/// The range of the log as it stands. A tile that somebody altered must not get into a tree that is
/// signed: there would be two histories.
fn stored_range(
    connection: &Connection,
    path: &Path,
    size: u64,
) -> Result<CompactRange, JournalError> {
    let tiles = StoredTiles { connection };
    let range =
        CompactRange::read(size, &tiles.of(size)).map_err(|error| unreadable(path, error))?;
    let signed: Option<[u8; 32]> = connection
        .query_row(
            "SELECT root FROM checkpoint WHERE size = ?1",
            [size.cast_signed()],
            |row| row.get(0),
        )
        .optional()
        .map_err(|source| store(path, source))?;
    if size > 0 && signed != Some(range.root().0) {
        return Err(damaged(
            path,
            format!("its tiles do not hash to checkpoint {size}"),
        ));
    }
    Ok(range)
}

/// Refuses a log that does not end at its newest checkpoint, or that another key signed.
///
/// It hashes the tree's crown, not every leaf: a leaf that was altered in place is found when its
/// receipt is proven, and by an auditor at once.
pub(super) fn check(
    connection: &Connection,
    path: &Path,
    owner: &dyn LogOwner,
) -> Result<(), JournalError> {
    let newest: Option<(i64, Vec<u8>, String)> = connection
        .query_row(
            "SELECT size, root, note FROM checkpoint ORDER BY size DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()
        .map_err(|source| store(path, source))?;
    let tail = Tail::read(connection, path)?;
    let Some((size, root, note)) = newest else {
        return if tail.size() == 0 {
            Ok(())
        } else {
            Err(damaged(
                path,
                format!("{} leaves without a checkpoint", tail.size()),
            ))
        };
    };
    if size.cast_unsigned() != tail.size() {
        return Err(damaged(
            path,
            format!(
                "{} leaves, but the newest checkpoint covers {size}",
                tail.size()
            ),
        ));
    }
    let computed = log::root(tail.size(), &StoredTiles { connection }.of(tail.size()))
        .map_err(|error| unreadable(path, error))?;
    if computed.0.as_slice() != root.as_slice() {
        return Err(damaged(
            path,
            "the leaves do not hash to the checkpoint's root".into(),
        ));
    }
    let trusted = log::TrustedKey::new(owner.origin(), &owner.key().public())
        .map_err(|error| JournalError::Signing(error.to_string()))?;
    let checkpoint = log::open_checkpoint(&note, std::slice::from_ref(&trusted))
        .map_err(|error| {
            // Not signed anew: the database's tree vouches for nothing without the signature, and whoever
            // can write there would have any tree signed by having its signature spoiled.
            let reason = match error {
                CheckpointError::BadSignature { key } => format!(
                    "the tree is whole and has the root of checkpoint {size}, but the checkpoint's \
                     signature is not {key}'s: a faulty machine signed it, or somebody altered the journal"
                ),
                error => format!("checkpoint {size}: {error}"),
            };
            damaged(path, reason)
        })?;
    if checkpoint.size != tail.size() || checkpoint.root != computed {
        return Err(damaged(
            path,
            format!("checkpoint {size} signs another tree"),
        ));
    }
    Ok(())
}

pub(super) fn damaged(path: &Path, reason: String) -> JournalError {
    JournalError::Damaged {
        path: path.display().to_string(),
        reason,
    }
}

/// Why hashes of the log could not be had: the disk's fault, or the log's.
pub(super) fn unreadable(path: &Path, error: LogError) -> JournalError {
    match error {
        LogError::Storage(HashReaderError::Storage(source)) => {
            match source.downcast::<rusqlite::Error>() {
                Ok(source) => store(path, *source),
                Err(source) => damaged(path, source.to_string()),
            }
        }
        error => damaged(path, error.to_string()),
    }
}

impl Journal {
    /// The newest checkpoint, a signed note; none before the first leaf.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn checkpoint(&self) -> Result<Option<String>, JournalError> {
        self.read().one(
            "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
    }

    /// The newest checkpoint and how many leaves it covers; none before the first leaf.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn newest_checkpoint(&self) -> Result<Option<CheckpointRow>, JournalError> {
        self.read().checkpoint()
    }

    /// The key that auditors of this log must trust: the first leaf names it. None before that.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read, or its first leaf is no key.
    pub fn trusted_key(&self) -> Result<Option<TrustedKey>, JournalError> {
        let reading = self.read();
        let first: Option<Vec<u8>> =
            reading.one("SELECT entry FROM leaf WHERE position = 0", [], |row| {
                row.get(0)
            })?;
        let Some(first) = first else {
            return Ok(None);
        };
        let key = match LogEntry::from_bytes(&first) {
            Ok(LogEntry::Key(key)) => key.attestation_key(),
            _ => None,
        };
        key.map(Some)
            .ok_or_else(|| damaged(reading.path, "the first leaf names no key of a log".into()))
    }

    /// How many leaves the log has.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn log_size(&self) -> Result<u64, JournalError> {
        let reading = self.read();
        Tail::read(&reading.connection, reading.path).map(|tail| tail.size())
    }

    /// The entry at `position`, which must be in the log, with its proof under the checkpoint of
    /// size `size`.
    pub(crate) fn receipt_at(
        &self,
        position: u64,
        size: u64,
    ) -> Result<cryptlet_attest::Receipt, JournalError> {
        let reading = self.read();
        let missing = || {
            damaged(
                reading.path,
                format!("leaf {position} under checkpoint {size} is missing"),
            )
        };
        let statement = reading
            .one(
                "SELECT entry FROM leaf WHERE position = ?1",
                [position.cast_signed()],
                |row| row.get(0),
            )?
            .ok_or_else(missing)?;
        let checkpoint = note(&reading, size)?.ok_or_else(missing)?;
        let tiles = StoredTiles {
            connection: &reading.connection,
        };
        let proof = log::prove(position, size, &tiles.of(size))
            .map_err(|error| unreadable(reading.path, error))?;
        Ok(cryptlet_attest::Receipt {
            statement,
            index: position,
            proof: proof.into_iter().map(|hash| hash.0).collect(),
            checkpoint,
        })
    }
}

impl Reading<'_> {
    /// The newest checkpoint.
    pub(super) fn checkpoint(&self) -> Result<Option<CheckpointRow>, JournalError> {
        self.one(
            "SELECT size, root, note FROM checkpoint ORDER BY size DESC LIMIT 1",
            [],
            checkpoint,
        )
    }
}

fn note(reading: &Reading<'_>, size: u64) -> Result<Option<String>, JournalError> {
    reading.one(
        "SELECT note FROM checkpoint WHERE size = ?1",
        [size.cast_signed()],
        |row| row.get(0),
    )
}

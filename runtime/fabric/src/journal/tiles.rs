//! The tiles of the log, as they are stored and as they are published.

use cryptlet_attest::Hash;
use cryptlet_attest::log::{
    self, HashReaderError, LogError, TileId, TilePath, TileReader, Tiles, entry_bundle,
};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::log::{damaged, unreadable};
use super::views::CheckpointRow;
use super::{Journal, JournalError, Reading};

/// The rows of the table `tile`.
pub(super) struct StoredTiles<'a> {
    pub(super) connection: &'a Connection,
}

impl StoredTiles<'_> {
    /// The log's hashes while it had `size` leaves.
    pub(super) fn of(&self, size: u64) -> Tiles<'_, Self> {
        Tiles::new(size, self)
    }
}

impl TileReader for StoredTiles<'_> {
    fn read_tile(&self, tile: TileId) -> Result<Vec<u8>, HashReaderError> {
        let read = || {
            self.connection
                .prepare_cached("SELECT hashes FROM tile WHERE level = ?1 AND number = ?2")?
                .query_row(params![tile.level, tile.index.cast_signed()], |row| {
                    row.get(0)
                })
                .optional()
        };
        read()
            .map(Option::unwrap_or_default)
            .map_err(|error| HashReaderError::Storage(Box::new(error)))
    }
}

impl Journal {
    /// A tile of hashes or a bundle of entries, byte for byte as the log publishes it; none if the
    /// newest checkpoint does not cover it.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read or its log is damaged.
    pub fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, JournalError> {
        let reading = self.read();
        let size = reading.checkpoint()?.map_or(0, |row| row.size);
        if !path.is_covered_by(size) {
            return Ok(None);
        }
        let missing = || damaged(reading.path, format!("{path} is missing or incomplete"));
        let Some(tile) = path.hashes() else {
            return reading.bundle(path)?.ok_or_else(missing).map(Some);
        };
        let tiles = StoredTiles {
            connection: &reading.connection,
        };
        let mut hashes = tiles
            .read_tile(tile)
            .map_err(|error| unreadable(reading.path, LogError::from(error)))?;
        let length = usize::try_from(path.width()).map_or(usize::MAX, |width| width * 32);
        if hashes.len() < length {
            return Err(missing());
        }
        hashes.truncate(length);
        Ok(Some(hashes))
    }

    /// The newest checkpoint, and the proof that its log begins with the first `old` entries; none
    /// unless `old` is one of its sizes.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read or its log is damaged.
    pub fn consistency(
        &self,
        old: u64,
    ) -> Result<Option<(CheckpointRow, Vec<Hash>)>, JournalError> {
        let reading = self.read();
        let Some(checkpoint) = reading.checkpoint()? else {
            return Ok(None);
        };
        if !(1..=checkpoint.size).contains(&old) {
            return Ok(None);
        }
        let tiles = StoredTiles {
            connection: &reading.connection,
        };
        let proof = log::prove_consistency(old, checkpoint.size, &tiles.of(checkpoint.size))
            .map_err(|error| unreadable(reading.path, error))?;
        Ok(Some((checkpoint, proof)))
    }
}

impl Reading<'_> {
    /// Entries as they are published; none if one is missing.
    fn bundle(&self, path: TilePath) -> Result<Option<Vec<u8>>, JournalError> {
        let first = (path.index() * log::TILE_WIDTH).cast_signed();
        let entries: Vec<Vec<u8>> = self.all(
            "SELECT entry FROM leaf WHERE position >= ?1 AND position < ?1 + ?2 ORDER BY position",
            [first, path.width().cast_signed()],
            |row| row.get(0),
        )?;
        if entries.len() as u64 != path.width() {
            return Ok(None);
        }
        entry_bundle(&entries)
            .map(Some)
            .map_err(|error| damaged(self.path, format!("{path}: {error}")))
    }
}

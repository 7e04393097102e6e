//! Logs in journals: an empty one to write to, and one of any size to prove from.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use cryptlet_attest::log::{
    self, Hash, HashReaderError, TILE_WIDTH, TileId, TileReader, Tiles, append_leaves,
};
use cryptlet_attest::{CheckpointKey, LeafHash};
use cryptlet_fabric::journal::{Journal, LogOwner};
use ed25519_dalek::SigningKey;
use rusqlite::{Connection, params};

/// Leaves that one transaction adds while a log is filled.
const PORTION: u64 = 256 * TILE_WIDTH;

/// The origin of every log here.
pub const ORIGIN: &str = "bench.example/log";

/// The key of every log here.
pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// Whoever publishes the log.
struct Owner(SigningKey);

impl LogOwner for Owner {
    fn origin(&self) -> &str {
        ORIGIN
    }

    fn key(&self) -> &dyn CheckpointKey {
        &self.0
    }
}

/// A journal without a leaf, open for writing.
pub fn empty(folder: &Path) -> Result<Journal> {
    Ok(Journal::open(folder, Arc::new(Owner(key())))?)
}

/// The hash of the leaf at `index` of a filled log.
pub fn leaf(index: u64) -> LeafHash {
    LeafHash::of(&index.to_be_bytes())
}

/// A journal whose log has `size` leaves, open for reading, and the log's root.
///
/// Tiles and checkpoint are what as many appends would have left. The entries themselves, which no
/// proof reads, are not there.
pub fn filled(folder: &Path, size: u64) -> Result<(Journal, Hash)> {
    drop(empty(folder)?);
    let path = folder.join("journal.sqlite");
    let mut connection =
        Connection::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    // Nothing of it outlives the bench.
    connection.pragma_update(None, "synchronous", "OFF")?;
    let tiles = KeptTiles::default();
    let mut filled = 0;
    while filled < size {
        let end = size.min(filled + PORTION);
        let leaves: Vec<LeafHash> = (filled..end).map(leaf).collect();
        let changed = append_leaves(filled, &leaves, &tiles)?;
        let transaction = connection.transaction()?;
        {
            let mut put = transaction.prepare_cached(
                "INSERT INTO tile (level, number, hashes) VALUES (?1, ?2, ?3)
                 ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
            )?;
            for (tile, hashes) in &changed {
                put.execute(params![tile.level, tile.index.cast_signed(), hashes])?;
            }
        }
        transaction.commit()?;
        tiles.keep(changed);
        filled = end;
    }
    let root = log::root(size, &Tiles::new(size, &StoredTiles(&connection)))?;
    let note = log::sign_checkpoint(ORIGIN, size, &root, &key())?;
    let cose = log::sign_root(ORIGIN, &root, &key())?;
    connection.execute(
        "INSERT INTO checkpoint (size, root, note, cose) VALUES (?1, ?2, ?3, ?4)",
        params![size.cast_signed(), root.0, note, cose],
    )?;
    drop(connection);
    Ok((Journal::open_for_reading(folder)?, root))
}

/// The last tile of each level: all that the next leaves join.
#[derive(Default)]
struct KeptTiles(RefCell<HashMap<u8, (TileId, Vec<u8>)>>);

impl KeptTiles {
    fn keep(&self, changed: Vec<(TileId, Vec<u8>)>) {
        let mut kept = self.0.borrow_mut();
        for (tile, hashes) in changed {
            kept.insert(tile.level, (tile, hashes));
        }
    }
}

impl TileReader for KeptTiles {
    fn read_tile(&self, tile: TileId) -> Result<Vec<u8>, HashReaderError> {
        let kept = self.0.borrow();
        let last = kept.get(&tile.level).filter(|(last, _)| *last == tile);
        Ok(last.map(|(_, hashes)| hashes.clone()).unwrap_or_default())
    }
}

/// What was written.
struct StoredTiles<'a>(&'a Connection);

impl TileReader for StoredTiles<'_> {
    fn read_tile(&self, tile: TileId) -> Result<Vec<u8>, HashReaderError> {
        self.0
            .query_row(
                "SELECT hashes FROM tile WHERE level = ?1 AND number = ?2",
                params![tile.level, tile.index.cast_signed()],
                |row| row.get(0),
            )
            .map_err(|error| HashReaderError::Storage(Box::new(error)))
    }
}

//! The whole log, checked leaf by leaf: what takes too long at every start and must not be left out
//! before a copy is trusted.

use std::collections::HashMap;

use cryptlet_attest::log::{HashReaderError, TileId, TileReader, Tiles};
use cryptlet_attest::{Hash, LeafHash, TrustedKey, log};

use super::log::{damaged, unreadable};
use super::tiles::StoredTiles;
use super::views::CheckpointRow;
use super::{Journal, JournalError};

/// Bytes of 256 hashes.
const FULL_TILE: usize = 256 * 32;

/// The last tile of every level of a tree that grows: all that its next leaf needs.
#[derive(Default)]
struct Edge(HashMap<u8, (TileId, Vec<u8>)>);

impl TileReader for Edge {
    fn read_tile(&self, tile: TileId) -> Result<Vec<u8>, HashReaderError> {
        let last = self.0.get(&tile.level).filter(|(last, _)| *last == tile);
        Ok(last.map(|(_, hashes)| hashes.clone()).unwrap_or_default())
    }
}

/// The number of the first hash of `computed` that `stored` does not have in its place.
fn first_other(stored: &[u8], computed: &[u8]) -> u64 {
    let same = computed
        .iter()
        .zip(stored)
        .take_while(|(one, other)| one == other);
    (same.count() / LEAF_HASH) as u64
}

/// Bytes of a hash.
const LEAF_HASH: usize = 32;

impl Journal {
    /// Hashes every leaf anew and compares all of it with what is stored, up to the root that the
    /// newest checkpoint signs with the key that the first leaf names. Gives that key and
    /// checkpoint; none for a journal without leaves.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read or the log is damaged.
    pub fn verify_log(&self) -> Result<Option<(TrustedKey, CheckpointRow)>, JournalError> {
        let damaged = |reason: String| damaged(&self.path, reason);
        // What is covered now stays as it is, whoever writes meanwhile.
        let Some(checkpoint) = self.newest_checkpoint()? else {
            return match self.log_size()? {
                0 => Ok(None),
                size => Err(damaged(format!("{size} leaves without a checkpoint"))),
            };
        };
        let root = self.rebuild(checkpoint.size)?;
        if root.0 != checkpoint.root {
            return Err(damaged(
                "the leaves do not hash to the newest checkpoint's root".into(),
            ));
        }
        let key = self
            .trusted_key()?
            .ok_or_else(|| damaged("it names no key".into()))?;
        let signed = log::open_checkpoint(&checkpoint.note, std::slice::from_ref(&key))
            .map_err(|error| damaged(format!("checkpoint {}: {error}", checkpoint.size)))?;
        if signed.size != checkpoint.size || signed.root != root {
            return Err(damaged(format!(
                "checkpoint {} signs another tree",
                checkpoint.size
            )));
        }
        Ok(Some((key, checkpoint)))
    }

    /// Makes the first `size` leaves' tree anew and compares every stored hash with it: proofs are
    /// made from these, and a false one would spoil them. Gives the root.
    fn rebuild(&self, size: u64) -> Result<Hash, JournalError> {
        let damaged = |reason: String| damaged(&self.path, reason);
        let mut edge = Edge::default();
        let mut done = 0;
        while done < size {
            let page = u32::try_from((size - done).min(log::TILE_WIDTH)).unwrap_or(u32::MAX);
            let leaves = self.leaves(done, page)?;
            if leaves.len() != page as usize {
                return Err(damaged(format!("leaf {done} or one after it is missing")));
            }
            let mut hashes = Vec::with_capacity(leaves.len());
            for (position, leaf) in (done..).zip(&leaves) {
                if leaf.position != position {
                    return Err(damaged(format!("leaf {position} is missing")));
                }
                hashes.push(LeafHash::of(&leaf.entry));
            }
            let changed = log::append_leaves(done, &hashes, &edge)
                .map_err(|error| damaged(error.to_string()))?;
            done += hashes.len() as u64;
            for (tile, computed) in changed {
                if computed.len() == FULL_TILE {
                    self.compare_stored(tile, &computed)?;
                }
                edge.0.insert(tile.level, (tile, computed));
            }
        }
        for (tile, computed) in edge.0.values() {
            self.compare_stored(*tile, computed)?;
        }
        log::root(size, &Tiles::new(size, &edge)).map_err(|error| damaged(error.to_string()))
    }

    fn compare_stored(&self, tile: TileId, computed: &[u8]) -> Result<(), JournalError> {
        let reading = self.read();
        let stored = StoredTiles {
            connection: &reading.connection,
        };
        let stored = stored
            .read_tile(tile)
            .map_err(|error| unreadable(reading.path, error.into()))?;
        // Somebody may have added to it meanwhile.
        if stored.starts_with(computed) {
            return Ok(());
        }
        let reason = match first_other(&stored, computed) {
            at if tile.level == 0 => format!(
                "leaf {} or its hash in {tile} is missing or altered",
                tile.index * log::TILE_WIDTH + at
            ),
            _ => format!("a hash in {tile} is missing or altered"),
        };
        Err(damaged(reading.path, reason))
    }

    /// Writes a copy of the journal as it stands now; a fabric that writes meanwhile does not mind.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read or `copy` not be written.
    pub(crate) fn copy_to(&self, copy: &std::path::Path) -> Result<(), JournalError> {
        let name = copy.display().to_string();
        self.read()
            .connection
            .execute("VACUUM INTO ?1", [&name])
            .map_err(|source| super::store(copy, source))?;
        Ok(())
    }
}

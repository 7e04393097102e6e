//! Where the stored hashes of a log are kept.

use super::{Hash, LogError, TileId, append, stored_hash_count};
use crate::LeafHash;
use std::error::Error;
use thiserror::Error;

/// Reads stored hashes. They are numbered from 0 in the order in which
/// [`append`] returned them.
pub trait HashReader {
    /// The hashes at `indexes`, as many and in that order.
    ///
    /// # Errors
    ///
    /// If one of them is not stored, or storage fails.
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, HashReaderError>;
}

/// Why stored hashes could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HashReaderError {
    /// The log is shorter than the caller thinks, or damaged.
    #[error("a stored hash that the log's size calls for is missing")]
    IndexesNotInTree,
    /// The last tile of a level is not the one of a log of that size.
    #[error("{tile} has {found} hashes, but the log's size calls for {expected}")]
    TileWidth {
        /// The tile.
        tile: TileId,
        /// How many hashes it should have.
        expected: u64,
        /// How many it has.
        found: u64,
    },
    /// Storage failed.
    #[error("stored hashes cannot be read: {0}")]
    Storage(#[source] Box<dyn Error + Send + Sync>),
}

/// A log's stored hashes in memory: for tests, and for auditors who hold all entries.
#[derive(Clone, Debug, Default)]
pub struct MemoryHashes {
    size: u64,
    hashes: Vec<Hash>,
}

impl MemoryHashes {
    /// The number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds an entry's hash and returns the entry's index.
    ///
    /// # Errors
    ///
    /// None but those of [`append`].
    pub fn append(&mut self, leaf: &LeafHash) -> Result<u64, LogError> {
        let added = append(self.size, leaf, self)?;
        self.hashes.extend(added);
        let index = self.size;
        self.size += 1;
        debug_assert_eq!(stored_hash_count(self.size), self.hashes.len() as u64);
        Ok(index)
    }
}

impl HashReader for MemoryHashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, HashReaderError> {
        indexes
            .iter()
            .map(|index| {
                usize::try_from(*index)
                    .ok()
                    .and_then(|index| self.hashes.get(index))
                    .copied()
                    .ok_or(HashReaderError::IndexesNotInTree)
            })
            .collect()
    }
}

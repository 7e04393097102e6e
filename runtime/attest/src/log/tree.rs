//! Roots and proofs.

use super::{HashReader, HashReaderError};
use crate::LeafHash;
use std::cell::RefCell;
use std::fmt;
use thiserror::Error;

/// Greatest number of entries of a log. Far out of reach, and low enough that no
/// index of a stored hash overflows.
pub const MAXIMUM_SIZE: u64 = 1 << 56;

/// A node of the tree: an inner hash, a leaf or a root.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hash({self})")
    }
}

/// Why a log cannot be extended or a proof does not hold.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// More entries than [`MAXIMUM_SIZE`].
    #[error("a log of {size} entries is larger than any")]
    TooLarge {
        /// The size that was asked for.
        size: u64,
    },
    /// The index or the smaller size lies outside the log.
    #[error("{part} lies outside a log of {size} entries")]
    Outside {
        /// The index or the smaller size.
        part: u64,
        /// The log's size.
        size: u64,
    },
    /// Stored hashes are missing or cannot be read.
    #[error(transparent)]
    Storage(#[from] HashReaderError),
    /// The proof leads to another root.
    #[error("the proof does not lead to the root of the log of {size} entries")]
    InvalidProof {
        /// The log's size.
        size: u64,
    },
}

/// RFC 6962 section 2.1: SHA-256 of a zero byte and the entry.
pub fn leaf_hash(entry: &[u8]) -> LeafHash {
    LeafHash::from_bytes(tlog_tiles::record_hash(entry).0)
}

impl LeafHash {
    /// The hash of a log entry; see [`leaf_hash`].
    pub fn of(entry: &[u8]) -> Self {
        leaf_hash(entry)
    }
}

/// RFC 6962 section 2.1: the hash over two subtrees.
pub(crate) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(tlog_tiles::node_hash(tlog_tiles::Hash(left.0), tlog_tiles::Hash(right.0)).0)
}

/// How many hashes a log of `size` entries stores: where the hashes of the next
/// entry go. Sizes above [`MAXIMUM_SIZE`] count as that.
pub fn stored_hash_count(size: u64) -> u64 {
    tlog_tiles::stored_hash_count(size.min(MAXIMUM_SIZE))
}

/// The hashes to store, from index `stored_hash_count(size)` on, when an entry is
/// added to a log of `size` entries.
///
/// # Errors
///
/// If the log is full or its hashes cannot be read.
pub fn append(size: u64, leaf: &LeafHash, hashes: &impl HashReader) -> Result<Vec<Hash>, LogError> {
    within(size.saturating_add(1))?;
    Adapter::run(hashes, size, |reader| {
        tlog_tiles::stored_hashes_for_record_hash(size, tlog_tiles::Hash(*leaf.as_bytes()), reader)
    })
    .map(ours)
}

/// The root of a log's first `size` entries; for none, SHA-256 of nothing.
///
/// # Errors
///
/// If the log is shorter or its hashes cannot be read.
pub fn root(size: u64, hashes: &impl HashReader) -> Result<Hash, LogError> {
    within(size)?;
    Adapter::run(hashes, size, |reader| tlog_tiles::tree_hash(size, reader))
        .map(|root| Hash(root.0))
}

/// Proves that the entry `index` is in the log of `size` entries (RFC 6962 section 2.1.1).
///
/// # Errors
///
/// If there is no such entry or the log's hashes cannot be read.
pub fn prove(index: u64, size: u64, hashes: &impl HashReader) -> Result<Vec<Hash>, LogError> {
    within(size)?;
    if index >= size {
        return Err(LogError::Outside { part: index, size });
    }
    Adapter::run(hashes, size, |reader| {
        tlog_tiles::prove_record(size, index, reader)
    })
    .map(ours)
}

/// Checks that the log of `size` entries under `root` has `leaf` at `index`.
///
/// # Errors
///
/// If it does not, or the proof has too many or too few hashes.
pub fn check_inclusion(
    proof: &[Hash],
    index: u64,
    leaf: &LeafHash,
    size: u64,
    root: &Hash,
) -> Result<(), LogError> {
    within(size)?;
    if index >= size {
        return Err(LogError::Outside { part: index, size });
    }
    bounded(proof, size)?;
    tlog_tiles::check_record(
        &theirs(proof),
        size,
        tlog_tiles::Hash(root.0),
        index,
        tlog_tiles::Hash(*leaf.as_bytes()),
    )
    .map_err(|_| LogError::InvalidProof { size })
}

/// Proves that the log's first `old` entries are the beginning of its first `size`
/// (RFC 6962 section 2.1.2).
///
/// # Errors
///
/// If `old` is 0 or more than `size`, or the log's hashes cannot be read.
pub fn prove_consistency(
    old: u64,
    size: u64,
    hashes: &impl HashReader,
) -> Result<Vec<Hash>, LogError> {
    within(size)?;
    if !(1..=size).contains(&old) {
        return Err(LogError::Outside { part: old, size });
    }
    Adapter::run(hashes, size, |reader| {
        tlog_tiles::prove_tree(size, old, reader)
    })
    .map(ours)
}

/// Checks that the log of `old` entries under `old_root` is the beginning of the one of
/// `size` entries under `root`: that nothing was rewritten between two checkpoints.
///
/// # Errors
///
/// If it is not, or the proof has too many or too few hashes.
pub fn check_consistency(
    proof: &[Hash],
    old: u64,
    old_root: &Hash,
    size: u64,
    root: &Hash,
) -> Result<(), LogError> {
    within(size)?;
    if !(1..=size).contains(&old) {
        return Err(LogError::Outside { part: old, size });
    }
    bounded(proof, size)?;
    tlog_tiles::check_tree(
        &theirs(proof),
        size,
        tlog_tiles::Hash(root.0),
        old,
        tlog_tiles::Hash(old_root.0),
    )
    .map_err(|_| LogError::InvalidProof { size })
}

pub(super) fn within(size: u64) -> Result<(), LogError> {
    if size > MAXIMUM_SIZE {
        return Err(LogError::TooLarge { size });
    }
    Ok(())
}

/// No honest proof is longer than the tree is high, plus one.
fn bounded(proof: &[Hash], size: u64) -> Result<(), LogError> {
    const LONGEST: usize = 64;
    if proof.len() > LONGEST {
        return Err(LogError::InvalidProof { size });
    }
    Ok(())
}

fn ours(hashes: Vec<tlog_tiles::Hash>) -> Vec<Hash> {
    hashes.into_iter().map(|hash| Hash(hash.0)).collect()
}

fn theirs(hashes: &[Hash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().map(|hash| tlog_tiles::Hash(hash.0)).collect()
}

/// Carries our storage errors through `tlog_tiles`, whose own error has no room for
/// them, and keeps its assertions out of reach of a reader that answers badly.
struct Adapter<'a, R> {
    hashes: &'a R,
    failure: RefCell<Option<HashReaderError>>,
}

impl<'a, R: HashReader> Adapter<'a, R> {
    fn run<T>(
        hashes: &'a R,
        size: u64,
        work: impl FnOnce(&Self) -> Result<T, tlog_tiles::Error>,
    ) -> Result<T, LogError> {
        let adapter = Self {
            hashes,
            failure: RefCell::new(None),
        };
        work(&adapter).map_err(|_| match adapter.failure.take() {
            Some(failure) => LogError::Storage(failure),
            None => LogError::InvalidProof { size },
        })
    }
}

impl<R: HashReader> tlog_tiles::HashReader for Adapter<'_, R> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let answer = self.hashes.read_hashes(indexes).and_then(|hashes| {
            if hashes.len() == indexes.len() {
                Ok(theirs(&hashes))
            } else {
                Err(HashReaderError::IndexesNotInTree)
            }
        });
        answer.map_err(|failure| {
            self.failure.replace(Some(failure));
            tlog_tiles::Error::IndexesNotInTree
        })
    }
}

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
    if implied_root(proof, index, &Hash(*leaf.as_bytes()), size)? == *root {
        Ok(())
    } else {
        Err(LogError::InvalidProof { size })
    }
}

/// The root to which a proof leads from a leaf (RFC 9162 section 2.1.3.2).
pub(super) fn implied_root(
    proof: &[Hash],
    index: u64,
    leaf: &Hash,
    size: u64,
) -> Result<Hash, LogError> {
    within(size)?;
    if index >= size {
        return Err(LogError::Outside { part: index, size });
    }
    let invalid = LogError::InvalidProof { size };
    let mut way = Way::from_leaf(index, size);
    let mut hash = *leaf;
    for sibling in proof {
        hash = match way.step() {
            Some(Side::Left) => node_hash(sibling, &hash),
            Some(Side::Right) => node_hash(&hash, sibling),
            None => return Err(invalid),
        };
    }
    if way.is_at_root() {
        Ok(hash)
    } else {
        Err(invalid)
    }
}

/// The way from a node up to the root, past the levels where a node at the right edge of
/// the tree has no sibling.
pub(super) struct Way {
    level: u8,
    node: u64,
    last: u64,
}

/// On which side of a node its sibling stands.
pub(super) enum Side {
    Left,
    Right,
}

impl Way {
    /// From the leaf `index` of `size`, which are more than `index`.
    pub(super) fn from_leaf(index: u64, size: u64) -> Self {
        Self::from_node(0, index, size - 1)
    }

    /// From the node `node` of a level of which `last` is the last one.
    fn from_node(level: u8, node: u64, last: u64) -> Self {
        // Without a sibling, a node is its parent, and perhaps that one's, too.
        let alone = if node == last && last != 0 {
            node.trailing_zeros()
        } else {
            0
        };
        Self {
            level: level + alone as u8,
            node: node >> alone,
            last: last >> alone,
        }
    }

    /// Level and number of the node: the same for every way that passes it.
    pub(super) fn position(&self) -> (u8, u64) {
        (self.level, self.node)
    }

    /// Level and number of the sibling.
    pub(super) fn sibling(&self) -> (u8, u64) {
        (self.level, self.node ^ 1)
    }

    /// Goes up to the parent, and says where the sibling stood; `None` at the root.
    pub(super) fn step(&mut self) -> Option<Side> {
        if self.is_at_root() {
            return None;
        }
        let side = if self.node.is_multiple_of(2) {
            Side::Right
        } else {
            Side::Left
        };
        *self = Self::from_node(self.level + 1, self.node >> 1, self.last >> 1);
        Some(side)
    }

    pub(super) fn is_at_root(&self) -> bool {
        self.last == 0
    }
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
    if implied_roots(proof, old, old_root, size)? == (*old_root, *root) {
        Ok(())
    } else {
        Err(LogError::InvalidProof { size })
    }
}

/// The roots of the earlier log and of the log to which a proof leads, if the earlier log
/// has the root `old_root` (RFC 9162 section 2.1.4.2).
pub(super) fn implied_roots(
    proof: &[Hash],
    old: u64,
    old_root: &Hash,
    size: u64,
) -> Result<(Hash, Hash), LogError> {
    within(size)?;
    if !(1..=size).contains(&old) {
        return Err(LogError::Outside { part: old, size });
    }
    let invalid = LogError::InvalidProof { size };
    if old == size {
        let none_needed = proof.is_empty();
        return none_needed.then_some((*old_root, *old_root)).ok_or(invalid);
    }
    // The greatest subtree that ends where the earlier log ends.
    let complete = old.trailing_zeros();
    let (start, path) = if old.is_power_of_two() {
        (old_root, proof)
    } else {
        proof.split_first().ok_or(LogError::InvalidProof { size })?
    };
    let mut way = Way::from_node(
        complete as u8,
        (old - 1) >> complete,
        (size - 1) >> complete,
    );
    let (mut earlier, mut root) = (*start, *start);
    for hash in path {
        match way.step() {
            Some(Side::Left) => {
                earlier = node_hash(hash, &earlier);
                root = node_hash(hash, &root);
            }
            Some(Side::Right) => root = node_hash(&root, hash),
            None => return Err(invalid),
        }
    }
    if way.is_at_root() {
        Ok((earlier, root))
    } else {
        Err(invalid)
    }
}

pub(super) fn within(size: u64) -> Result<(), LogError> {
    if size > MAXIMUM_SIZE {
        return Err(LogError::TooLarge { size });
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

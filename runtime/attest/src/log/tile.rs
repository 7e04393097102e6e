//! The log in tiles: [C2SP tlog-tiles](https://c2sp.org/tlog-tiles), height 8.
//!
//! A tile of level 0 has up to 256 leaf hashes, one of level 1 the roots of up to 256
//! tiles of level 0, and so on. Everything between is computed from them.

use super::tree::{node_hash, within};
use super::{Hash, HashReader, HashReaderError, LogError, TilePath, stored_hash_count};
use crate::LeafHash;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

/// How many hashes a full tile has.
pub const TILE_WIDTH: u64 = 256;

/// By how many levels of the tree one level of tiles is above the other.
pub(super) const TILE_HEIGHT: u8 = 8;
const HASH: usize = 32;
const FULL: usize = 256 * HASH;

/// Which tile of hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 for leaf hashes, 1 for the roots of full tiles of level 0, and so on.
    pub level: u8,
    /// The tile's number in its level, counted from 0.
    pub index: u64,
}

impl fmt::Display for TileId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        TilePath::full_tile(*self).fmt(formatter)
    }
}

/// Reads tiles of hashes, from wherever they are kept.
pub trait TileReader {
    /// All hashes that the tile has so far, 32 bytes each; none if there is no such tile.
    ///
    /// # Errors
    ///
    /// If storage fails.
    fn read_tile(&self, tile: TileId) -> Result<Vec<u8>, HashReaderError>;
}

impl<R: TileReader + ?Sized> TileReader for &R {
    fn read_tile(&self, tile: TileId) -> Result<Vec<u8>, HashReaderError> {
        (**self).read_tile(tile)
    }
}

/// The hashes of a log's first `size` entries, read from tiles.
///
/// Tiles that were read and hashes that were computed are kept: many proofs from one
/// `Tiles` cost little more than one. Meant for one use; what it keeps is not bounded.
pub struct Tiles<'a, R> {
    size: u64,
    reader: &'a R,
    read: RefCell<HashMap<TileId, Vec<u8>>>,
    computed: RefCell<HashMap<(u8, u64), Hash>>,
}

impl<'a, R: TileReader> Tiles<'a, R> {
    /// The log of `size` entries whose tiles `reader` reads. The tiles may have more.
    pub fn new(size: u64, reader: &'a R) -> Self {
        Self {
            size,
            reader,
            read: RefCell::default(),
            computed: RefCell::default(),
        }
    }

    /// The number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the subtree of 2^`level` entries that is number `number` among these.
    fn node(&self, level: u8, number: u64) -> Result<Hash, HashReaderError> {
        if level.is_multiple_of(TILE_HEIGHT) {
            return self.in_tile(level / TILE_HEIGHT, number);
        }
        if let Some(hash) = self.computed.borrow().get(&(level, number)) {
            return Ok(*hash);
        }
        let left = self.node(level - 1, number * 2)?;
        let right = self.node(level - 1, number * 2 + 1)?;
        let hash = node_hash(&left, &right);
        self.computed.borrow_mut().insert((level, number), hash);
        Ok(hash)
    }

    fn in_tile(&self, level: u8, number: u64) -> Result<Hash, HashReaderError> {
        let tile = TileId {
            level,
            index: number / TILE_WIDTH,
        };
        let at = (number % TILE_WIDTH) as usize * HASH;
        if let Some(hashes) = self.read.borrow().get(&tile) {
            return hash_at(hashes, at);
        }
        let hashes = self.reader.read_tile(tile)?;
        let hash = hash_at(&hashes, at);
        self.read.borrow_mut().insert(tile, hashes);
        hash
    }
}

impl<R: TileReader> HashReader for Tiles<'_, R> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, HashReaderError> {
        let stored = stored_hash_count(self.size);
        indexes
            .iter()
            .map(|index| {
                if *index >= stored {
                    return Err(HashReaderError::IndexesNotInTree);
                }
                let (level, number) = tlog_tiles::split_stored_hash_index(*index);
                self.node(level, number)
            })
            .collect()
    }
}

/// The whole new contents of every tile that changes when `leaves` are added to a log of
/// `size` entries, from the lowest level upwards.
///
/// # Errors
///
/// If the log would be too large, its tiles cannot be read, or the last tile of a level
/// has another number of hashes than a log of `size` entries gives it.
pub fn append_leaves(
    size: u64,
    leaves: &[LeafHash],
    tiles: &impl TileReader,
) -> Result<Vec<(TileId, Vec<u8>)>, LogError> {
    within(size.saturating_add(leaves.len() as u64))?;
    let mut changed = Vec::new();
    let mut added: Vec<Hash> = leaves.iter().map(|leaf| Hash(*leaf.as_bytes())).collect();
    let mut before = size;
    let mut level = 0;
    while !added.is_empty() {
        let mut tile = TileId {
            level,
            index: before / TILE_WIDTH,
        };
        let mut contents = last_tile(tile, before % TILE_WIDTH, tiles)?;
        let mut roots = Vec::new();
        for hash in &added {
            contents.extend(hash.0);
            if contents.len() == FULL {
                roots.push(tile_root(&contents));
                changed.push((tile, std::mem::take(&mut contents)));
                tile.index += 1;
            }
        }
        if !contents.is_empty() {
            changed.push((tile, contents));
        }
        added = roots;
        before /= TILE_WIDTH;
        level += 1;
    }
    Ok(changed)
}

/// The hashes of a level's last tile, to which more will be added.
pub(super) fn last_tile(
    tile: TileId,
    expected: u64,
    tiles: &impl TileReader,
) -> Result<Vec<u8>, HashReaderError> {
    if expected == 0 {
        return Ok(Vec::with_capacity(FULL));
    }
    let contents = tiles.read_tile(tile)?;
    if contents.len() as u64 != expected * HASH as u64 {
        return Err(HashReaderError::TileWidth {
            tile,
            expected,
            found: contents.len() as u64 / HASH as u64,
        });
    }
    Ok(contents)
}

/// How many bytes a tile of so many hashes has.
pub(super) fn width_bytes(hashes: u64) -> usize {
    hashes as usize * HASH
}

/// The root over the hashes of a full tile.
fn tile_root(hashes: &[u8]) -> Hash {
    Hash(tlog_tiles::Tile::subtree_hash(hashes).0)
}

fn hash_at(hashes: &[u8], at: usize) -> Result<Hash, HashReaderError> {
    hashes
        .get(at..at + HASH)
        .and_then(|hash| hash.try_into().ok())
        .map(Hash)
        .ok_or(HashReaderError::IndexesNotInTree)
}

//! Growing a log without hashing anything of it again.

use super::tile::{TILE_HEIGHT, TILE_WIDTH, last_tile, width_bytes};
use super::tree::{node_hash, within};
use super::{Hash, HashReader, HashReaderError, LogError, TileId, TileReader, root};
use crate::LeafHash;

/// The roots of the greatest complete subtrees that a log consists of, from the left: one for each bit
/// of its size, and all that is needed of it to add to it (what Trillian calls a
/// [compact range](https://github.com/transparency-dev/merkle/blob/main/docs/compact_ranges.md)).
///
/// Whoever keeps it between two commits hashes each inner node of the tree once; whoever reads it for each
/// hashes those of the tiles at the right edge again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    roots: Vec<Hash>,
}

/// A log after leaves were added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grown {
    /// Where the next leaves are added.
    pub range: CompactRange,
    /// The whole new contents of every tile that has changed, from the lowest level upwards.
    pub tiles: Vec<(TileId, Vec<u8>)>,
}

impl CompactRange {
    /// The range of a log of `size` entries.
    ///
    /// # Errors
    ///
    /// If the log is shorter or its hashes cannot be read.
    pub fn read(size: u64, hashes: &impl HashReader) -> Result<Self, LogError> {
        within(size)?;
        let mut indexes = Vec::with_capacity(size.count_ones() as usize);
        let mut left = size;
        while left > 0 {
            let level = left.trailing_zeros();
            left -= 1 << level;
            indexes.push(tlog_tiles::stored_hash_index(level as u8, left >> level));
        }
        indexes.reverse();
        let roots = hashes.read_hashes(&indexes)?;
        if roots.len() != indexes.len() {
            return Err(HashReaderError::IndexesNotInTree.into());
        }
        Ok(Self { size, roots })
    }

    /// The number of the log's entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The log's root; for no entries, SHA-256 of nothing.
    pub fn root(&self) -> Hash {
        let joined = self.roots.iter().copied().rev();
        joined
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(empty_root)
    }

    /// Adds leaves to the log whose tiles `tiles` reads, of which those at the right edge are read. The
    /// range itself stays as it was, so that nothing is lost if what is returned cannot be kept.
    ///
    /// # Errors
    ///
    /// If the log would be too large, its tiles cannot be read, or the last tile of a level
    /// has another number of hashes than a log of this size gives it.
    pub fn append(&self, leaves: &[LeafHash], tiles: &impl TileReader) -> Result<Grown, LogError> {
        within(self.size.saturating_add(leaves.len() as u64))?;
        let mut range = self.clone();
        let mut edge = Edge {
            reader: tiles,
            open: Vec::new(),
            full: Vec::new(),
        };
        for leaf in leaves {
            range.add(Hash(*leaf.as_bytes()), &mut edge)?;
        }
        Ok(Grown {
            range,
            tiles: edge.into_tiles(),
        })
    }

    fn add(
        &mut self,
        leaf: Hash,
        edge: &mut Edge<'_, impl TileReader>,
    ) -> Result<(), HashReaderError> {
        edge.put(0, self.size, leaf)?;
        let mut hash = leaf;
        for level in 1..=self.size.trailing_ones() {
            let Some(left) = self.roots.pop() else { break };
            hash = node_hash(&left, &hash);
            if level.is_multiple_of(u32::from(TILE_HEIGHT)) {
                let tile_level = (level / u32::from(TILE_HEIGHT)) as u8;
                edge.put(tile_level, self.size >> level, hash)?;
            }
        }
        self.roots.push(hash);
        self.size += 1;
        Ok(())
    }
}

fn empty_root() -> Hash {
    root(0, &super::MemoryHashes::default()).expect("nothing needs to be read of an empty log")
}

/// The tiles at the right edge of a log that grows.
struct Edge<'a, R> {
    reader: &'a R,
    /// The last tile of each level, from the lowest; read when something is added to it.
    open: Vec<(TileId, Vec<u8>)>,
    full: Vec<(TileId, Vec<u8>)>,
}

impl<R: TileReader> Edge<'_, R> {
    /// Adds the node `number` of a level of tiles. Each level follows the one below.
    fn put(&mut self, level: u8, number: u64, hash: Hash) -> Result<(), HashReaderError> {
        let tile = TileId {
            level,
            index: number / TILE_WIDTH,
        };
        if self.open.len() == usize::from(level) {
            let contents = last_tile(tile, number % TILE_WIDTH, self.reader)?;
            self.open.push((tile, contents));
        }
        let (id, contents) = &mut self.open[usize::from(level)];
        *id = tile;
        contents.extend_from_slice(&hash.0);
        if contents.len() == width_bytes(TILE_WIDTH) {
            let next = Vec::with_capacity(width_bytes(TILE_WIDTH));
            self.full.push((tile, std::mem::replace(contents, next)));
        }
        Ok(())
    }

    fn into_tiles(self) -> Vec<(TileId, Vec<u8>)> {
        let mut tiles = self.full;
        let partial = self.open.into_iter();
        tiles.extend(partial.filter(|(_, contents)| !contents.is_empty()));
        tiles.sort_unstable_by_key(|(tile, _)| *tile);
        tiles
    }
}

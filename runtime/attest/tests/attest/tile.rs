//! Tiles against the tree that they cut up, and against the paths of the specification.

use cryptlet_attest::LeafHash;
use cryptlet_attest::log::{
    self, CompactRange, EntryBundleError, Hash, HashReader as _, HashReaderError, LogError,
    MemoryHashes, TILE_WIDTH, TileId, TilePath, TilePathError, TileReader, Tiles, append_leaves,
    entry_bundle, read_entry_bundle,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Tiles in memory, which count how often they are read.
#[derive(Default)]
struct Memory {
    tiles: BTreeMap<TileId, Vec<u8>>,
    reads: Cell<usize>,
}

impl TileReader for Memory {
    fn read_tile(&self, tile: TileId) -> Result<Vec<u8>, HashReaderError> {
        self.reads.set(self.reads.get() + 1);
        Ok(self.tiles.get(&tile).cloned().unwrap_or_default())
    }
}

/// One log, kept both ways.
#[derive(Default)]
struct Both {
    hashes: MemoryHashes,
    tiles: Memory,
}

impl Both {
    fn of(size: u64) -> Self {
        let mut both = Self::default();
        both.append(size);
        both
    }

    fn size(&self) -> u64 {
        self.hashes.size()
    }

    fn append(&mut self, count: u64) {
        let size = self.size();
        let leaves: Vec<LeafHash> = (size..size + count).map(leaf).collect();
        let changed = append_leaves(size, &leaves, &self.tiles).unwrap();
        self.tiles.tiles.extend(changed);
        for leaf in &leaves {
            self.hashes.append(leaf).unwrap();
        }
    }

    fn tiles(&self, size: u64) -> Tiles<'_, Memory> {
        Tiles::new(size, &self.tiles)
    }
}

fn leaf(index: u64) -> LeafHash {
    LeafHash::of(&index.to_be_bytes())
}

/// Batches that cross the edges of tiles, and batches that do not.
fn batches() -> impl Strategy<Value = Vec<u64>> {
    vec(prop_oneof![0..5u64, 250..260u64, 0..700u64], 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn tiles_prove_what_stored_hashes_prove_however_the_log_grew(
        batches in batches(),
        picks in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 12),
    ) {
        let mut both = Both::default();
        for batch in batches {
            both.append(batch);
            let tiles = both.tiles(both.size());
            prop_assert_eq!(
                log::root(both.size(), &tiles).unwrap(),
                log::root(both.size(), &both.hashes).unwrap()
            );
        }
        for (size, part) in picks {
            let size = size.index(both.size() as usize + 1) as u64;
            let tiles = both.tiles(size);
            prop_assert_eq!(
                log::root(size, &tiles).unwrap(),
                log::root(size, &both.hashes).unwrap()
            );
            if size == 0 {
                continue;
            }
            let part = part.index(size as usize) as u64;
            prop_assert_eq!(
                log::prove(part, size, &tiles).unwrap(),
                log::prove(part, size, &both.hashes).unwrap()
            );
            prop_assert_eq!(
                log::prove_consistency(part + 1, size, &tiles).unwrap(),
                log::prove_consistency(part + 1, size, &both.hashes).unwrap()
            );
        }
    }

    #[test]
    fn how_leaves_are_batched_does_not_show_in_the_tiles(batches in batches()) {
        let mut both = Both::default();
        for batch in batches {
            both.append(batch);
        }
        prop_assert_eq!(both.tiles.tiles, Both::of(both.hashes.size()).tiles.tiles);
    }

    #[test]
    fn a_compact_range_grows_as_the_tiles_do(batches in batches()) {
        let mut both = Both::default();
        let mut kept = CompactRange::default();
        for batch in batches {
            let size = both.hashes.size();
            let leaves: Vec<LeafHash> = (size..size + batch).map(leaf).collect();
            let tiles = append_leaves(size, &leaves, &both.tiles).unwrap();
            let grown = kept.append(&leaves, &both.tiles).unwrap();
            prop_assert_eq!(&grown.tiles, &tiles);
            kept = grown.range;
            both.append(batch);

            let size = both.hashes.size();
            prop_assert_eq!(kept.size(), size);
            prop_assert_eq!(kept.root(), log::root(size, &both.hashes).unwrap());
            let read = CompactRange::read(size, &Tiles::new(size, &both.tiles)).unwrap();
            prop_assert_eq!(&kept, &read);
        }
    }

    #[test]
    fn only_what_changed_is_returned_and_is_what_the_growth_publishes(
        before in 0..1000u64,
        count in 0..1000u64,
    ) {
        let mut both = Both::of(before);
        let leaves: Vec<LeafHash> = (before..before + count).map(leaf).collect();
        let changed = append_leaves(before, &leaves, &both.tiles).unwrap();
        both.append(count);
        let published: Vec<TilePath> = TilePath::grown(before, before + count).collect();
        let hashes: Vec<TilePath> = changed
            .iter()
            .map(|(tile, hashes)| TilePath::tile(*tile, hashes.len() as u64 / 32).unwrap())
            .collect();
        let (bundles, tiles): (Vec<TilePath>, Vec<TilePath>) =
            published.iter().partition(|path| path.hashes().is_none());
        prop_assert_eq!(tiles, hashes);
        let entries: u64 = bundles.iter().map(TilePath::width).sum();
        prop_assert_eq!(entries, if count == 0 { 0 } else { before % TILE_WIDTH + count });
        for path in published {
            prop_assert!(path.is_covered_by(before + count));
            prop_assert!(!path.is_covered_by(before));
        }
    }

    #[test]
    fn every_path_reads_back(
        level in 0..=63u8,
        index in (any::<u64>(), 0..64u32).prop_map(|(index, shift)| index >> shift),
        width in 1..=TILE_WIDTH,
    ) {
        let tile = TileId { level, index };
        let path = TilePath::tile(tile, width).unwrap();
        prop_assert_eq!(path.to_string().parse(), Ok(path));
        prop_assert_eq!(path.hashes(), Some(tile));
        let entries = TilePath::entries(index, width).unwrap();
        prop_assert_eq!(entries.to_string().parse(), Ok(entries));
        prop_assert_eq!(entries.index(), index);
    }

    #[test]
    fn whatever_is_read_as_a_path_has_that_one_form(
        text in "(tile/)?(entries|[0-9]{0,3})/(x?[0-9]{1,4}/){0,8}[0-9]{1,4}(\\.p(/[0-9]{0,4})?)?",
    ) {
        if let Ok(path) = text.parse::<TilePath>() {
            prop_assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn a_bundle_gives_its_entries_back_and_is_refused_cut_off(
        entries in vec(vec(any::<u8>(), 0..40), 0..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let bundle = entry_bundle(&entries).unwrap();
        prop_assert_eq!(&read_entry_bundle(&bundle).unwrap(), &entries);
        if !bundle.is_empty() {
            let cut = &bundle[..cut.index(bundle.len())];
            match read_entry_bundle(cut) {
                Ok(fewer) => prop_assert_eq!(entry_bundle(&fewer).unwrap(), cut),
                Err(error) => {
                    let position = read_entry_bundle(&bundle).unwrap().len();
                    let truncated = |at| error == EntryBundleError::Truncated { position: at };
                    prop_assert!((0..position).any(truncated));
                }
            }
        }
    }
}

/// The examples of <https://c2sp.org/tlog-tiles>.
#[test]
fn paths_are_those_of_the_specification() {
    let tile = |level, index| TileId { level, index };
    for (path, text) in [
        (
            TilePath::tile(tile(0, 1_234_067), 256),
            "tile/0/x001/x234/067",
        ),
        (TilePath::tile(tile(0, 273), 112), "tile/0/273.p/112"),
        (TilePath::tile(tile(2, 0), 1), "tile/2/000.p/1"),
        (TilePath::tile(tile(63, 999), 256), "tile/63/999"),
        (TilePath::entries(0, 256), "tile/entries/000"),
        (TilePath::entries(1000, 3), "tile/entries/x001/000.p/3"),
        (
            TilePath::entries(u64::MAX, 255),
            "tile/entries/x018/x446/x744/x073/x709/x551/615.p/255",
        ),
    ] {
        let path = path.unwrap();
        assert_eq!(path.to_string(), text);
        assert_eq!(text.parse(), Ok(path));
    }
}

#[test]
fn a_path_that_is_written_another_way_is_refused() {
    use TilePathError::{Index, Level, Width};
    for (text, error) in [
        ("", Level),
        ("/tile/0/000", Level),
        ("tile/0", Level),
        ("tile/64/000", Level),
        ("tile/00/000", Level),
        ("tile/-1/000", Level),
        ("tile/data/000", Level),
        ("tile/0/", Index),
        ("tile/0/0", Index),
        ("tile/0/0000", Index),
        ("tile/0/x000/000", Index),
        ("tile/0/001/000", Index),
        ("tile/0/x001/x000", Index),
        ("tile/0/+01", Index),
        ("tile/0/../000", Index),
        ("tile/0/000/", Index),
        ("tile/entries/x018/x446/x744/x073/x709/x551/616", Index),
        ("tile/entries/x001/x018/x446/x744/x073/x709/x551/615", Index),
        ("tile/0/000.p/", Width),
        ("tile/0/000.p/0", Width),
        ("tile/0/000.p/07", Width),
        ("tile/0/000.p/256", Width),
        ("tile/0/000.p/7.p/7", Width),
        ("tile/0/000.p", Index),
    ] {
        assert_eq!(text.parse::<TilePath>(), Err(error), "{text}");
    }
    assert_eq!("tile/0/".repeat(1000).parse::<TilePath>(), Err(Index));
    let tile = TileId { level: 0, index: 0 };
    assert_eq!(TilePath::tile(tile, 0), Err(Width));
    assert_eq!(TilePath::entries(0, 257), Err(Width));
    let above = TileId {
        level: 64,
        index: 0,
    };
    assert_eq!(TilePath::tile(above, 1), Err(Level));
}

#[test]
fn a_log_covers_the_tiles_that_it_has_in_full_and_no_wider_ones() {
    let covers = |path: &str, size| path.parse::<TilePath>().unwrap().is_covered_by(size);
    assert!(covers("tile/0/000", 256));
    assert!(!covers("tile/0/000", 255));
    assert!(covers("tile/0/001.p/7", 263));
    assert!(!covers("tile/entries/001.p/7", 262));
    assert!(covers("tile/1/000.p/1", 256));
    assert!(!covers("tile/1/000.p/1", 255));
    assert!(!covers("tile/63/000.p/1", u64::MAX));
    assert!(!covers(
        "tile/entries/x018/x446/x744/x073/x709/x551/615",
        u64::MAX
    ));
}

#[test]
fn a_batch_is_proven_from_one_reading_of_each_tile() {
    let both = Both::of(3 * TILE_WIDTH + 40);
    let tiles = both.tiles(both.size());
    let root = log::root(both.size(), &tiles).unwrap();
    for index in 0..both.size() {
        let proof = log::prove(index, both.size(), &tiles).unwrap();
        log::check_inclusion(&proof, index, &leaf(index), both.size(), &root).unwrap();
    }
    // Level 0 has four tiles; these and the first of level 1 are read when the log grows, too.
    let grown = both.tiles.reads.replace(0);
    assert_eq!(grown, 5);
}

#[test]
fn tiles_that_do_not_have_what_the_size_calls_for_are_errors() {
    let mut both = Both::of(300);
    let missing = Tiles::new(301, &both.tiles);
    assert!(matches!(
        log::root(301, &missing),
        Err(LogError::Storage(HashReaderError::IndexesNotInTree))
    ));
    let shorter = both.tiles(200);
    assert!(matches!(
        log::root(201, &shorter),
        Err(LogError::Storage(HashReaderError::IndexesNotInTree))
    ));
    assert!(shorter.read_hashes(&[u64::MAX]).is_err());
    for size in [299, 301, 45, 257] {
        assert!(
            matches!(
                append_leaves(size, &[leaf(0)], &both.tiles),
                Err(LogError::Storage(HashReaderError::TileWidth { .. }))
            ),
            "{size}"
        );
    }
    let last = both.tiles.tiles.get_mut(&TileId { level: 0, index: 1 });
    last.unwrap().pop();
    let error = append_leaves(300, &[leaf(300)], &both.tiles).unwrap_err();
    assert!(error.to_string().starts_with("tile/0/001 has"), "{error}");
    assert!(matches!(
        append_leaves(log::MAXIMUM_SIZE, &[leaf(0)], &both.tiles),
        Err(LogError::TooLarge { .. })
    ));
}

#[test]
fn what_the_storage_of_tiles_says_reaches_the_caller() {
    struct Broken;
    impl TileReader for Broken {
        fn read_tile(&self, _: TileId) -> Result<Vec<u8>, HashReaderError> {
            Err(HashReaderError::Storage("the disk is gone".into()))
        }
    }
    let error = log::root(3, &Tiles::new(3, &Broken)).unwrap_err();
    assert!(error.to_string().contains("the disk is gone"), "{error}");
    let error = append_leaves(3, &[leaf(3)], &Broken).unwrap_err();
    assert!(error.to_string().contains("the disk is gone"), "{error}");
}

#[test]
fn a_compact_range_grows_over_the_edges_of_each_level() {
    let edge = TILE_WIDTH * TILE_WIDTH;
    for (before, batches) in [
        (0, &[0, 1, 254, 1, 1, 254, 1, 1, 1][..]),
        (255, &[2]),
        (256, &[256]),
        (257, &[256]),
        (edge - 6, &[1, 5, 1, 300]),
        (edge - 1, &[2]),
        (edge, &[1]),
    ] {
        let mut both = Both::of(before);
        let read = CompactRange::read(before, &both.tiles(before));
        let mut kept = read.unwrap();
        for batch in batches {
            let size = both.size();
            let leaves: Vec<LeafHash> = (size..size + batch).map(leaf).collect();
            let grown = kept.append(&leaves, &both.tiles).unwrap();
            let tiles = append_leaves(size, &leaves, &both.tiles).unwrap();
            assert!(grown.tiles == tiles, "{batch} on {size}");
            both.append(*batch);
            kept = grown.range;
            let size = both.size();
            assert_eq!(
                kept.root(),
                log::root(size, &both.hashes).unwrap(),
                "{size}"
            );
            assert_eq!(
                kept,
                CompactRange::read(size, &both.tiles(size)).unwrap(),
                "{size}"
            );
        }
    }
}

#[test]
fn a_level_of_tiles_has_the_roots_of_the_one_below() {
    let both = Both::of(TILE_WIDTH * TILE_WIDTH + 1);
    let tops: Vec<(TileId, usize)> = both
        .tiles
        .tiles
        .iter()
        .filter(|(tile, _)| tile.level > 0)
        .map(|(tile, hashes)| (*tile, hashes.len() / 32))
        .collect();
    let tile = |level| TileId { level, index: 0 };
    assert_eq!(tops, [(tile(1), 256), (tile(2), 1)]);
    let root = log::root(TILE_WIDTH * TILE_WIDTH, &both.hashes).unwrap();
    assert_eq!(both.tiles.tiles[&tile(2)], root.0);
    let first = log::root(TILE_WIDTH, &both.hashes).unwrap();
    assert_eq!(
        Hash(both.tiles.tiles[&tile(1)][..32].try_into().unwrap()),
        first
    );
}

#[test]
fn a_bundle_has_at_most_256_entries_of_at_most_65535_bytes() {
    let largest = vec![7; 65_535];
    let bundle = entry_bundle(&[&largest]).unwrap();
    assert_eq!(read_entry_bundle(&bundle).unwrap(), [&largest]);
    assert_eq!(
        entry_bundle(&[&[][..], &[7; 65_536]]),
        Err(EntryBundleError::TooLarge {
            position: 1,
            length: 65_536,
        })
    );
    let empty = [[0u8; 0]; 257];
    assert_eq!(entry_bundle(&empty), Err(EntryBundleError::TooMany));
    assert_eq!(
        read_entry_bundle(&[0; 2 * 257]),
        Err(EntryBundleError::TooMany)
    );
    assert_eq!(read_entry_bundle(&[0; 2 * 256]).unwrap().len(), 256);
}

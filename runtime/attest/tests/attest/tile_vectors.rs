//! The vectors of published tiles, and the inputs that fuzzing of their readers begins with.

use crate::corpus;
use crate::vectors::{committed, hash, list, number};
use cryptlet_attest::LeafHash;
use cryptlet_attest::log::{
    self, HashReaderError, TileId, TilePath, TileReader, Tiles, append_leaves, entry_bundle,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// A published log whose entry `n` is `n` in 8 bytes, big-endian.
#[derive(Default)]
struct Counting {
    tiles: BTreeMap<TileId, Vec<u8>>,
}

impl TileReader for Counting {
    fn read_tile(&self, tile: TileId) -> Result<Vec<u8>, HashReaderError> {
        Ok(self.tiles.get(&tile).cloned().unwrap_or_default())
    }
}

impl Counting {
    fn of(size: u64) -> Self {
        let leaves: Vec<LeafHash> = (0..size)
            .map(|index| LeafHash::of(&index.to_be_bytes()))
            .collect();
        let tiles = append_leaves(0, &leaves, &Self::default()).unwrap();
        Self {
            tiles: tiles.into_iter().collect(),
        }
    }

    fn file(&self, path: TilePath) -> Vec<u8> {
        match path.hashes() {
            Some(tile) => self.tiles[&tile].clone(),
            None => {
                let first = path.index() * log::TILE_WIDTH;
                let entries: Vec<[u8; 8]> = (first..first + path.width())
                    .map(u64::to_be_bytes)
                    .collect();
                entry_bundle(&entries).unwrap()
            }
        }
    }
}

fn published() -> Vec<Value> {
    [1, 7, 256, 257, 65_793]
        .into_iter()
        .map(|size| {
            let log = Counting::of(size);
            // Of a large log the files at its right edge say all.
            let files: Vec<Value> = TilePath::grown(size.saturating_sub(258), size)
                .map(|path| {
                    let file = log.file(path);
                    json!({
                        "path": path.to_string(),
                        "length": file.len(),
                        "sha256": hex::encode(Sha256::digest(file)),
                    })
                })
                .collect();
            json!({
                "size": size,
                "root": log::root(size, &Tiles::new(size, &log)).unwrap().to_string(),
                "files": files,
            })
        })
        .collect()
}

fn paths() -> Vec<Value> {
    [
        "tile/0/x001/x234/067",
        "tile/0/273.p/112",
        "tile/63/000",
        "tile/entries/000.p/1",
        "tile/64/000",
        "tile/00/000",
        "tile/0/0",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/data/000",
    ]
    .into_iter()
    .map(|text| {
        let path = text.parse::<TilePath>().ok();
        json!({
            "path": text,
            "read": path.map(|path| json!({
                "level": path.hashes().map(|tile| tile.level),
                "index": path.index(),
                "width": path.width(),
            })),
        })
    })
    .collect()
}

#[test]
fn tiles_are_the_committed_ones() {
    let vectors = committed(
        "tile.json",
        &json!({
            "entries": "entry n is n in 8 bytes, big-endian",
            "logs": published(),
            "paths": paths(),
        }),
    );
    for case in list(&vectors["logs"]) {
        let size = number(&case["size"]);
        let log = Counting::of(size);
        for file in list(&case["files"]) {
            let path: TilePath = file["path"].as_str().unwrap().parse().unwrap();
            assert!(path.is_covered_by(size));
            assert_eq!(Sha256::digest(log.file(path))[..], hash(&file["sha256"]));
        }
    }
    let mut inputs: Vec<(String, Vec<u8>)> = list(&vectors["paths"])
        .iter()
        .map(|case| case["path"].as_str().unwrap())
        .map(|path| (path.replace('/', "-"), path.as_bytes().to_vec()))
        .collect();
    let bundle = entry_bundle(&[&b"first"[..], b"", b"third"]).unwrap();
    inputs.push(("bundle-cut-off".to_owned(), bundle[..8].to_vec()));
    inputs.push(("bundle".to_owned(), bundle));
    corpus::committed("tile", &inputs);
}

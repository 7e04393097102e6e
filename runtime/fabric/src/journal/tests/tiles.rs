use std::collections::BTreeMap;

use cryptlet_attest::log::{
    self, HashReaderError, TILE_WIDTH, TileId, TilePath, TileReader, Tiles, read_entry_bundle,
};
use cryptlet_attest::{Hash, LeafHash};

use super::tamper;
use crate::journal::scene::{begun, grow, owner};
use crate::journal::{Journal, JournalError};

type TestResult = Result<(), Box<dyn std::error::Error>>;

/// What somebody has who fetched everything that a log of some size publishes.
struct Fetched(BTreeMap<TileId, Vec<u8>>);

impl TileReader for Fetched {
    fn read_tile(&self, tile: TileId) -> Result<Vec<u8>, HashReaderError> {
        Ok(self.0.get(&tile).cloned().unwrap_or_default())
    }
}

#[tokio::test]
async fn whoever_fetches_all_tiles_has_the_checkpoints_root_and_every_entry() -> TestResult {
    let state = tempfile::tempdir()?;
    let journal = begun(state.path()).await?;
    for count in [1, 253, 1, 1, 400, 256, 7] {
        grow(&journal, count).await?;
        let checkpoint = journal.newest_checkpoint()?.ok_or("leaves")?;
        let mut fetched = Fetched(BTreeMap::new());
        let mut entries = Vec::new();
        for path in TilePath::grown(0, checkpoint.size) {
            let bytes = journal.tile(path)?.ok_or("covered")?;
            match path.hashes() {
                Some(tile) => drop(fetched.0.insert(tile, bytes)),
                None => entries.extend(read_entry_bundle(&bytes)?.into_iter().map(LeafHash::of)),
            }
        }
        let tiles = Tiles::new(checkpoint.size, &fetched);
        assert_eq!(log::root(checkpoint.size, &tiles)?.0, checkpoint.root);
        assert_eq!(entries.len() as u64, checkpoint.size);
        let root = Hash(checkpoint.root);
        for (index, leaf) in (0..).zip(&entries) {
            let proof = log::prove(index, checkpoint.size, &tiles)?;
            log::check_inclusion(&proof, index, leaf, checkpoint.size, &root)?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn only_what_the_newest_checkpoint_covers_is_there() -> TestResult {
    let state = tempfile::tempdir()?;
    let journal = begun(state.path()).await?;
    grow(&journal, 299).await?;
    for (path, length) in [
        ("tile/0/000", Some(256 * 32)),
        ("tile/0/000.p/7", Some(7 * 32)),
        ("tile/0/001.p/44", Some(44 * 32)),
        ("tile/0/001.p/45", None),
        ("tile/0/001", None),
        ("tile/1/000.p/1", Some(32)),
        ("tile/1/000.p/2", None),
        ("tile/2/000.p/1", None),
        ("tile/entries/002.p/1", None),
        ("tile/entries/x999/x999/x999/x999/x999/999", None),
    ] {
        let found = journal.tile(path.parse()?)?;
        assert_eq!(found.map(|bytes| bytes.len()), length, "{path}");
    }
    let bundle = journal
        .tile("tile/entries/001.p/44".parse()?)?
        .ok_or("44")?;
    let entries = read_entry_bundle(&bundle)?;
    assert_eq!(entries[43], journal.leaves(299, 1)?[0].entry);
    Ok(())
}

#[tokio::test]
async fn every_earlier_checkpoint_is_shown_to_be_the_beginning_of_the_newest() -> TestResult {
    let state = tempfile::tempdir()?;
    let journal = begun(state.path()).await?;
    assert_eq!(journal.consistency(2)?, None, "it is not that large yet");
    for count in [1, 254, 1, 300, 3] {
        grow(&journal, count).await?;
    }
    for old in journal.checkpoints(0, 100)? {
        let (newest, proof) = journal.consistency(old.size)?.ok_or("a size it had")?;
        let (old_root, root) = (Hash(old.root), Hash(newest.root));
        log::check_consistency(&proof, old.size, &old_root, newest.size, &root)?;
    }
    assert_eq!(journal.consistency(0)?, None);
    assert_eq!(journal.consistency(u64::MAX)?, None);
    Ok(())
}

#[tokio::test]
async fn a_false_hash_in_any_tile_is_found() -> TestResult {
    for (level, number) in [(0, 0), (0, 2), (1, 0)] {
        let state = tempfile::tempdir()?;
        let journal = begun(state.path()).await?;
        grow(&journal, 2 * TILE_WIDTH + 9).await?;
        journal.verify_log()?;
        tamper(
            state.path(),
            &format!(
                "UPDATE tile SET hashes = zeroblob(length(hashes))
                 WHERE level = {level} AND number = {number}"
            ),
        );
        let refusal = journal.verify_log().err().ok_or("a false hash")?;
        assert!(
            matches!(refusal, JournalError::Damaged { .. })
                && refusal.to_string().contains(&format!("tile/{level}/")),
            "{refusal}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_log_goes_on_over_full_tiles_after_reopening() -> TestResult {
    let state = tempfile::tempdir()?;
    let mut journal = begun(state.path()).await?;
    for count in [TILE_WIDTH - 1, 1, TILE_WIDTH, TILE_WIDTH - 1] {
        grow(&journal, count).await?;
        drop(journal);
        journal = Journal::open(state.path(), owner(1))?;
        journal.verify_log()?;
    }
    assert_eq!(journal.log_size()?, 3 * TILE_WIDTH);
    Ok(())
}

#[tokio::test]
async fn every_entry_has_a_cose_receipt_under_the_newest_checkpoint() -> TestResult {
    let state = tempfile::tempdir()?;
    let journal = begun(state.path()).await?;
    grow(&journal, 4).await?;
    grow(&journal, 1).await?;
    let trust = [journal.trusted_key()?.ok_or("the first leaf names it")?];
    for leaf in journal.leaves(0, 10)? {
        let receipt = journal.cose_receipt(leaf.position)?.ok_or("an entry")?;
        let shown = log::check_inclusion_receipt(&receipt, &LeafHash::of(&leaf.entry), &trust)?;
        assert_eq!((shown.size, shown.index), (6, leaf.position));
    }
    assert_eq!(journal.cose_receipt(6)?, None);
    Ok(())
}

#[tokio::test]
async fn a_witness_signs_under_the_checkpoint_that_it_saw_and_once() -> TestResult {
    let state = tempfile::tempdir()?;
    let journal = begun(state.path()).await?;
    let plain = journal.newest_checkpoint()?.ok_or("a leaf")?;
    journal.keep_cosignature(1, "b", "— b two\n").await?;
    journal.keep_cosignature(1, "a", "— a one\n").await?;
    journal.keep_cosignature(1, "b", "— b three\n").await?;
    let cosigned = journal.cosigned_checkpoint()?.ok_or("a leaf")?;
    assert_eq!(cosigned.note, format!("{}— a one\n— b three\n", plain.note));
    assert!(journal.keep_cosignature(7, "a", "— a one\n").await.is_err());
    for witness in 0..120 {
        let name = format!("w{witness}");
        journal.keep_cosignature(1, &name, "— w\n").await?;
    }
    let note = journal.cosigned_checkpoint()?.ok_or("a leaf")?.note;
    let signatures = note.lines().filter(|line| line.starts_with('—'));
    assert_eq!(signatures.count(), 100, "nobody reads more");
    grow(&journal, 1).await?;
    assert_eq!(journal.cosigned_checkpoint()?, journal.newest_checkpoint()?);
    Ok(())
}

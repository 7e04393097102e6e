mod memory_disk;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cryptlet_attest::log::{self, HashReaderError, TileId, TileReader, Tiles, read_entry_bundle};
use cryptlet_attest::{CheckpointKey, Hash, LeafHash, TrustedKey};
use ed25519_dalek::SigningKey;
use memory_disk::{Death, MemoryDisk};

use super::*;
use crate::journal::scene::{begun, deploy, grow, owner};

type TestResult = Result<(), Box<dyn std::error::Error>>;

fn key() -> TrustedKey {
    let key = SigningKey::from_bytes(&[1; 32]);
    TrustedKey::new("fabric.example/log", &CheckpointKey::public(&key)).expect("a key")
}

/// The folder on a disk of its own.
const FOLDER: &str = "log";

fn publish_on(disk: MemoryDisk, journal: &Journal) -> (MemoryDisk, Result<(), PublishError>) {
    let publisher = Publisher::on(disk, Path::new(FOLDER), key());
    let published = publisher.publish(journal).map(drop);
    (publisher.disk, published)
}

/// Tiles as a client finds them, who knows nothing but the files.
struct Served<'a> {
    files: &'a BTreeMap<PathBuf, Vec<u8>>,
    size: u64,
}

impl Served<'_> {
    fn get(&self, path: TilePath) -> Option<&Vec<u8>> {
        self.files.get(&Path::new(FOLDER).join(path.to_string()))
    }
}

impl TileReader for Served<'_> {
    fn read_tile(&self, tile: TileId) -> Result<Vec<u8>, HashReaderError> {
        let path = TilePath::grown(0, self.size).find(|path| path.hashes() == Some(tile));
        Ok(path
            .and_then(|path| self.get(path))
            .cloned()
            .unwrap_or_default())
    }
}

/// Reads what is published as a stranger does, who trusts the key: the checkpoint, every tile up to
/// its root, every entry up to its hash. Gives the checkpoint.
fn read_whole(
    files: &BTreeMap<PathBuf, Vec<u8>>,
) -> Result<Option<Checkpoint>, Box<dyn std::error::Error>> {
    let Some(note) = files.get(&Path::new(FOLDER).join(CHECKPOINT)) else {
        return Ok(None);
    };
    let checkpoint = log::open_checkpoint(std::str::from_utf8(note)?, &[key()])?;
    let served = Served {
        files,
        size: checkpoint.size,
    };
    let tiles = Tiles::new(checkpoint.size, &served);
    assert_eq!(log::root(checkpoint.size, &tiles)?, checkpoint.root);
    for path in TilePath::grown(0, checkpoint.size) {
        let bytes = served.get(path).ok_or(format!("{path} is missing"))?;
        if path.hashes().is_some() {
            assert_eq!(bytes.len() as u64, path.width() * 32, "{path}");
            continue;
        }
        let level = TileId {
            level: 0,
            index: path.index(),
        };
        let hashes = served.read_tile(level)?;
        let entries = read_entry_bundle(bytes)?;
        assert_eq!(entries.len() as u64, path.width(), "{path}");
        let computed: Vec<u8> = entries
            .into_iter()
            .flat_map(|entry| *LeafHash::of(entry).as_bytes())
            .collect();
        assert_eq!(computed, hashes, "{path}");
    }
    Ok(Some(checkpoint))
}

/// Lets a disk on which `before` is published die after `bytes` of the next publication, each way,
/// and checks what is left: complete, nothing taken back, and good to go on from.
fn die_after(
    bytes: u64,
    before: &MemoryDisk,
    journal: &Journal,
) -> Result<(), Box<dyn std::error::Error>> {
    let earlier = read_whole(&before.files())?.map_or(0, |checkpoint| checkpoint.size);
    let newest = journal.newest_checkpoint()?.ok_or("a leaf")?;
    let (dead, _) = publish_on(before.dying_after(bytes), journal);
    for death in Death::ALL {
        let disk = dead.after(death);
        let left = read_whole(&disk.files())?;
        if let Some(left) = &left {
            journal.check_begins_with(left)?;
        }
        let size = left.map_or(0, |checkpoint| checkpoint.size);
        assert!(
            size == earlier || size == newest.size,
            "{size} after {bytes} bytes, {death:?}"
        );
        let (again, published) = publish_on(disk, journal);
        published?;
        let whole = read_whole(&again.files())?.ok_or("published")?;
        assert_eq!((whole.size, whole.root), (newest.size, Hash(newest.root)));
    }
    Ok(())
}

#[tokio::test]
async fn wherever_the_disk_dies_nothing_published_is_incomplete_or_taken_back() -> TestResult {
    let state = tempfile::tempdir()?;
    let journal = begun(state.path()).await?;
    let mut disk = MemoryDisk::new();
    for count in [0, 2] {
        grow(&journal, count).await?;
        let (done, published) = publish_on(disk.dying_after(1 << 40), &journal);
        published?;
        let cost = *done.marks(1 << 40).last().ok_or("it did something")?;
        assert!(cost > 100, "{cost} are fewer bytes than a checkpoint has");
        for bytes in 0..=cost {
            die_after(bytes, &disk, &journal)?;
        }
        disk = done;
    }
    Ok(())
}

#[tokio::test]
async fn at_whatever_step_the_disk_dies_a_tile_that_becomes_full_is_complete() -> TestResult {
    let state = tempfile::tempdir()?;
    let journal = begun(state.path()).await?;
    grow(&journal, 253).await?;
    let (disk, published) = publish_on(MemoryDisk::new(), &journal);
    published?;
    grow(&journal, 5).await?;
    let (done, published) = publish_on(disk.dying_after(1 << 40), &journal);
    published?;
    for mark in done.marks(1 << 40) {
        for bytes in [mark.saturating_sub(1), mark, mark + 1] {
            die_after(bytes, &disk, &journal)?;
        }
    }
    let files = done.files();
    assert!(files.contains_key(Path::new("log/tile/0/000")));
    assert!(files.contains_key(Path::new("log/tile/entries/001.p/3")));
    let narrower = |path: &&PathBuf| path.to_string_lossy().contains("000.p/254");
    assert_eq!(
        files.keys().find(narrower),
        None,
        "the full tile has it all"
    );
    Ok(())
}

#[tokio::test]
async fn a_folder_of_files_follows_the_journal() -> TestResult {
    let home = tempfile::tempdir()?;
    let journal = begun(&home.path().join("state")).await?;
    let folder = home.path().join("public").join(FOLDER);
    let publisher = Publisher::new(&folder, key());
    assert_eq!(publisher.published()?, None);
    for count in [0, 3, 300] {
        grow(&journal, count).await?;
        let published = publisher.publish(&journal)?.ok_or("a leaf")?;
        let note = fs::read_to_string(folder.join(CHECKPOINT))?;
        assert_eq!(note, published.note);
        for path in TilePath::grown(0, published.size) {
            assert_eq!(
                Some(fs::read(folder.join(path.to_string()))?),
                journal.tile(path)?,
                "{path}"
            );
        }
    }
    assert!(!folder.join(UNFINISHED).exists());
    let modified = fs::metadata(folder.join(CHECKPOINT))?.modified()?;
    publisher.publish(&journal)?;
    assert_eq!(fs::metadata(folder.join(CHECKPOINT))?.modified()?, modified);
    Ok(())
}

#[tokio::test]
async fn a_checkpoint_that_does_not_verify_leaves_what_is_published_as_it_is() -> TestResult {
    let home = tempfile::tempdir()?;
    let state = home.path().join("state");
    let journal = begun(&state).await?;
    let publisher = Publisher::new(&home.path().join(FOLDER), key());
    publisher.publish(&journal)?;
    let published = publisher.published()?;

    grow(&journal, 1).await?;
    let damage = rusqlite::Connection::open(state.join("journal.sqlite"))?;
    let other = SigningKey::from_bytes(&[2; 32]);
    let newest = journal.newest_checkpoint()?.ok_or("a leaf")?;
    let (text, signature) = newest.note.rsplit_once(' ').ok_or("signed")?;
    let altered = log::sign_checkpoint("fabric.example/log", 2, &Hash(newest.root), &other)?;
    let (_, false_signature) = altered.rsplit_once(' ').ok_or("signed")?;
    // The id of the right key, and what another one signed.
    let mixed = format!("{text} {}{}", &signature[..5], &false_signature[5..]);
    damage.execute("UPDATE checkpoint SET note = ?1 WHERE size = 2", [mixed])?;

    let refusal = publisher.publish(&journal).expect_err("a false signature");
    assert!(
        matches!(
            refusal,
            PublishError::Unsigned {
                size: 2,
                source: CheckpointError::BadSignature { .. }
            }
        ),
        "{refusal}"
    );
    assert_eq!(publisher.published()?, published);
    publisher.check(&journal)?;
    grow(&journal, 1).await?;
    let next = publisher.publish(&journal)?.ok_or("the next one")?;
    assert_eq!(next.size, 3);
    Ok(())
}

#[tokio::test]
async fn cosignatures_that_come_later_are_published_too() -> TestResult {
    let home = tempfile::tempdir()?;
    let journal = begun(&home.path().join("state")).await?;
    let publisher = Publisher::new(&home.path().join(FOLDER), key());
    publisher.publish(&journal)?;
    let line = "— witness.example q1sPZAAAAAAAAAAA\n";
    journal.keep_cosignature(1, "witness.example", line).await?;
    publisher.publish(&journal)?;
    let (note, checkpoint) = publisher.published()?.ok_or("published")?;
    assert_eq!(checkpoint.size, 1);
    assert!(note.ends_with(line), "{note}");
    Ok(())
}

#[tokio::test]
async fn an_old_copy_and_another_history_of_the_journal_are_refused_and_change_nothing()
-> TestResult {
    let home = tempfile::tempdir()?;
    let (state, old) = (home.path().join("state"), home.path().join("old"));
    let journal = begun(&state).await?;
    grow(&journal, 2).await?;
    fs::create_dir(&old)?;
    journal.copy_to(&old.join("journal.sqlite"))?;
    grow(&journal, 3).await?;
    let publisher = Publisher::new(&home.path().join(FOLDER), key());
    publisher.publish(&journal)?;
    let published = publisher.published()?;

    let copy = Journal::open(&old, owner(1))?;
    for refusal in [publisher.check(&copy), publisher.publish(&copy).map(drop)] {
        let refusal = refusal.expect_err("an old copy");
        assert!(
            matches!(
                refusal,
                PublishError::Journal(JournalError::Behind {
                    size: 3,
                    published: 6,
                    ..
                })
            ),
            "{refusal}"
        );
        let said = refusal.to_string();
        assert!(said.contains("restore the newest journal"), "{said}");
    }
    // It went on all the same, until it was larger than what is published.
    for name in ["a", "b", "c", "d"] {
        deploy(&copy, name, b"another history").await?;
    }
    for refusal in [publisher.check(&copy), publisher.publish(&copy).map(drop)] {
        let refusal = refusal.expect_err("another history");
        assert!(
            matches!(
                refusal,
                PublishError::Journal(JournalError::Forked { size: 6, .. })
            ),
            "{refusal}"
        );
    }
    assert_eq!(publisher.published()?, published);
    publisher.check(&journal)?;
    Ok(())
}

#[tokio::test]
async fn a_folder_of_another_log_is_refused_and_kept() -> TestResult {
    let home = tempfile::tempdir()?;
    let folder = home.path().join(FOLDER);
    let journal = begun(&home.path().join("state")).await?;
    Publisher::new(&folder, key()).publish(&journal)?;
    let before = fs::read(folder.join(CHECKPOINT))?;
    let other = SigningKey::from_bytes(&[2; 32]);
    let other = TrustedKey::new("other.example/log", &CheckpointKey::public(&other))?;
    let refusal = Publisher::new(&folder, other)
        .publish(&journal)
        .expect_err("another's folder");
    assert!(matches!(refusal, PublishError::Foreign { .. }), "{refusal}");
    assert_eq!(fs::read(folder.join(CHECKPOINT))?, before);
    for spoiled in [&b"\xff"[..], b"half a checkpo"] {
        fs::write(folder.join(CHECKPOINT), spoiled)?;
        let refusal = Publisher::new(&folder, key())
            .check(&journal)
            .expect_err("no checkpoint");
        assert!(refusal.to_string().contains("folder"), "{refusal}");
    }
    Ok(())
}

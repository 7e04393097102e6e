mod accepting;
mod candidates;
mod changes;
mod concurrent;
mod full;
mod killed;
mod moves;
mod plans;
mod tiles;
mod views;

use std::path::Path;
use std::sync::Arc;

use cryptlet_attest::{CheckpointKey, Measurement, TrustedKey};
use ed25519_dalek::SigningKey;
use rusqlite::Connection;

use super::scene::{deploy, owner, version};
use super::{Journal, JournalError};

fn tamper(state: &Path, sql: &str) {
    let connection = Connection::open(state.join("journal.sqlite")).expect("the journal's file");
    // Whoever tampers does not mind what refers to what.
    connection
        .pragma_update(None, "foreign_keys", false)
        .and_then(|()| connection.execute_batch(sql))
        .expect("the tampering itself");
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() -> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let journal = Journal::open(state.path(), owner(1))?;
    deploy(&journal, "first", b"one").await?;
    deploy(&journal, "second", b"two").await?;
    drop(journal);

    let journal = Journal::open(state.path(), owner(1))?;
    assert_eq!(journal.versions()?.len(), 2);
    assert_eq!(journal.log_size()?, 2);
    let first = Measurement::of(b"one");
    assert_eq!(journal.component(&first)?.as_deref(), Some(&b"one"[..]));
    Ok(())
}

#[tokio::test]
async fn every_leaf_proves_itself_under_the_newest_checkpoint()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let key = SigningKey::from_bytes(&[1; 32]);
    let journal = Journal::open(state.path(), owner(1))?;
    for name in ["a", "b", "c", "d", "e"] {
        deploy(&journal, name, name.as_bytes()).await?;
    }
    let trust = [TrustedKey::new(
        "fabric.example/log",
        &CheckpointKey::public(&key),
    )?];
    for leaf in 0..5 {
        let entry = journal.receipt_at(leaf, 5)?;
        cryptlet_attest::verify_entry(&entry, &trust)?;
    }
    Ok(())
}

#[tokio::test]
async fn leaves_are_read_page_by_page_up_to_the_newest_checkpoint()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let journal = Journal::open(state.path(), owner(1))?;
    assert_eq!(journal.newest_checkpoint()?, None);
    for name in ["a", "b", "c"] {
        deploy(&journal, name, name.as_bytes()).await?;
    }
    let (first, rest) = (journal.leaves(0, 2)?, journal.leaves(2, 2)?);
    let read: Vec<u64> = first
        .iter()
        .chain(&rest)
        .map(|leaf| leaf.position)
        .collect();
    assert_eq!(read, [0, 1, 2]);
    assert_eq!(journal.newest_checkpoint()?.map(|row| row.size), Some(3));
    assert_eq!(rest[0].entry, journal.receipt_at(2, 3)?.statement);
    Ok(())
}

#[tokio::test]
async fn a_job_that_fails_is_undone_alone() -> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let journal = Arc::new(Journal::open(state.path(), owner(1))?);
    let jobs = (0..40_u8).map(|job| {
        let journal = Arc::clone(&journal);
        tokio::spawn(async move {
            let component = [job];
            let row = version(&format!("cryptlet-{job}"), &component);
            journal
                .commit(move |writing| {
                    writing.deploy(&row, &component, None)?;
                    if job % 2 == 1 {
                        return Err(JournalError::Conflict("odd".into()));
                    }
                    Ok(())
                })
                .await
        })
    });
    let mut kept = 0;
    for job in jobs.collect::<Vec<_>>() {
        kept += usize::from(job.await?.is_ok());
    }
    assert_eq!(kept, 20);
    assert_eq!(journal.versions()?.len(), 20);
    assert_eq!(journal.log_size()?, 20, "the undone jobs left no leaf");
    drop(journal);
    Journal::open(state.path(), owner(1))?;
    Ok(())
}

#[tokio::test]
async fn work_whose_transaction_is_gone_is_answered_as_failed()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let journal = Journal::open(state.path(), owner(1))?;
    // As SQLite itself does after some failures of the disk, whatever the work makes of them.
    let lost = journal
        .commit_checked(|writing| writing.execute("ROLLBACK", ()).map(drop))
        .await;
    assert!(matches!(lost, Err(JournalError::Commit(_))), "{lost:?}");
    deploy(&journal, "swap", b"swap").await?;
    assert_eq!(journal.versions()?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_tree_with_an_altered_tile_is_not_signed() -> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let journal = Journal::open(state.path(), owner(1))?;
    deploy(&journal, "one", b"one").await?;
    drop(journal);
    let journal = Journal::open(state.path(), owner(1))?;
    tamper(
        state.path(),
        "UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE level = 0",
    );
    let refused = deploy(&journal, "two", b"two").await;
    let said = refused.err().ok_or("it was signed")?.to_string();
    assert!(said.contains("do not hash to checkpoint 1"), "{said}");
    assert_eq!(journal.log_size()?, 1);
    Ok(())
}

#[tokio::test]
async fn work_that_fails_after_it_was_checked_is_undone_with_all_beside_it()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let journal = Arc::new(Journal::open(state.path(), owner(1))?);
    let refused: Result<(), _> = journal
        .commit_checked(|_| Err(JournalError::Conflict("not now".into())))
        .await;
    assert!(matches!(refused, Err(JournalError::Conflict(_))));
    let (row, component) = (version("swap", b"swap"), b"swap".to_vec());
    let broken: Result<(), _> = journal
        .commit_checked(move |writing| {
            writing.deploy(&row, &component, None)?;
            Err(JournalError::Conflict("too late".into()))
        })
        .await;
    assert!(matches!(broken, Err(JournalError::Conflict(_))));
    assert!(journal.versions()?.is_empty(), "nothing of it is left");
    assert_eq!(journal.log_size()?, 0, "no leaf either");
    let (row, component) = (version("swap", b"swap"), b"swap".to_vec());
    journal
        .commit(move |writing| writing.deploy(&row, &component, None))
        .await?;
    assert_eq!(journal.log_size()?, 1, "the journal goes on");
    Ok(())
}

#[tokio::test]
async fn a_version_never_changes_its_bytes() -> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let journal = Journal::open(state.path(), owner(1))?;
    deploy(&journal, "swap", b"one").await?;
    deploy(&journal, "swap", b"one").await?;
    let refusal = deploy(&journal, "swap", b"other")
        .await
        .expect_err("other bytes");
    assert!(
        refusal.to_string().contains("never changes its bytes"),
        "{refusal}"
    );
    assert_eq!(journal.log_size()?, 1);
    Ok(())
}

#[tokio::test]
async fn a_log_that_was_rewritten_is_refused() -> Result<(), Box<dyn std::error::Error>> {
    for (sql, reason) in [
        ("DELETE FROM leaf WHERE position = 1", "leaves"),
        ("UPDATE tile SET hashes = zeroblob(64)", "do not hash"),
        (
            "UPDATE checkpoint SET note = replace(note, 'fabric', 'forger')",
            "checkpoint",
        ),
        (
            // In the middle of the signature, after the key's id.
            "UPDATE checkpoint SET note = substr(note, 1, length(note) - 33)
                || CASE substr(note, length(note) - 32, 1) WHEN 'A' THEN 'B' ELSE 'A' END
                || substr(note, length(note) - 31)",
            "the tree is whole",
        ),
        ("DELETE FROM checkpoint", "without a checkpoint"),
    ] {
        let state = tempfile::tempdir()?;
        let journal = Journal::open(state.path(), owner(1))?;
        deploy(&journal, "first", b"one").await?;
        deploy(&journal, "second", b"two").await?;
        drop(journal);
        tamper(state.path(), sql);
        let refusal = Journal::open(state.path(), owner(1)).err().ok_or(sql)?;
        assert!(
            matches!(refusal, JournalError::Damaged { .. }) && refusal.to_string().contains(reason),
            "{sql}: {refusal}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn another_fabrics_journal_is_refused() -> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let journal = Journal::open(state.path(), owner(1))?;
    deploy(&journal, "first", b"one").await?;
    drop(journal);
    let refusal = Journal::open(state.path(), owner(2))
        .err()
        .ok_or("another key")?;
    assert!(matches!(refusal, JournalError::Damaged { .. }), "{refusal}");
    Ok(())
}

#[test]
fn a_file_that_is_no_journal_is_refused() -> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    tamper(state.path(), "CREATE TABLE somebody_elses (value TEXT)");
    let refusal = Journal::open(state.path(), owner(1))
        .err()
        .ok_or("opened")?;
    assert!(matches!(refusal, JournalError::Foreign { .. }), "{refusal}");
    Ok(())
}

#[test]
fn a_folder_in_use_is_refused_and_readers_are_not() -> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let _journal = Journal::open(state.path(), owner(1))?;
    let refusal = Journal::open(state.path(), owner(1))
        .err()
        .ok_or("opened twice")?;
    assert!(matches!(refusal, JournalError::InUse(_)), "{refusal}");
    assert_eq!(Journal::open_for_reading(state.path())?.log_size()?, 0);
    Ok(())
}

#[test]
fn a_state_folder_that_is_none_is_refused_with_the_way_out()
-> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    std::fs::write(&file, "text")?;
    let writing = Journal::open(&file, owner(1)).err().ok_or("a file")?;
    let below = Journal::open(&file.join("state"), owner(1))
        .err()
        .ok_or("below a file")?;
    let reading = Journal::open_for_reading(&file).err().ok_or("a file")?;
    for refusal in [writing, below, reading] {
        assert!(matches!(refusal, JournalError::NotAFolder(_)), "{refusal}");
        assert!(refusal.to_string().contains("--state"), "{refusal}");
    }
    let missing = Journal::open_for_reading(&folder.path().join("none"))
        .err()
        .ok_or("nothing")?;
    assert!(matches!(missing, JournalError::NoFolder(_)), "{missing}");
    Ok(())
}

#[test]
fn a_journal_of_another_schema_is_refused_with_the_way_out()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    drop(Journal::open(state.path(), owner(1))?);
    tamper(state.path(), "PRAGMA user_version = 1");
    let writing = Journal::open(state.path(), owner(1)).err().ok_or("old")?;
    let reading = Journal::open_for_reading(state.path()).err().ok_or("old")?;
    for refusal in [writing, reading] {
        let said = refusal.to_string();
        assert!(matches!(refusal, JournalError::Foreign { .. }), "{said}");
        assert!(
            said.contains("schema version 1") && said.contains("the fabric that wrote it"),
            "{said}"
        );
    }
    Ok(())
}

#[test]
fn what_is_no_database_is_refused_with_the_way_out() -> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    std::fs::write(state.path().join("journal.sqlite"), "text ".repeat(1_000))?;
    let writing = Journal::open(state.path(), owner(1)).err().ok_or("text")?;
    let reading = Journal::open_for_reading(state.path())
        .err()
        .ok_or("text")?;
    for refusal in [writing, reading] {
        assert!(
            refusal.to_string().contains("restore a backup"),
            "{refusal}"
        );
    }
    assert_eq!(
        std::fs::metadata(state.path().join("journal.sqlite"))?.len(),
        5_000
    );
    Ok(())
}

//! What a crash leaves of the log: SIGKILL at any moment, a journal cut off at any byte.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use cryptlet_attest::log::{self, Checkpoint};
use cryptlet_attest::{CheckpointKey, Hash, KeyEntry, LogEntry, TrustedKey};
use cryptlet_fabric::journal::{CheckpointRow, Journal, JournalError, LogOwner};
use cryptlet_fabric::publish::{CHECKPOINT, Publisher};
use ed25519_dalek::SigningKey;

type TestResult = Result<(), Box<dyn std::error::Error>>;

const ORIGIN: &str = "fabric.example/log";
/// Where the child that is to be killed works.
const STATE: &str = "CRYPTLET_CRASHING_STATE";

struct Owner(SigningKey);

impl LogOwner for Owner {
    fn origin(&self) -> &str {
        ORIGIN
    }

    fn key(&self) -> &dyn CheckpointKey {
        &self.0
    }
}

fn signing() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn trusted() -> TrustedKey {
    TrustedKey::new(ORIGIN, &CheckpointKey::public(&signing())).expect("a key")
}

fn open(state: &Path) -> Result<Journal, JournalError> {
    Journal::open(state, Arc::new(Owner(signing())))
}

/// The first entry is the log's key, and here all others are too.
async fn grow(journal: &Journal, count: usize) -> Result<(), JournalError> {
    journal
        .commit(move |writing| {
            for _ in 0..count {
                writing.append(&LogEntry::Key(KeyEntry {
                    name: ORIGIN.into(),
                    algorithm: "ed25519".into(),
                    purpose: "attestation".into(),
                    public: CheckpointKey::public(&signing()).to_vec(),
                }))?;
            }
            Ok(())
        })
        .await
}

fn read(note: &str) -> Checkpoint {
    log::open_checkpoint(note, &[trusted()]).expect("a published checkpoint is whole")
}

/// Not a test: what `kills_at_any_moment_never_take_a_published_checkpoint_back` kills.
#[tokio::test]
#[ignore = "runs until it is killed"]
async fn a_host_that_commits_and_publishes() -> TestResult {
    let state = std::env::var_os(STATE).ok_or("this is for another test to start")?;
    let state = Path::new(&state);
    let journal = open(state)?;
    let publisher = Publisher::new(&state.join("log"), trusted());
    publisher.check(&journal)?;
    for count in (1..60).cycle() {
        grow(&journal, count).await?;
        publisher.publish(&journal)?;
    }
    Ok(())
}

fn start(state: &Path) -> Result<Child, Box<dyn std::error::Error>> {
    let child = Command::new(std::env::current_exe()?)
        .args(["--ignored", "--exact", "a_host_that_commits_and_publishes"])
        .env(STATE, state)
        .stdout(Stdio::null())
        .spawn()?;
    Ok(child)
}

#[tokio::test]
async fn kills_at_any_moment_never_take_a_published_checkpoint_back() -> TestResult {
    let home = tempfile::tempdir()?;
    let state = home.path().join("state");
    let published = state.join("log").join(CHECKPOINT);
    let mut seen = BTreeSet::new();
    for round in 0..8_usize {
        let mut host = start(&state)?;
        let before = seen.len();
        // Some more glances after some more checkpoints: another moment each time.
        let mut glances = round * 173;
        while seen.len() < before + 2 + round % 3 || glances > 0 {
            if let Ok(note) = fs::read_to_string(&published) {
                seen.insert(note);
            }
            if seen.len() >= before + 2 + round % 3 {
                glances = glances.saturating_sub(1);
            }
            assert!(host.try_wait()?.is_none(), "it runs until it is killed");
        }
        host.kill()?;
        host.wait()?;
        let journal = open(&state)?;
        let publisher = Publisher::new(&state.join("log"), trusted());
        publisher.check(&journal)?;
        journal.verify_log()?;
        for note in &seen {
            let checkpoint = read(note);
            let (newest, proof) = journal
                .consistency(checkpoint.size)?
                .ok_or("the journal has all that was published")?;
            let root = Hash(newest.root);
            log::check_consistency(
                &proof,
                checkpoint.size,
                &checkpoint.root,
                newest.size,
                &root,
            )?;
        }
        if round % 2 == 0 {
            publisher.publish(&journal)?;
            seen.insert(fs::read_to_string(&published)?);
        }
    }
    let sizes: BTreeSet<u64> = seen.iter().map(|note| read(note).size).collect();
    assert_eq!(sizes.len(), seen.len(), "no size was signed twice");
    Ok(())
}

/// A journal's files while it is open, and how long the write-ahead log was before the last commit.
struct Crashed {
    database: Vec<u8>,
    ahead: Vec<u8>,
    durable: usize,
    before: CheckpointRow,
    after: CheckpointRow,
}

async fn crashed(state: &Path) -> Result<Crashed, Box<dyn std::error::Error>> {
    let journal = open(state)?;
    let ahead = state.join("journal.sqlite-wal");
    grow(&journal, 300).await?;
    let before = journal.newest_checkpoint()?.ok_or("leaves")?;
    let durable = usize::try_from(fs::metadata(&ahead)?.len())?;
    grow(&journal, 1).await?;
    let after = journal.newest_checkpoint()?.ok_or("leaves")?;
    Ok(Crashed {
        database: fs::read(state.join("journal.sqlite"))?,
        ahead: fs::read(&ahead)?,
        durable,
        before,
        after,
    })
}

impl Crashed {
    fn is_one_of_both(&self, found: Option<CheckpointRow>) -> bool {
        [&self.before, &self.after]
            .map(|row| Some(row.clone()))
            .contains(&found)
    }

    /// Reads the journal at each length of the write-ahead log from `to` down to `from`.
    fn read_down(&self, from: usize, to: usize) -> Result<(), JournalError> {
        let state = tempfile::tempdir().expect("a folder");
        let failed = "a file in a folder of this test";
        let (database, ahead) = (
            state.path().join("journal.sqlite"),
            state.path().join("journal.sqlite-wal"),
        );
        fs::write(&database, &self.database).expect(failed);
        fs::write(&ahead, &self.ahead[..to]).expect(failed);
        let file = OpenOptions::new().write(true).open(&ahead).expect(failed);
        for length in (from..=to).rev() {
            file.set_len(length as u64).expect(failed);
            // An index of what was there before; no process that crashed leaves a true one.
            drop(fs::remove_file(state.path().join("journal.sqlite-shm")));
            let journal = Journal::open_for_reading(state.path())?;
            let newest = journal.newest_checkpoint()?;
            assert_eq!(
                Some(journal.log_size()?),
                newest.as_ref().map(|row| row.size)
            );
            assert!(self.is_one_of_both(newest), "cut off at {length}");
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_journal_cut_off_at_any_byte_of_its_last_commit_has_that_or_the_one_before() -> TestResult
{
    let state = tempfile::tempdir()?;
    let crashed = crashed(state.path()).await?;
    let (from, to) = (crashed.durable, crashed.ahead.len());
    assert!(to > from + 4_096, "the commit wrote pages");
    let part = (to - from).div_ceil(4);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (from..=to)
            .step_by(part)
            .map(|start| {
                let crashed = &crashed;
                scope.spawn(move || crashed.read_down(start, (start + part - 1).min(to)))
            })
            .collect();
        readers.into_iter().try_for_each(|reader| {
            reader
                .join()
                .expect("it asserts and does not panic otherwise")
        })
    })?;
    Ok(())
}

#[tokio::test]
async fn a_journal_cut_off_at_a_page_of_its_last_commit_goes_on() -> TestResult {
    let state = tempfile::tempdir()?;
    let crashed = crashed(state.path()).await?;
    let page = 24 + 4_096;
    let ends = (crashed.durable..=crashed.ahead.len()).step_by(page);
    let cuts = ends.flat_map(|end| [end.saturating_sub(1), end, end + 1]);
    for cut in cuts.filter(|cut| (crashed.durable..=crashed.ahead.len()).contains(cut)) {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("journal.sqlite"), &crashed.database)?;
        fs::write(
            folder.path().join("journal.sqlite-wal"),
            &crashed.ahead[..cut],
        )?;
        let journal = open(folder.path())?;
        let left = journal.newest_checkpoint()?;
        assert!(crashed.is_one_of_both(left.clone()), "cut off at {cut}");
        grow(&journal, 2).await?;
        journal.verify_log()?;
        let left = read(&left.ok_or("a checkpoint")?.note);
        journal.check_begins_with(&left)?;
    }
    Ok(())
}

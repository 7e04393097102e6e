//! What a crash in the middle of a move leaves: the stages before it or after it, never between.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cryptlet_attest::{BindingId, LogEntry, Measurement};
use rusqlite::Connection;
use semver::Version;

use super::moves::{moved, row, three_versions};
use crate::journal::scene::{accept, execute, owner};
use crate::journal::{Journal, JournalError, VersionRow};
use crate::versions::{MoveKind, Stage, StageRow};

type TestResult = Result<(), Box<dyn std::error::Error>>;

/// Where the child that is to be killed works.
const STATE: &str = "CRYPTLET_MOVING_STATE";

fn first() -> VersionRow {
    VersionRow {
        measurement: Measurement::of(b"swap"),
        version: Version::new(1, 0, 0),
        ..row(0)
    }
}

/// Not a test: what the one below kills. It says on its output how many moves it has made.
#[tokio::test]
#[ignore = "runs until it is killed"]
async fn a_host_that_moves_versions() -> TestResult {
    let state = std::env::var_os(STATE).ok_or("this is for another test to start")?;
    let journal = Journal::open(Path::new(&state), owner(1))?;
    let binding = only_binding(&journal)?;
    for round in 0_u64.. {
        // Whoever was killed may have left anything.
        while let Some(waiting) = journal.next_accepted(&binding, 1)?.pop() {
            run(&journal, binding, waiting.number).await?;
        }
        retain_drained(&journal, binding).await?;
        let stages = journal.stages(&binding)?;
        let of = |version: &VersionRow| {
            let found = stages.iter().find(|row| row.version == version.version);
            found.map(|row| row.stage)
        };
        let (active, candidate) = if of(&first()) == Some(Stage::Active) {
            (first(), row(1))
        } else {
            (row(1), first())
        };
        let key = format!("{}-{round}", std::process::id());
        let number = accept(&journal, binding, &key).await?;
        if of(&candidate) != Some(Stage::Canary) {
            moved(&journal, binding, candidate.clone(), MoveKind::Canaried).await?;
        }
        moved(&journal, binding, candidate, MoveKind::Promoted).await?;
        run(&journal, binding, number).await?;
        moved(&journal, binding, active, MoveKind::RolledBack).await?;
        println!("moved {round}");
    }
    Ok(())
}

/// As a run becomes durable: with the last of its version, that is retained.
async fn run(journal: &Journal, binding: BindingId, number: u64) -> Result<(), JournalError> {
    execute(journal, binding, number, &[]).await?;
    retain_drained(journal, binding).await
}

async fn retain_drained(journal: &Journal, binding: BindingId) -> Result<(), JournalError> {
    let retained = journal
        .commit(move |writing| writing.retain_drained(&binding, "interest-rate-swap", 3))
        .await;
    retained.map(drop)
}

fn only_binding(journal: &Journal) -> Result<BindingId, Box<dyn std::error::Error>> {
    let bindings = journal.bindings()?;
    Ok(bindings.first().ok_or("there is one")?.document.id())
}

fn is_active(row: &StageRow) -> bool {
    row.stage == Stage::Active
}

fn start(state: &Path) -> Result<Child, Box<dyn std::error::Error>> {
    let child = Command::new(std::env::current_exe()?)
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("journal::tests::killed::a_host_that_moves_versions")
        .env(STATE, state)
        .stdout(Stdio::piped())
        .spawn()?;
    Ok(child)
}

/// One version is active, it is the one that the binding names, and the stages are what the moves
/// made them, each of which is legal and has its leaf.
fn check(journal: &Journal, binding: &BindingId) -> Result<usize, Box<dyn std::error::Error>> {
    let stages = journal.stages(binding)?;
    let active: Vec<_> = stages.iter().filter(|row| is_active(row)).collect();
    assert_eq!(active.len(), 1, "{stages:?}");
    assert_eq!(journal.bindings()?[0].active, active[0].version);
    let moves = journal.version_moves(binding)?;
    let leaves = journal.leaves(0, u32::MAX)?;
    let mut made = std::collections::BTreeMap::new();
    for (ordinal, moved) in moves.iter().enumerate() {
        assert_eq!(moved.ordinal, ordinal as u64);
        let stage = made
            .insert(moved.version.clone(), moved.to)
            .unwrap_or(Stage::Deployed);
        assert!(
            stage == moved.from && stage.may_become(moved.to),
            "{moved:?}"
        );
        let leaf = &leaves[usize::try_from(moved.leaf)?];
        match LogEntry::from_bytes(&leaf.entry)? {
            LogEntry::Version(entry) => assert_eq!(entry.change, moved.kind.change()),
            LogEntry::Binding(_) => assert_eq!(moved.kind, MoveKind::Activated),
            other => return Err(format!("{moved:?} tells of itself by {}", other.kind()).into()),
        }
    }
    for row in &stages {
        let stage = made.get(&row.version).copied().unwrap_or(Stage::Deployed);
        assert_eq!(stage, row.stage, "{row:?}");
    }
    Ok(moves.len())
}

#[tokio::test]
async fn kills_in_the_middle_of_moves_leave_exactly_one_active_version() -> TestResult {
    let home = tempfile::tempdir()?;
    let state = home.path().join("state");
    let (journal, binding) = three_versions(&state).await?;
    let mut before = check(&journal, &binding)?;
    drop(journal);
    for round in 0..8_usize {
        let mut host = start(&state)?;
        let output = host.stdout.take().ok_or("its output is piped")?;
        let mut told = BufReader::new(output)
            .lines()
            .filter(|line| line.as_ref().map_or(true, |line| line.contains("moved")));
        for _ in 0..=round % 3 {
            told.next().ok_or("it runs until it is killed")??;
        }
        // Another moment each time, told in work of this process and not in time.
        for _ in 0..round * 29 {
            drop(fs::read(state.join("journal.sqlite-wal"))?);
        }
        host.kill()?;
        host.wait()?;
        let journal = Journal::open(&state, owner(1))?;
        journal.verify_log()?;
        let after = check(&journal, &binding)?;
        assert!(after > before, "it moved");
        before = after;
    }
    Ok(())
}

#[tokio::test]
async fn a_promotion_cut_off_at_any_place_of_its_commit_has_happened_or_has_not() -> TestResult {
    let home = tempfile::tempdir()?;
    let (journal, binding) = three_versions(home.path()).await?;
    let file = home.path().join("journal.sqlite");
    let ahead = home.path().join("journal.sqlite-wal");
    let durable = fs::metadata(&ahead)?.len();
    let moves = journal.version_moves(&binding)?.len();
    moved(&journal, binding, row(1), MoveKind::Promoted).await?;
    let (database, written) = (fs::read(&file)?, fs::read(&ahead)?);
    let mut seen = std::collections::BTreeSet::new();
    for cut in (usize::try_from(durable)?..=written.len())
        .step_by(512)
        .chain([written.len()])
    {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("journal.sqlite"), &database)?;
        fs::write(folder.path().join("journal.sqlite-wal"), &written[..cut])?;
        let journal = Journal::open(folder.path(), owner(1))?;
        seen.insert(check(&journal, &binding)? - moves);
    }
    assert_eq!(seen, [0, 3].into(), "none of its moves, or all of them");
    Ok(())
}

#[tokio::test]
async fn the_journal_itself_refuses_a_second_active_version() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = three_versions(state.path()).await?;
    moved(&journal, binding, row(1), MoveKind::Promoted).await?;
    drop(journal);
    let connection = Connection::open(state.path().join("journal.sqlite"))?;
    let refusal = connection
        .execute("UPDATE stage SET stage = 'active'", [])
        .expect_err("two would be active");
    assert!(refusal.to_string().contains("UNIQUE"), "{refusal}");
    Ok(())
}

//! The whole way: accepted, run, sealed, committed, in batches that follow one another without a gap.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rusqlite::{Connection, OpenFlags, params};

use crate::contest::{Case, Contest};
use crate::versions::{Host, Lanes, Load};

/// How much is sent.
pub struct Sizes {
    /// Bindings; every second one keeps state.
    pub bindings: usize,
    /// Callers of each, which send as soon as they are answered.
    pub callers: usize,
    /// Messages in one round.
    pub invocations: u64,
    /// Rounds that count.
    pub rounds: usize,
}

/// A fabric with its log, against SQLite that inserts the bytes which the fabric kept, in as many and
/// as large commits, durable as well.
pub fn hold(sizes: &Sizes) -> Result<Case> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let lanes = Arc::new(Lanes::default());
    let host = runtime.block_on(Host::start(2, sizes.bindings, Arc::clone(&lanes) as _))?;
    let mut load = runtime.block_on(async { Load::new(&host, &lanes, sizes.callers) })?;
    // Compiles, opens files and fills caches.
    runtime.block_on(load.drive(sizes.invocations, 1, None))?;
    let before = kept(&host.journal())?;
    runtime.block_on(load.drive(sizes.invocations, 1, None))?;
    let batches = kept(&host.journal())?.split_off(before.len());
    ensure!(!batches.is_empty(), "the log did not grow");
    let folder = tempfile::tempdir()?;
    let mut rival = Table::open(&folder.path().join("rival.sqlite"))?;
    let case = Contest {
        case: "accepted, run, sealed and committed",
        rival_name: "SQLite inserting as many bytes in the same batches",
        unit: "invocations/s",
        bar: 0.5,
        amount: usize::try_from(sizes.invocations)?,
        rounds: sizes.rounds,
    }
    .hold(
        || {
            Ok(runtime
                .block_on(load.drive(sizes.invocations, 1, None))?
                .time)
        },
        || rival.insert(&batches),
    )?;
    runtime.block_on(load.end());
    Ok(case)
}

/// The lengths of what each commit left: a leaf and all that is kept with it.
fn kept(journal: &Path) -> Result<Vec<Vec<usize>>> {
    let connection = Connection::open_with_flags(journal, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut sizes = connection.prepare("SELECT size FROM checkpoint ORDER BY size")?;
    let ends = sizes.query_map((), |row| row.get::<_, i64>(0))?;
    let mut leaves = connection.prepare(
        "SELECT length(entry)
             + coalesce((SELECT length(input) + length(seed) + length(salt) + length(occurrence)
                         FROM invocation WHERE invocation.leaf = position), 0)
             + coalesce((SELECT length(input) + length(transcript) + coalesce(length(reply), 0)
                         FROM execution WHERE execution.leaf = position), 0)
         FROM leaf WHERE position >= ?1 AND position < ?2 ORDER BY position",
    )?;
    let mut batches = Vec::new();
    let mut begin = 0;
    for end in ends {
        let end = end?;
        let batch = leaves.query_map(params![begin, end], |row| {
            Ok(usize::try_from(row.get::<_, i64>(0)?).unwrap_or_default())
        })?;
        batches.push(batch.collect::<Result<_, _>>()?);
        begin = end;
    }
    Ok(batches)
}

/// A table that only holds bytes, with the journal's settings.
struct Table {
    connection: Connection,
}

impl Table {
    fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE kept (position INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT",
        )?;
        Ok(Self { connection })
    }

    fn insert(&mut self, batches: &[Vec<usize>]) -> Result<Duration> {
        let longest = batches.iter().flatten().max().copied().unwrap_or_default();
        let bytes = vec![7_u8; longest];
        let begin = Instant::now();
        for batch in batches {
            let transaction = self.connection.transaction()?;
            {
                let mut insert =
                    transaction.prepare_cached("INSERT INTO kept (bytes) VALUES (?1)")?;
                for length in batch {
                    insert.execute([&bytes[..*length]])?;
                }
            }
            transaction.commit()?;
        }
        Ok(begin.elapsed())
    }
}

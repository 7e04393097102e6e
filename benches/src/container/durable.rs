//! The whole way: accepted, run, sealed, committed, in batches that follow one another without a gap.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rusqlite::{Connection, OpenFlags};

use crate::contest::{Case, Contest};
use crate::versions::{Host, Lanes, Load};

/// How much is sent.
pub struct Sizes {
    /// Bindings; every second one keeps state.
    pub bindings: usize,
    /// Callers of each, which send as soon as they are answered.
    pub callers: usize,
    /// Messages in one round, of those that bring next to nothing; of those with a document, a fifth.
    /// A round must be long enough for several checkpoints of the write-ahead log: each copies 64 MiB, and
    /// where only every other round has one, the median tells of either with it or without.
    pub invocations: u64,
    /// Rounds that count.
    pub rounds: usize,
}

/// What each message brings (next to nothing, or a document of a few pages), and by how much fewer there are.
const MESSAGES: [(&str, usize, u64); 2] = [
    ("accepted, run, sealed and committed", 0, 1),
    (
        "the same with a document of 4 KiB in each message",
        4 << 10,
        5,
    ),
];

/// A fabric with its log, against SQLite that inserts as many bytes as the fabric's tables grew by, a
/// row for each leaf, in as many and as large commits, durable as well.
pub fn hold(sizes: &Sizes) -> Result<Vec<Case>> {
    MESSAGES
        .iter()
        .map(|(name, document, share)| hold_one(name, *document, sizes.invocations / share, sizes))
        .collect()
}

fn hold_one(name: &'static str, document: usize, invocations: u64, sizes: &Sizes) -> Result<Case> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let lanes = Arc::new(Lanes::default());
    let host = runtime.block_on(Host::start(2, sizes.bindings, Arc::clone(&lanes) as _))?;
    let mut load = runtime.block_on(async { Load::new(&host, &lanes, sizes.callers) })?;
    load.send_documents(document);
    // Compiles, opens files and fills caches.
    runtime.block_on(load.drive(invocations, 1, None))?;
    let before = Kept::of(&host.journal())?;
    runtime.block_on(load.drive(invocations, 1, None))?;
    let inserts = Kept::of(&host.journal())?.since(&before)?;
    let folder = tempfile::tempdir()?;
    let mut rival = Table::open(&folder.path().join("rival.sqlite"))?;
    let case = Contest {
        case: name,
        rival_name: "SQLite inserting as many bytes in the same batches",
        unit: "invocations/s",
        bar: 0.5,
        amount: usize::try_from(invocations)?,
        rounds: sizes.rounds,
    }
    .hold(
        || Ok(runtime.block_on(load.drive(invocations, 1, None))?.time),
        || rival.insert(&inserts),
    )?;
    runtime.block_on(load.end());
    Ok(case)
}

/// What a journal holds.
struct Kept {
    /// Leaves after each commit.
    ends: Vec<u64>,
    /// Bytes of all rows of all tables; what indexes repeat of them is not among them.
    bytes: u64,
}

impl Kept {
    fn of(journal: &Path) -> Result<Self> {
        let connection = Connection::open_with_flags(journal, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let bytes: i64 = connection.query_row(
            "SELECT sum(payload) FROM dbstat
             WHERE name IN (SELECT name FROM sqlite_schema WHERE type = 'table')",
            (),
            |row| row.get(0),
        )?;
        let mut sizes = connection.prepare("SELECT size FROM checkpoint ORDER BY size")?;
        let ends = sizes.query_map((), |row| row.get::<_, i64>(0))?;
        Ok(Self {
            ends: ends
                .map(|end| Ok(end?.cast_unsigned()))
                .collect::<Result<_>>()?,
            bytes: bytes.cast_unsigned(),
        })
    }

    /// What came after `before`: a row for each leaf, in the commits that brought them.
    fn since(&self, before: &Self) -> Result<Inserts> {
        let mut begin = before.ends.last().copied().unwrap_or_default();
        let leaves = self.ends.last().copied().unwrap_or_default() - begin;
        ensure!(leaves > 0, "the log did not grow");
        let mut batches = Vec::new();
        for end in &self.ends[before.ends.len()..] {
            batches.push(end - begin);
            begin = *end;
        }
        Ok(Inserts {
            batches,
            row: usize::try_from((self.bytes - before.bytes) / leaves)?,
        })
    }
}

/// What the rival inserts.
struct Inserts {
    /// Rows of each commit.
    batches: Vec<u64>,
    /// Bytes of a row.
    row: usize,
}

/// A table that only holds bytes, with the journal's settings: pages of 16 KiB, 64 MiB of them in memory,
/// and as many written ahead.
struct Table {
    connection: Connection,
}

impl Table {
    fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "page_size", 16_384)?;
        connection.pragma_update(None, "cache_size", -64 * 1_024)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 4_096)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE kept (position INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT",
        )?;
        Ok(Self { connection })
    }

    fn insert(&mut self, inserts: &Inserts) -> Result<Duration> {
        let bytes = vec![7_u8; inserts.row];
        let begin = Instant::now();
        for rows in &inserts.batches {
            let transaction = self.connection.transaction()?;
            {
                let mut insert =
                    transaction.prepare_cached("INSERT INTO kept (bytes) VALUES (?1)")?;
                for _ in 0..*rows {
                    insert.execute([&bytes])?;
                }
            }
            transaction.commit()?;
        }
        Ok(begin.elapsed())
    }
}

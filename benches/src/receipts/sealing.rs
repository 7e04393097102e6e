//! Sealing and logging receipts, against inserting the same bytes into SQLite.

use std::time::{Duration, Instant};

use anyhow::Result;
use cryptlet_attest::TrustedKey;
use rusqlite::{Connection, params};

use super::statement::Run;
use super::{Sizes, log};
use crate::contest::{Case, Contest};

/// Both write durably, in the same batches, into files in the same folder.
pub fn hold(sizes: &Sizes) -> Result<Case> {
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let journal = log::empty(folder.path())?;
    let mut rival = Table::open(&folder.path().join("rival.sqlite"))?;
    let count = sizes.batch * sizes.batches;
    let runs: Vec<Run> = (0..count as u64).map(Run::new).collect();
    let key = TrustedKey::new(log::ORIGIN, log::key().verifying_key().as_bytes())?.identity();
    let sealed = runs.iter().map(|run| run.seal(None, &key).to_bytes());
    let entries: Vec<Vec<u8>> = sealed.collect();

    let ours = || {
        let mut spent = Duration::ZERO;
        for batch in runs.chunks(sizes.batch) {
            let (batch, key) = (batch.to_vec(), key.clone());
            let begin = Instant::now();
            runtime.block_on(journal.commit(move |writing| {
                for run in &batch {
                    writing.append(&run.seal(None, &key))?;
                }
                Ok(())
            }))?;
            spent += begin.elapsed();
        }
        Ok(spent)
    };
    let theirs = || {
        let begin = Instant::now();
        for batch in entries.chunks(sizes.batch) {
            rival.insert(batch)?;
        }
        Ok(begin.elapsed())
    };
    Contest {
        case: "seal and log receipts, batches of 256, durable",
        rival_name: "SQLite inserting the same bytes in the same batches",
        unit: "receipts/s",
        bar: 0.6,
        amount: count,
        rounds: sizes.rounds,
    }
    .hold(ours, theirs)
}

/// A table that only holds bytes, with the journal's settings.
struct Table {
    connection: Connection,
}

impl Table {
    fn open(path: &std::path::Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE receipt (position INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT",
        )?;
        Ok(Self { connection })
    }

    fn insert(&mut self, entries: &[Vec<u8>]) -> Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO receipt (entry) VALUES (?1)")?;
            for entry in entries {
                insert.execute(params![entry])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

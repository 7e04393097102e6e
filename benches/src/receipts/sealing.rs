//! Sealing and logging receipts, against inserting the same bytes into SQLite.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use cryptlet_attest::TrustedKey;
use cryptlet_fabric::journal::JournalError;
use rusqlite::{Connection, params};
use tokio::task::JoinHandle;

use super::statement::Run;
use super::{Sizes, log};
use crate::contest::{Case, Contest};

/// Both write durably, in the same batches, into files in the same folder. As in a fabric, batches are
/// sealed while the journal's writer commits those before, and each is a commit of its own.
pub fn hold(sizes: &Sizes) -> Result<Case> {
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()?;
    let journal = Arc::new(log::empty(folder.path())?);
    let mut rival = Table::open(&folder.path().join("rival.sqlite"))?;
    let count = sizes.batch * sizes.batches;
    let runs: Vec<Run> = (0..count as u64).map(Run::new).collect();
    let key = TrustedKey::new(log::ORIGIN, log::key().verifying_key().as_bytes())?.identity();
    let sealed = runs.iter().map(|run| run.seal(None, &key).to_bytes());
    let entries: Vec<Vec<u8>> = sealed.collect();

    let ours = || {
        let begin = Instant::now();
        let mut before: Option<JoinHandle<Result<(), JournalError>>> = None;
        for batch in runs.chunks(sizes.batch) {
            let sealed = batch.iter().map(|run| run.seal(None, &key).encoded());
            let sealed = sealed.collect::<Result<Vec<_>, _>>()?;
            let journal = Arc::clone(&journal);
            let commit = runtime.spawn(async move {
                journal
                    .commit(move |writing| {
                        for entry in &sealed {
                            writing.append_encoded(entry)?;
                        }
                        Ok(sealed)
                    })
                    .await
                    .map(drop)
            });
            if let Some(before) = before.replace(commit) {
                runtime.block_on(before)??;
            }
        }
        if let Some(last) = before {
            runtime.block_on(last)??;
        }
        Ok(begin.elapsed())
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

//! Connections to read the journal with: one for each processor, so that readers who run at the same
//! time do not wait for each other.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{JournalError, store};

/// Most connections of one process: each has files open and pages in memory.
const MOST: usize = 8;
/// Statements that a connection keeps ready; the fabric has about as many. SQLite's caller keeps 16
/// by itself, and a seventeenth would have each of them compiled again and again.
const STATEMENTS: usize = 128;

pub(super) struct Readers {
    connections: Vec<Mutex<Connection>>,
    /// Whom the next reader waits for if all are taken.
    next: AtomicUsize,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let connections = (0..processors.clamp(1, MOST))
            .map(|_| open(path).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            connections,
            next: AtomicUsize::new(0),
        })
    }

    /// A connection of one's own until it is dropped.
    pub(super) fn take(&self) -> MutexGuard<'_, Connection> {
        for connection in &self.connections {
            match connection.try_lock() {
                Ok(taken) => return taken,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        self.connections[next]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has statements compiled once: not again for each value that they are asked with, as SQLite does
/// where the value could make for another plan. Ours are written for the one plan that they have.
pub(super) fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn open(path: &Path) -> Result<Connection, JournalError> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        keep_statements(&connection)?;
        Ok(connection)
    };
    open().map_err(|source| store(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_read_at_once_have_a_connection_each_and_more_take_turns() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.sqlite");
        Connection::open(&path)
            .and_then(|journal| {
                journal.execute_batch("CREATE TABLE t (n); INSERT INTO t VALUES (7)")
            })
            .expect("a journal");
        let readers = Readers::open(&path).expect("connections");
        let read = |connection: &Connection| {
            connection.query_row("SELECT n FROM t", [], |row| row.get::<_, i64>(0))
        };
        let mut held: Vec<_> = readers.connections.iter().map(|_| readers.take()).collect();
        assert!(held.iter().all(|connection| read(connection) == Ok(7)));
        thread::scope(|scope| {
            let late = scope.spawn(|| read(&readers.take()));
            held.clear();
            assert_eq!(late.join().expect("it does not panic"), Ok(7));
        });
    }
}

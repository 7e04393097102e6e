//! The durable record: one SQLite file, one writer that commits in groups, a transparency log in it.
//!
//! Whatever joins a commit is durable together or not at all, and every commit that adds leaves to
//! the log carries the checkpoint over them. Nothing is shown to anyone before its commit is on
//! disk (`synchronous=FULL`).

mod agreements;
mod audit;
mod bearing;
mod bindings;
mod candidates;
mod changes;
mod deliveries;
mod documents;
mod folder;
mod invocations;
mod log;
mod migrations;
mod moves;
mod permissions;
mod proofs;
mod readers;
mod registrations;
mod runs;
#[cfg(test)]
pub(crate) mod scene;
mod stands;
mod states;
#[cfg(test)]
mod tests;
mod tiles;
mod traffic;
mod versions;
mod views;
mod writer;

pub use agreements::AgreementRow;
pub(crate) use bearing::{Bearing, Recorded};
pub use bindings::BindingRow;
pub(crate) use bindings::Standing;
pub(crate) use candidates::CandidateRow;
pub use candidates::{KEPT_SHADOW_RUNS, ShadowRunRow};
pub use changes::{ChangeRow, ChangeStatus};
pub(crate) use deliveries::Placement;
pub use deliveries::{AttemptRow, DeliveryRow, DeliveryStatus};
pub use folder::check_owner;
pub(crate) use invocations::{Acceptance, Earlier, NewExecution, NewInvocation, Occurred, Queued};
pub use invocations::{AcceptedRow, ExecutionRow, PublishedEvent, Recording};
pub use log::LogOwner;
pub(crate) use log::encoded;
pub(crate) use migrations::{Rewrite, RewrittenState, StateVersions};
pub(crate) use moves::{Running, moved_meanwhile};
pub(crate) use registrations::RegistrationStatus;
pub use runs::RunPlace;
pub use versions::VersionRow;
pub use views::{
    BindingCounts, CarriedDelivery, CheckpointRow, InvocationRow, LeafRow, PlacedEvent, ResultRow,
};
pub use writer::Writing;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, MutexGuard};

use rusqlite::Connection;

use crate::document;
use crate::versions::Stage;

const SCHEMA: &str = include_str!("schema.sql");
/// Stored in SQLite's `user_version`; another number is another fabric's journal.
const SCHEMA_VERSION: i64 = 5;
/// Bytes of a page: rows have a few kilobytes, and four times SQLite's default holds them without
/// gaps and writes a batch of them with a quarter of the calls.
const PAGE: u32 = 16_384;
/// What the writer keeps of the file in memory. Each binding has places of its own at the end of every
/// index; a commit for many of them touches them all, and must not write to read the next one.
const CACHED_KIBIBYTES: i64 = 64 * 1024;
/// Pages in the write-ahead log before they are copied into the file, 64 MiB of them: the ends of
/// indexes, which nearly every commit writes to, are copied the more seldom.
const WRITTEN_AHEAD: i64 = 4_096;
/// "CRYP": marks the file as a journal for `file(1)` and for us.
const APPLICATION_ID: i64 = 0x4352_5950;

/// The journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// SQLite reports a failure; the commit in progress, if any, did not happen.
    #[error("{}", store_failed(path, source))]
    Store {
        /// The journal's file.
        path: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// There is no room left for what was to be written.
    #[error(
        "the disk with the journal {path} is full; make room there and it goes on, nothing of this commit was kept and everything before it is safe"
    )]
    Full {
        /// The journal's file.
        path: String,
    },
    /// Another process holds the state folder.
    #[error("another process works in {0}; stop it, or name another state folder")]
    InUse(PathBuf),
    /// There is no state folder.
    #[error(
        "there is no state folder {0}; name one with --state, or make it with `cryptlet config init`"
    )]
    NoFolder(PathBuf),
    /// The host was never started.
    #[error("{0} has no journal yet; the first `cryptlet serve` makes it")]
    Unstarted(PathBuf),
    /// There is no journal where one is expected.
    #[error("{0} holds no journal; name the state folder of a fabric with --state")]
    Missing(PathBuf),
    /// The state folder is something else.
    #[error("{0} is not a folder; name the state folder of a fabric with --state")]
    NotAFolder(PathBuf),
    /// The user that this process runs as has no access.
    #[error("this user may not open {0}; run as the user that the state folder belongs to")]
    Denied(PathBuf),
    /// The state folder belongs to somebody else, who could not read what this process writes.
    #[error(
        "{path} belongs to user {owner}, and this process runs as user {user}; run it as that user, for example with `sudo -u '#{owner}'`"
    )]
    OtherUser {
        /// The state folder.
        path: PathBuf,
        /// Whose it is, by number.
        owner: u32,
        /// Who runs this process, by number.
        user: u32,
    },
    /// A file or folder could not be opened.
    #[error("cannot open {path}: {source}; see to it that the folder can be read and written")]
    Open {
        /// What was to be opened.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not a journal of this version.
    #[error(
        "{path} is not a journal of this fabric ({found}); restore a backup or use the fabric that wrote it"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        found: String,
    },
    /// The log inside the journal contradicts itself or its checkpoint.
    #[error(
        "the log in {path} is damaged: {reason}; restore a backup, and keep this file as evidence"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What does not fit.
        reason: String,
    },
    /// A larger log than the journal's was published under its name and key.
    #[error(
        "the journal {path} has {size} entries, but its log was published with {published}: this is an old copy, and it would sign a second history; restore the newest journal, or begin a new log with another name and key"
    )]
    Behind {
        /// The journal's file.
        path: PathBuf,
        /// How many entries the journal has.
        size: u64,
        /// How many the published checkpoint covers.
        published: u64,
    },
    /// Another log than the journal's was published under its name and key.
    #[error(
        "the journal {path} has another root over its first {size} entries than was published: there are two histories of this log; restore the journal that was published, and keep both as evidence"
    )]
    Forked {
        /// The journal's file.
        path: PathBuf,
        /// How many entries the published checkpoint covers.
        size: u64,
    },
    /// What is asked for stands already, or does not stand, in the journal.
    #[error("{0}")]
    Conflict(String),
    /// A version may not go from where it stands to where it was to be moved.
    #[error(
        "binding \"{binding}\": {version} is {from} and cannot become {to}; {remedy}, nothing was changed"
    )]
    IllegalMove {
        /// The binding's name.
        binding: String,
        /// The version.
        version: semver::Version,
        /// Where it stands.
        from: Stage,
        /// Where it was to go.
        to: Stage,
        /// What to do instead.
        remedy: String,
    },
    /// The checkpoint could not be signed.
    #[error("the checkpoint could not be signed: {0}; nothing of this commit was kept")]
    Signing(String),
    /// The commit that this was part of failed; everybody in it is told the same.
    #[error("the commit failed: {0}; nothing of it was kept")]
    Commit(String),
    /// The writer has stopped, or its disk failed before this was written.
    #[error("the journal takes no more writes; nothing was written")]
    Closed,
}

/// Says what an operator can do about it, as far as the reason tells.
fn store_failed(path: &str, source: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, SystemIoFailure};
    match source.sqlite_error_code() {
        Some(NotADatabase | DatabaseCorrupt) => format!(
            "the journal {path} is damaged: {source}; restore a backup, and keep this file as \
             evidence"
        ),
        Some(SystemIoFailure) => format!(
            "the journal {path} failed: {source}; see that its disk works and has room, nothing \
             of this commit was kept"
        ),
        _ => format!("the journal {path} failed: {source}; nothing of this commit was kept"),
    }
}

/// A journal that is open for reading, and for writing if it was opened with [`Journal::open`].
pub struct Journal {
    path: PathBuf,
    readers: readers::Readers,
    documents: documents::Documents,
    writer: Option<writer::Writer>,
    /// Held for as long as the journal may be written.
    _lock: Option<File>,
}

impl Journal {
    /// Opens the journal in the folder `state`, making it if there is none, and takes the folder
    /// for this process alone.
    ///
    /// # Errors
    ///
    /// If another process holds the folder, the file is not a journal, or its log is damaged or
    /// does not belong to `owner`.
    pub fn open(state: &Path, owner: Arc<dyn LogOwner>) -> Result<Self, JournalError> {
        folder::take(state)?;
        let lock = folder::lock(state)?;
        let path = state.join("journal.sqlite");
        // Salts, inputs and transcripts are in it; SQLite gives its other files the same mode.
        document::open_private(&path).map_err(|source| folder::not_opened(&path, source))?;
        let mut connection = Connection::open(&path).map_err(|source| store(&path, source))?;
        readers::keep_statements(&connection).map_err(|source| store(&path, source))?;
        prepare(&mut connection, &path)?;
        log::check(&connection, &path, owner.as_ref())?;
        let readers = readers::Readers::open(&path)?;
        let commits = Arc::<AtomicU64>::default();
        let documents = documents::Documents::new(Arc::clone(&commits));
        let writer = writer::Writer::start(connection, path.clone(), owner, commits)?;
        Ok(Self {
            path,
            readers,
            documents,
            writer: Some(writer),
            _lock: Some(lock),
        })
    }

    /// Opens the journal in the folder `state` for reading; a running fabric does not mind.
    ///
    /// # Errors
    ///
    /// If there is no journal, or the file is not one.
    pub fn open_for_reading(state: &Path) -> Result<Self, JournalError> {
        let path = state.join("journal.sqlite");
        folder::find(state, &path)?;
        let readers = readers::Readers::open(&path)?;
        check_identity(&readers.take(), &path)?;
        Ok(Self {
            path,
            readers,
            documents: documents::Documents::default(),
            writer: None,
            _lock: None,
        })
    }

    /// Runs `work` inside the next commit and returns once that commit is on disk.
    ///
    /// # Errors
    ///
    /// What `work` returns, in which case nothing of it is kept; or the commit's own failure.
    pub async fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let writer = self.writer.as_ref().ok_or(JournalError::Closed)?;
        writer.commit(false, work).await
    }

    /// The same for work that checks everything before it writes anything, and that leaves documents and
    /// active versions of bindings as they are: that costs half. Should it
    /// fail after it wrote all the same, the whole commit is undone, and everybody in it is told.
    ///
    /// # Errors
    ///
    /// As for [`commit`](Self::commit).
    pub(crate) async fn commit_checked<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let writer = self.writer.as_ref().ok_or(JournalError::Closed)?;
        writer.commit(true, work).await
    }

    fn read(&self) -> Reading<'_> {
        Reading {
            connection: self.readers.take(),
            path: &self.path,
        }
    }
}

/// A consistent look at the journal.
struct Reading<'a> {
    connection: MutexGuard<'a, Connection>,
    path: &'a Path,
}

impl Reading<'_> {
    fn all<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, JournalError> {
        let read = || -> rusqlite::Result<Vec<T>> {
            self.connection
                .prepare_cached(sql)?
                .query_map(parameters, row)?
                .collect()
        };
        read().map_err(|source| store(self.path, source))
    }

    /// Rows until those that there are weigh `most` or more.
    fn some<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        most: usize,
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
        weight: impl Fn(&T) -> usize,
    ) -> Result<Vec<T>, JournalError> {
        let read = || -> rusqlite::Result<Vec<T>> {
            let mut statement = self.connection.prepare_cached(sql)?;
            let (mut rows, mut weighed) = (Vec::new(), 0);
            for row in statement.query_map(parameters, row)? {
                let row = row?;
                weighed += weight(&row);
                rows.push(row);
                if weighed >= most {
                    break;
                }
            }
            Ok(rows)
        };
        read().map_err(|source| store(self.path, source))
    }

    fn one<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        row: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, JournalError> {
        use rusqlite::OptionalExtension as _;
        let read = || {
            self.connection
                .prepare_cached(sql)?
                .query_row(parameters, row)
                .optional()
        };
        read().map_err(|source| store(self.path, source))
    }
}

fn store(path: &Path, source: rusqlite::Error) -> JournalError {
    if is_full(&source, path) {
        return JournalError::Full {
            path: path.display().to_string(),
        };
    }
    JournalError::Store {
        path: path.display().to_string(),
        source,
    }
}

/// Whether SQLite says so, or the system did when SQLite wrote or grew a file.
fn is_full(error: &rusqlite::Error, path: &Path) -> bool {
    use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
    match error.sqlite_error_code() {
        Some(DiskFull) => true,
        Some(SystemIoFailure) => {
            // SQLite keeps the system's reason, such as a used up quota, to itself.
            error.sqlite_error().map(|error| error.extended_code) == Some(SHARED_MEMORY_NOT_GROWN)
                || path.parent().is_some_and(has_no_room)
        }
        _ => false,
    }
}

/// `SQLITE_IOERR_SHMSIZE`: the file beside the journal could not become longer.
const SHARED_MEMORY_NOT_GROWN: i32 = 10 | (19 << 8);

/// Asks the system itself whether a file in the folder may grow.
fn has_no_room(folder: &Path) -> bool {
    use std::io::{ErrorKind, Write as _};
    let grow = || -> std::io::Result<()> {
        let mut file = tempfile::tempfile_in(folder)?;
        file.write_all(&[0; 64 * 1024])?;
        file.sync_all()
    };
    grow().is_err_and(|error| {
        matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded
        )
    })
}

/// Reads a text column through `FromStr`.
fn parsed<T>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    converted(row, column, |text: String| {
        text.parse().map_err(|error: T::Err| error.to_string())
    })
}

/// Reads a column through a conversion that may refuse what somebody else wrote there.
fn converted<S: rusqlite::types::FromSql, T>(
    row: &rusqlite::Row<'_>,
    column: usize,
    convert: impl FnOnce(S) -> Result<T, String>,
) -> rusqlite::Result<T> {
    let stored = row.get(column)?;
    convert(stored).map_err(|reason| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            reason.into(),
        )
    })
}

fn prepare(connection: &mut Connection, path: &Path) -> Result<(), JournalError> {
    let fresh = {
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(|source| store(path, source))?;
        tables == 0
    };
    let set = |connection: &mut Connection| -> rusqlite::Result<()> {
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        if fresh {
            connection.pragma_update(None, "page_size", PAGE)?;
        }
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", -CACHED_KIBIBYTES)?;
        connection.pragma_update(None, "wal_autocheckpoint", WRITTEN_AHEAD)?;
        if fresh {
            let transaction = connection.transaction()?;
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            transaction.commit()?;
        }
        Ok(())
    };
    if !fresh {
        check_identity(connection, path)?;
    }
    set(connection).map_err(|source| store(path, source))
}

fn check_identity(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let read = |name: &str| -> Result<i64, JournalError> {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|source| store(path, source))
    };
    let foreign = |found: String| JournalError::Foreign {
        path: path.to_owned(),
        found,
    };
    let application = read("application_id")?;
    if application != APPLICATION_ID {
        return Err(foreign(format!("application id {application:#x}")));
    }
    let version = read("user_version")?;
    if version != SCHEMA_VERSION {
        return Err(foreign(format!(
            "schema version {version}, not {SCHEMA_VERSION}"
        )));
    }
    Ok(())
}

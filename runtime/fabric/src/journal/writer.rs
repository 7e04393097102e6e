//! The one writer: takes whatever waits, commits it as one group, then answers everybody.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use rusqlite::{Connection, Savepoint, TransactionBehavior};
use tokio::sync::oneshot;

use super::log::{self, LogOwner};
use super::{JournalError, store};

/// Most jobs that share one commit; beyond that, those who came first wait for too long.
const GROUP: usize = 256;

/// What a job may do inside its commit.
pub struct Writing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) path: &'a Path,
    pub(super) log: &'a mut log::Tail,
}

impl Writing<'_> {
    pub(super) fn execute(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<usize, JournalError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(parameters))
            .map_err(|source| store(self.path, source))
    }

    pub(super) fn one<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        row: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, JournalError> {
        use rusqlite::OptionalExtension as _;
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(parameters, row).optional())
            .map_err(|source| store(self.path, source))
    }
}

/// Does a job's work; what comes back answers whoever waits, once the commit's fate is known.
type Job = Box<dyn FnOnce(&mut Writing<'_>) -> (bool, Answer) + Send>;
type Answer = Box<dyn FnOnce(Result<(), JournalError>) + Send>;

pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        path: PathBuf,
        owner: Arc<dyn LogOwner>,
    ) -> Result<Self, JournalError> {
        let (jobs, waiting) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new()
            .name("journal-writer".into())
            .spawn({
                let path = path.clone();
                move || write(connection, &path, owner.as_ref(), &waiting)
            })
            .map_err(|source| JournalError::Open { path, source })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    pub(super) async fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |writing| {
            let result = work(writing);
            let keep = result.is_ok();
            // A caller that went away does not undo what was committed.
            let tell: Answer = Box::new(move |fate| {
                drop(answer.send(result.and_then(|value| fate.map(|()| value))))
            });
            (keep, tell)
        });
        self.jobs
            .as_ref()
            .ok_or(JournalError::Closed)?
            .send(job)
            .map_err(|_| JournalError::Closed)?;
        answered.await.map_err(|_| JournalError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Closing the channel lets the thread finish what waits, then end.
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn write(
    mut connection: Connection,
    path: &Path,
    owner: &dyn LogOwner,
    waiting: &mpsc::Receiver<Job>,
) {
    while let Ok(first) = waiting.recv() {
        let group = std::iter::once(first)
            .chain(waiting.try_iter().take(GROUP - 1))
            .collect();
        let (answers, fate) = commit_group(&mut connection, path, owner, group);
        match fate {
            Ok(()) => answers.into_iter().for_each(|answer| answer(Ok(()))),
            Err(reason) => {
                tracing::error!(%reason, jobs = answers.len(), "a journal commit failed");
                for answer in answers {
                    answer(Err(JournalError::Commit(reason.clone())));
                }
            }
        }
    }
}

/// Runs the jobs in one transaction. A job that fails is undone alone; the others stay.
fn commit_group(
    connection: &mut Connection,
    path: &Path,
    owner: &dyn LogOwner,
    group: Vec<Job>,
) -> (Vec<Answer>, Result<(), String>) {
    let mut answers = Vec::with_capacity(group.len());
    let run = |answers: &mut Vec<Answer>| -> Result<(), JournalError> {
        let failed = |source| store(path, source);
        let mut transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let mut tail = log::Tail::read(&transaction, path)?;
        let before = tail.size();
        let mut jobs = group.into_iter();
        for job in jobs.by_ref() {
            let mut savepoint: Savepoint<'_> = transaction.savepoint().map_err(failed)?;
            let mark = tail.clone();
            let (keep, answer) = job(&mut Writing {
                connection: &savepoint,
                path,
                log: &mut tail,
            });
            answers.push(answer);
            if keep {
                savepoint.commit().map_err(failed)?;
            } else {
                tail = mark;
                savepoint.rollback().map_err(failed)?;
            }
        }
        if tail.size() > before {
            log::publish(&transaction, path, &tail, owner)?;
        }
        transaction.commit().map_err(failed)
    };
    let fate = run(&mut answers).map_err(|error| error.to_string());
    (answers, fate)
}

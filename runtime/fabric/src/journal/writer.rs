//! The one writer: takes whatever waits, commits it as one group, then answers everybody.

use std::collections::VecDeque;
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
/// Without a commit to work in it only passes the reason on.
type Job = Box<dyn FnOnce(Result<&mut Writing<'_>, JournalError>) -> (Verdict, Answer) + Send>;
type Answer = Box<dyn FnOnce(Result<(), JournalError>) + Send>;

/// What is to become of a job's work.
enum Verdict {
    Keep,
    /// It failed by itself; the others in the commit stay.
    Undo,
    /// There is no room. SQLite may have undone the whole transaction already.
    Full,
}

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
            let result = writing.and_then(work);
            let verdict = match &result {
                Ok(_) => Verdict::Keep,
                Err(JournalError::Full { .. }) => Verdict::Full,
                Err(_) => Verdict::Undo,
            };
            // A caller that went away does not undo what was committed.
            let tell: Answer = Box::new(move |fate| {
                drop(answer.send(result.and_then(|value| fate.map(|()| value))))
            });
            (verdict, tell)
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
    let mut group = VecDeque::new();
    // Those that a full disk left over come first.
    while let Some(first) = group.pop_front().or_else(|| waiting.recv().ok()) {
        group.push_front(first);
        let room = GROUP.saturating_sub(group.len());
        group.extend(waiting.try_iter().take(room));
        let (answers, fate) = commit_group(&mut connection, path, owner, &mut group);
        match fate {
            Ok(()) => answers.into_iter().for_each(|answer| answer(Ok(()))),
            Err(error) => {
                tracing::error!(%error, jobs = answers.len(), "a journal commit failed");
                for answer in answers {
                    answer(Err(shared(&error)));
                }
            }
        }
    }
}

/// The same failure for everybody whose work was in the commit.
fn shared(error: &JournalError) -> JournalError {
    match error {
        JournalError::Full { path } => JournalError::Full { path: path.clone() },
        other => JournalError::Commit(other.to_string()),
    }
}

/// Runs the jobs in one transaction. A job that fails is undone alone; the others stay. When the
/// disk is full the commit ends there, and the jobs after that are left in the group.
fn commit_group(
    connection: &mut Connection,
    path: &Path,
    owner: &dyn LogOwner,
    group: &mut VecDeque<Job>,
) -> (Vec<Answer>, Result<(), JournalError>) {
    let mut answers = Vec::with_capacity(group.len());
    let mut run = |answers: &mut Vec<Answer>| -> Result<(), JournalError> {
        let failed = |source| store(path, source);
        let mut transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let mut tail = log::Tail::read(&transaction, path)?;
        while !group.is_empty() {
            let mut savepoint: Savepoint<'_> = transaction.savepoint().map_err(failed)?;
            let Some(job) = group.pop_front() else { break };
            let mark = tail.mark();
            let (verdict, answer) = job(Ok(&mut Writing {
                connection: &savepoint,
                path,
                log: &mut tail,
            }));
            answers.push(answer);
            match verdict {
                Verdict::Keep => savepoint.commit().map_err(failed)?,
                Verdict::Undo => {
                    tail.cut(mark);
                    savepoint.rollback().map_err(failed)?;
                }
                Verdict::Full => {
                    return Err(JournalError::Full {
                        path: path.display().to_string(),
                    });
                }
            }
        }
        log::publish(&transaction, path, &tail, owner)?;
        transaction.commit().map_err(failed)
    };
    let fate = run(&mut answers);
    if let Err(error) = &fate
        && answers.is_empty()
    {
        // Not even a transaction could begin: nobody must wait for ever.
        answers.extend(group.drain(..).map(|job| job(Err(shared(error))).1));
    }
    (answers, fate)
}

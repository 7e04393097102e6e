//! The one writer: takes whatever waits, commits it as one group, then answers everybody.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use cryptlet_attest::log::CompactRange;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::log::{self, LogOwner};
use super::stands::Stands;
use super::{JournalError, store};

/// Most jobs that share one commit; beyond that, those who came first wait for too long.
const GROUP: usize = 1_024;

/// What a job may do inside its commit.
pub struct Writing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) path: &'a Path,
    pub(super) log: &'a mut log::Tail,
    pub(super) stands: &'a mut Stands,
    /// What is in `stands` may wait for the end of the commit: nothing of it is undone alone.
    pub(super) is_checked: bool,
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

struct Job {
    work: Work,
    /// It fails before it writes anything, or not at all; and it changes no document of a binding.
    is_checked: bool,
}

/// Does a job's work; what comes back answers whoever waits, once the commit's fate is known.
/// Without a commit to work in it only passes the reason on.
type Work = Box<dyn FnOnce(Result<&mut Writing<'_>, JournalError>) -> (Verdict, Answer) + Send>;
type Answer = Box<dyn FnOnce(Result<(), JournalError>) + Send>;

/// What is to become of a job's work.
enum Verdict {
    Keep,
    /// It failed by itself; the others in the commit stay.
    Undo {
        reason: String,
    },
    /// It failed, and nobody knows what of its work is left.
    Broken {
        reason: String,
    },
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
        commits: Arc<AtomicU64>,
    ) -> Result<Self, JournalError> {
        let (jobs, waiting) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new()
            .name("journal-writer".into())
            .spawn({
                let path = path.clone();
                move || write(connection, &path, owner.as_ref(), &waiting, &commits)
            })
            .map_err(|source| JournalError::Open { path, source })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    pub(super) async fn commit<T: Send + 'static>(
        &self,
        is_checked: bool,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |writing| {
            let result = writing.and_then(work);
            let verdict = match &result {
                Ok(_) => Verdict::Keep,
                Err(JournalError::Full { .. }) => Verdict::Full,
                // SQLite may have undone the whole transaction, which nothing but a savepoint shows.
                Err(error @ JournalError::Store { .. }) if is_checked => Verdict::Broken {
                    reason: error.to_string(),
                },
                Err(error) => Verdict::Undo {
                    reason: error.to_string(),
                },
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
            .send(Job { work, is_checked })
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
    commits: &AtomicU64,
) {
    let mut group = VecDeque::new();
    let mut range = None;
    // Those that a full disk left over come first.
    while let Some(first) = group.pop_front().or_else(|| waiting.recv().ok()) {
        group.push_front(first);
        let room = GROUP.saturating_sub(group.len());
        group.extend(waiting.try_iter().take(room));
        let only_checked = group.iter().all(|job| job.is_checked);
        let (answers, fate) = commit_group(&mut connection, path, owner, &mut group, &mut range);
        if !only_checked {
            // Before anybody is told: what was read before may be old.
            commits.fetch_add(1, Ordering::Release);
        }
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
/// disk is full the commit ends there, and the jobs after that are left in the group. `range` is that
/// of the log, for as long as commits succeed.
fn commit_group(
    connection: &mut Connection,
    path: &Path,
    owner: &dyn LogOwner,
    group: &mut VecDeque<Job>,
    range: &mut Option<CompactRange>,
) -> (Vec<Answer>, Result<(), JournalError>) {
    let mut answers = Vec::with_capacity(group.len());
    let mut run = |answers: &mut Vec<Answer>| -> Result<(), JournalError> {
        let failed = |source| store(path, source);
        let mut transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let mut tail = log::Tail::read(&transaction, path)?;
        let mut stands = Stands::default();
        while let Some(is_checked) = group.front().map(|job| job.is_checked) {
            let mark = tail.mark();
            let done = if is_checked {
                do_checked(&transaction, path, &mut tail, &mut stands, group)
            } else {
                stands.settle(&transaction, path)?;
                do_undoably(&mut transaction, path, &mut tail, group)?
            };
            let Some((verdict, answer)) = done else { break };
            answers.push(answer);
            match verdict {
                Verdict::Keep => {}
                Verdict::Undo { .. } => tail.cut(mark),
                Verdict::Broken { reason } => {
                    return Err(JournalError::Conflict(format!(
                        "work in it failed after it was begun: {reason}"
                    )));
                }
                Verdict::Full => {
                    return Err(JournalError::Full {
                        path: path.display().to_string(),
                    });
                }
            }
        }
        stands.settle(&transaction, path)?;
        let grown = log::publish(&transaction, path, &tail, owner, range.take())?;
        transaction.commit().map_err(failed)?;
        *range = grown;
        Ok(())
    };
    let fate = run(&mut answers);
    if let Err(error) = &fate
        && answers.is_empty()
    {
        // Not even a transaction could begin: nobody must wait for ever.
        answers.extend(group.drain(..).map(|job| (job.work)(Err(shared(error))).1));
    }
    (answers, fate)
}

/// A job that has written nothing if it fails.
fn do_checked(
    transaction: &Connection,
    path: &Path,
    tail: &mut log::Tail,
    stands: &mut Stands,
    group: &mut VecDeque<Job>,
) -> Option<(Verdict, Answer)> {
    let job = group.pop_front()?;
    let before = (transaction.total_changes(), stands.moves());
    let (verdict, answer) = (job.work)(Ok(&mut Writing {
        connection: transaction,
        path,
        log: tail,
        stands,
        is_checked: true,
    }));
    let is_begun = (transaction.total_changes(), stands.moves()) != before;
    let verdict = match verdict {
        Verdict::Undo { reason } if is_begun => Verdict::Broken { reason },
        Verdict::Keep | Verdict::Undo { .. } if transaction.is_autocommit() => Verdict::Broken {
            reason: "SQLite undid the transaction".into(),
        },
        verdict => verdict,
    };
    Some((verdict, answer))
}

/// A job whose work is undone if it fails. The savepoint keeps a copy of each page that the job
/// writes to, which is more work than most jobs are.
fn do_undoably(
    transaction: &mut Transaction<'_>,
    path: &Path,
    tail: &mut log::Tail,
    group: &mut VecDeque<Job>,
) -> Result<Option<(Verdict, Answer)>, JournalError> {
    let failed = |source| store(path, source);
    let mut savepoint = transaction.savepoint().map_err(failed)?;
    let Some(job) = group.pop_front() else {
        return Ok(None);
    };
    let (verdict, answer) = (job.work)(Ok(&mut Writing {
        connection: &savepoint,
        path,
        log: tail,
        stands: &mut Stands::default(),
        is_checked: false,
    }));
    let ended = match &verdict {
        Verdict::Keep => savepoint.commit(),
        Verdict::Undo { .. } => savepoint.rollback(),
        Verdict::Broken { .. } | Verdict::Full => Ok(()),
    };
    // Whoever waits for it must hear of it, too.
    let verdict = match ended.map_err(failed) {
        Ok(()) => verdict,
        Err(JournalError::Full { .. }) => Verdict::Full,
        Err(error) => Verdict::Broken {
            reason: error.to_string(),
        },
    };
    Ok(Some((verdict, answer)))
}

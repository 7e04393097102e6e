//! The work of every binding: one task runs what is accepted, another reads events and delivers.
//!
//! Thousands of bindings may have nothing to do. Their tasks sleep until they are told: of an
//! invocation that was accepted, of one that ran, of a new block of their ledger. Only what waits for
//! its own transactions, or has failed, is looked at again and again.
//!
//! Bindings have nothing to do with each other: whatever one of them waits for, the others go on.
//! Only a journal that fails ends everything, for then nothing can be promised any more.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cryptlet_fabric::{FabricError, Follows, Notice, Progress, Step, Waiting};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, mpsc};
use tokio::task::{Id, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::blocks::Blocks;
use crate::rest::{REST, Rests};
use crate::state::ServiceState;

/// Passes over a ledger that may follow each other at once. What moves forth and back again, such
/// as a transaction that the node takes and then denies, moves at every pass.
const PASSES_AT_ONCE: u32 = 4;

/// How often the journal is asked for bindings and invocations that nobody told of.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How often a ledger is asked for what nobody told of.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// Runs of a binding whose queue does not become empty, after which its deliveries are looked at.
const RUNS_BETWEEN: u64 = 16;

/// Wakes the tasks of bindings and knows what they wait for.
pub(crate) struct Work {
    bindings: Mutex<HashMap<String, Arc<BindingWork>>>,
    blocks: Blocks,
    new: mpsc::UnboundedSender<String>,
}

/// What the two tasks of a binding share.
#[derive(Default)]
struct BindingWork {
    /// Something was accepted.
    accepted: Notify,
    /// Its operator did something about what failed.
    mended: Notify,
    /// There may be something to deliver.
    sealed: Notify,
    waiting: Mutex<WaitingFor>,
}

/// What cannot go on, by the task that found it.
#[derive(Clone, Default)]
struct WaitingFor {
    runs: Vec<String>,
    ledger: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Task {
    Runs,
    Ledger,
}

impl Work {
    /// With the bindings that come in while it goes on.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<String>) {
        let (new, coming) = mpsc::unbounded_channel();
        let work = Self {
            bindings: Mutex::default(),
            blocks: Blocks::default(),
            new,
        };
        (work, coming)
    }

    /// Begins with a binding that was activated just now.
    pub(crate) fn take_on(&self, binding: &str) {
        // Nobody listens any more when the service is about to stop; the next start finds it.
        drop(self.new.send(binding.to_owned()));
    }

    /// Something of this binding was accepted.
    pub(crate) fn accepted(&self, binding: &str) {
        self.of(binding).accepted.notify_one();
    }

    /// Something of this binding may go on.
    fn wake(&self, binding: &str) {
        let of = self.of(binding);
        of.accepted.notify_one();
        of.sealed.notify_one();
    }

    /// An invocation has come further.
    fn noticed(&self, notice: &Notice) {
        match notice.step {
            Step::Accepted => self.of(&notice.binding).accepted.notify_one(),
            Step::Executed if notice.number.is_multiple_of(RUNS_BETWEEN) => {
                self.of(&notice.binding).sealed.notify_one();
            }
            _ => {}
        }
    }

    /// What new blocks wake.
    pub(crate) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Its operator did something that may let this binding go on, however long it still rests.
    pub(crate) fn mend(&self, binding: &str) {
        self.of(binding).mended.notify_one();
        self.wake(binding);
    }

    /// What cannot go on in a binding, and why.
    pub(crate) fn waiting(&self, binding: &str) -> Vec<String> {
        let WaitingFor { runs, ledger } = self
            .of(binding)
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut all = runs;
        for reason in ledger {
            if !all.contains(&reason) {
                all.push(reason);
            }
        }
        all
    }

    fn of(&self, binding: &str) -> Arc<BindingWork> {
        let mut bindings = self.bindings.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bindings.entry(binding.to_owned()).or_default())
    }
}

impl BindingWork {
    fn note(&self, binding: &str, task: Task, progress: &Progress) {
        let mut reasons: Vec<String> = progress.waiting.iter().map(in_words).collect();
        reasons.dedup();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = match task {
            Task::Runs => &mut waiting.runs,
            Task::Ledger => &mut waiting.ledger,
        };
        if *noted != reasons {
            // Once for each change, not once for each try.
            for reason in &reasons {
                tracing::warn!(binding, reason, "a binding cannot go on now");
            }
            if reasons.is_empty() {
                tracing::info!(binding, "the binding goes on again");
            }
            *noted = reasons;
        }
    }
}

/// Keeps every binding going until the service drains; then returns once all tasks have ended.
///
/// # Errors
///
/// If the journal failed.
pub(crate) async fn run(
    state: Arc<ServiceState>,
    mut coming: mpsc::UnboundedReceiver<String>,
) -> Result<(), FabricError> {
    let mut tasks = Tasks {
        state: Arc::clone(&state),
        running: JoinSet::new(),
        known: HashMap::new(),
        taken_on: HashSet::new(),
    };
    let mut notices = state.fabric.subscribe();
    let mut look = tokio::time::interval(LOOK_AGAIN);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick(), if !state.is_draining() => tasks.look()?,
            notice = notices.recv(), if !state.is_draining() => match notice {
                Ok(notice) => state.work.noticed(&notice),
                // What was missed is in the journal.
                Err(RecvError::Lagged(_)) => tasks.look()?,
                Err(RecvError::Closed) => {}
            },
            Some(binding) = coming.recv(), if !state.is_draining() => tasks.begin(&binding),
            Some(ended) = tasks.running.join_next_with_id() => tasks.ended(ended)?,
            () = state.draining.cancelled(), if tasks.running.is_empty() => return Ok(()),
        }
    }
}

struct Tasks {
    state: Arc<ServiceState>,
    running: JoinSet<Result<(), FabricError>>,
    known: HashMap<Id, (String, Task)>,
    taken_on: HashSet<String>,
}

impl Tasks {
    /// What the journal has counts, whoever was told of it.
    fn look(&mut self) -> Result<(), FabricError> {
        let journal = self.state.fabric.journal();
        let found = journal.bindings().and_then(|rows| {
            let with_work = journal.bindings_with_work()?;
            Ok((rows, with_work))
        });
        let found = found.map_err(FabricError::from);
        let (rows, with_work) = found.inspect_err(|error| self.state.failed(error))?;
        for row in rows {
            self.begin(&row.document.binding.name);
        }
        for binding in with_work {
            self.state.work.of(&binding).accepted.notify_one();
        }
        Ok(())
    }

    fn begin(&mut self, binding: &str) {
        if self.state.is_draining() || !self.taken_on.insert(binding.to_owned()) {
            return;
        }
        tracing::info!(binding, "binding taken on");
        for task in [Task::Runs, Task::Ledger] {
            self.spawn(binding, task, Duration::ZERO);
        }
    }

    fn spawn(&mut self, binding: &str, task: Task, rest: Duration) {
        let state = Arc::clone(&self.state);
        let name = binding.to_owned();
        let handle = self.running.spawn(async move {
            tokio::time::sleep(rest).await;
            match task {
                Task::Runs => execute(&state, &name).await,
                Task::Ledger => follow_ledger(&state, &name).await,
            }
        });
        self.known.insert(handle.id(), (binding.to_owned(), task));
    }

    /// A task ends when the service drains, or by a fatal error, or by a mistake of ours: then it
    /// begins again, so that one binding's mistake is not the end of the others.
    fn ended(
        &mut self,
        ended: Result<(Id, Result<(), FabricError>), tokio::task::JoinError>,
    ) -> Result<(), FabricError> {
        match ended {
            Ok((id, result)) => {
                self.known.remove(&id);
                result
            }
            Err(error) => {
                if let Some((binding, task)) = self.known.remove(&error.id())
                    && !self.state.is_draining()
                {
                    tracing::error!(binding, ?task, %error, "a task panicked; it begins again");
                    self.spawn(&binding, task, REST);
                }
                Ok(())
            }
        }
    }
}

/// Runs what is accepted, one after the other, as soon as it is there.
async fn execute(state: &ServiceState, binding: &str) -> Result<(), FabricError> {
    let work = state.work.of(binding);
    let mut failures = Rests::default();
    while !state.is_draining() {
        // A run whose result cannot be kept, or not be believed, is a run for nothing.
        let can_keep = !state.health.disk_is_full() && state.health.contradiction().is_none();
        let (mut failed, mut waits) = (false, !can_keep);
        if can_keep {
            let progress = state.fabric.execute_accepted(binding).await;
            let progress = progress.inspect_err(|error| state.failed(error))?;
            work.note(binding, Task::Runs, &progress);
            if progress.disk_is_full {
                state.disk_is_full();
            }
            if progress.executed > 0 {
                failures = Rests::default();
                work.sealed.notify_one();
            }
            failed = progress.failed;
            waits = !progress.waiting.is_empty();
        }
        let rest = if failed {
            failures.next()
        } else {
            Duration::from_millis(state.settings().poll_milliseconds)
        };
        tokio::select! {
            // What comes in does not mend what failed.
            () = work.accepted.notified(), if can_keep && !failed => {}
            () = work.mended.notified() => {}
            () = tokio::time::sleep(rest), if failed || waits => {}
            () = state.draining.cancelled() => {}
        }
    }
    Ok(())
}

/// Passes over a ledger, one at once after the other.
#[derive(Default)]
struct Passes(u32);

impl Passes {
    /// Whether another may follow at once on one that moved something, or did not.
    fn goes_on(&mut self, moved: bool) -> bool {
        self.0 = if moved { self.0.saturating_add(1) } else { 0 };
        (1..PASSES_AT_ONCE).contains(&self.0)
    }
}

/// Reads the contract's events and takes deliveries further, whenever it is time to ask the node
/// again or there is something new to deliver.
async fn follow_ledger(state: &ServiceState, binding: &str) -> Result<(), FabricError> {
    let work = state.work.of(binding);
    let row = state.binding(binding);
    let row = row.inspect_err(|error| state.failed(error))?;
    let mut block = state.work.blocks().of(&row.document.contract.ledger);
    let mut passes = Passes::default();
    while !state.is_draining() {
        if state.health.contradiction().is_some() {
            state.draining.cancelled().await;
            break;
        }
        // A block that comes during the pass may hold what the pass did not see.
        block.mark_unchanged();
        let progress = follow_once(state, binding).await;
        let progress = progress.inspect_err(|error| state.failed(error))?;
        work.note(binding, Task::Ledger, &progress);
        if progress.disk_is_full {
            state.disk_is_full();
        }
        if progress.accepted > 0 {
            work.accepted.notify_one();
        }
        if passes.goes_on(progress.moved > 0) {
            continue;
        }
        let follows = follows(&progress);
        let rest = match follows {
            Follows::Nothing | Follows::Blocks => ASK_AGAIN,
            Follows::Transactions => Duration::from_millis(state.settings().poll_milliseconds),
        };
        tokio::select! {
            () = work.sealed.notified() => {}
            // The other end lives as long as the service.
            _ = block.changed(), if follows == Follows::Blocks => {}
            () = tokio::time::sleep(rest) => {}
            () = state.draining.cancelled() => {}
        }
    }
    Ok(())
}

/// What to wait for after a pass. One that failed, waits, or did not come to the end of what there was
/// is followed by another soon, whatever happens on the chain.
fn follows(progress: &Progress) -> Follows {
    let is_done = !progress.failed && progress.waiting.is_empty() && progress.is_quiet();
    if is_done {
        progress.follows
    } else {
        Follows::Transactions
    }
}

async fn follow_once(state: &ServiceState, binding: &str) -> Result<Progress, FabricError> {
    let mut progress = state.fabric.read_events(binding).await?;
    if progress.accepted > 0 {
        // They need not wait for the deliveries of those before them.
        state.work.of(binding).accepted.notify_one();
    }
    progress.add(state.fabric.deliver(binding).await?);
    Ok(progress)
}

fn in_words(waiting: &Waiting) -> String {
    match waiting.delivery {
        Some(delivery) => format!("delivery {delivery}: {}", waiting.reason),
        None => waiting.reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pass_that_left_nothing_open_is_followed_by_sleep() {
        let quiet = Progress::default();
        assert_eq!(follows(&quiet), Follows::Nothing);
        let events = Progress {
            follows: Follows::Blocks,
            ..quiet.clone()
        };
        assert_eq!(follows(&events), Follows::Blocks);
        for busy in [
            Progress {
                failed: true,
                ..events.clone()
            },
            Progress {
                accepted: 1,
                ..events.clone()
            },
            Progress {
                waiting: vec![Waiting {
                    binding: "acme".into(),
                    delivery: None,
                    reason: "no node".into(),
                }],
                ..events.clone()
            },
        ] {
            assert_eq!(follows(&busy), Follows::Transactions, "{busy:?}");
        }
    }

    #[test]
    fn what_moves_at_every_pass_rests_all_the_same() {
        let mut passes = Passes::default();
        assert!(!passes.goes_on(false));
        let at_once = (0..100).filter(|_| passes.goes_on(true)).count();
        assert_eq!(at_once, 3, "of a hundred passes in a row");
        assert!(!passes.goes_on(false));
        assert!(passes.goes_on(true), "something new moves at once again");
    }
}

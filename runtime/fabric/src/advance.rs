//! One step further for everything that can go on: events in, runs, deliveries out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cryptlet_attest::BindingId;

use crate::error::FabricError;
use crate::execute::Executed;
use crate::fabric::Fabric;
use crate::journal::{AcceptedRow, BindingRow, JournalError};

/// What one pass over one binding, or over all of them, did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Invocations accepted.
    pub accepted: usize,
    /// Invocations executed.
    pub executed: usize,
    /// Deliveries that came nearer to their end.
    pub moved: usize,
    /// What could not go on, and why; it is tried again at the next pass.
    pub waiting: Vec<Waiting>,
    /// What else may let it go on.
    pub follows: Follows,
    /// Whether one of the reasons to wait is a failure, which may well repeat itself.
    pub failed: bool,
    /// Whether that failure was a full disk.
    pub disk_is_full: bool,
}

/// What a binding waits for at its ledger, from the least to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Follows {
    /// Nothing: it goes on when an invocation is accepted or has run.
    #[default]
    Nothing,
    /// Events, which a new block may hold.
    Blocks,
    /// What becomes of its own transactions; a node may say something new at any time.
    Transactions,
}

/// Something that cannot go on now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The binding's name.
    pub binding: String,
    /// The delivery, if it is one.
    pub delivery: Option<u64>,
    /// Why.
    pub reason: String,
}

impl Progress {
    /// Whether another pass right away would find nothing new to do.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.accepted == 0 && self.executed == 0 && self.moved == 0
    }

    /// Takes in what another pass did.
    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.executed += other.executed;
        self.moved += other.moved;
        self.waiting.extend(other.waiting);
        self.follows = self.follows.max(other.follows);
        self.failed |= other.failed;
        self.disk_is_full |= other.disk_is_full;
    }

    /// Keeps a failure that concerns one binding alone as a reason to wait.
    fn with(
        mut self,
        binding: &str,
        outcome: Result<(), FabricError>,
    ) -> Result<Self, FabricError> {
        match outcome {
            Ok(()) => {}
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => {
                tracing::debug!(binding, %error, "a binding cannot go on now");
                self.failed = true;
                self.disk_is_full |=
                    matches!(error, FabricError::Journal(JournalError::Full { .. }));
                self.waiting.push(Waiting {
                    binding: binding.into(),
                    delivery: None,
                    reason: error.to_string(),
                });
            }
        }
        Ok(self)
    }
}

/// Who is at work on a binding: each kind of work is done by one caller at a time.
#[derive(Default)]
pub(crate) struct Turns {
    bindings: Mutex<HashMap<BindingId, Arc<Turn>>>,
}

/// One binding's.
#[derive(Default)]
pub(crate) struct Turn {
    pub(crate) reading: tokio::sync::Mutex<()>,
    /// Shared by all who accept; a move that rewrites the state keeps them out.
    pub(crate) accepting: Arc<tokio::sync::RwLock<()>>,
    /// Owned by the run itself, which goes on when nobody waits for it any more.
    pub(crate) executing: Arc<tokio::sync::Mutex<()>>,
    pub(crate) delivering: tokio::sync::Mutex<()>,
    /// Why the chain is ahead of this journal; none: it is not.
    pub(crate) overtaken: tokio::sync::OnceCell<Option<String>>,
    /// The invocation whose run the host did not survive, which would not survive it again; 0: none.
    panicked: AtomicU64,
}

impl Turns {
    pub(crate) fn of(&self, binding: &BindingId) -> Arc<Turn> {
        let mut bindings = self.bindings.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bindings.entry(*binding).or_default())
    }
}

impl Fabric {
    /// Takes every binding as far as it can go without waiting.
    ///
    /// A binding whose node is away or whose delivery is refused does not hold up the others; the
    /// reason is in [`Progress::waiting`].
    ///
    /// Await it to its end; see [`Fabric::execute_accepted`].
    ///
    /// # Errors
    ///
    /// If the journal fails: then nothing can be promised, and nothing more is done.
    pub async fn advance(&self) -> Result<Progress, FabricError> {
        let mut progress = Progress::default();
        for row in self.journal.bindings()? {
            let binding = &row.document.binding.name;
            // What is already accepted or sealed goes on even if the node has no new events to give.
            progress.add(self.read_events(binding).await?);
            progress.add(self.execute_accepted(binding).await?);
            progress.add(self.deliver(binding).await?);
        }
        Ok(progress)
    }

    /// Accepts every final event of the chain that wakes the binding.
    ///
    /// Different bindings can be worked on at the same time, and so can one binding's events, runs
    /// and deliveries; a second call for the same work waits for the first.
    ///
    /// # Errors
    ///
    /// If there is no such binding, or the journal fails. A node that is away is a reason to wait.
    pub async fn read_events(&self, binding: &str) -> Result<Progress, FabricError> {
        let id = self.binding(binding)?.document.id();
        let turn = self.turns.of(&id);
        let _turn = turn.reading.lock().await;
        // Read once more: the place read up to may have moved while we waited.
        let row = self.binding(binding)?;
        let mut progress = Progress::default();
        if let Some(change) = row.paused_by {
            progress.waiting.push(Waiting {
                binding: binding.into(),
                delivery: None,
                reason: format!(
                    "it takes nothing new because of change {change}; `cryptlet bind changes {binding}` says what it waits for"
                ),
            });
            return Ok(progress);
        }
        let outcome = match self.is_newest(&row, &mut progress).await {
            Ok(true) => self.accept_events(&row, &mut progress).await.map(drop),
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        progress.with(binding, outcome)
    }

    /// Runs what is accepted for the binding, one after the other, until nothing is left or
    /// [`Fabric::drain`] was called. No binding ever runs twice at the same time.
    ///
    /// Await it to its end. If it is dropped meanwhile, a commit under way is kept all the same, but its
    /// runs count as waiting until the next start, and nothing is told of them to canaries and shadows.
    ///
    /// # Errors
    ///
    /// As for [`Fabric::read_events`].
    pub async fn execute_accepted(&self, binding: &str) -> Result<Progress, FabricError> {
        let row = self.binding(binding)?;
        let turn = self.turns.of(&row.id);
        let turn = Arc::clone(&turn.executing).lock_owned().await;
        let mut progress = Progress::default();
        let outcome = self.execute_all(binding, turn, &mut progress).await;
        progress.with(binding, outcome)
    }

    /// Takes the binding itself, and then its deliveries, to the chain as far as they can go now.
    ///
    /// Accounts are shared with other bindings; their nonces are taken one at a time.
    ///
    /// # Errors
    ///
    /// As for [`Fabric::read_events`].
    pub async fn deliver(&self, binding: &str) -> Result<Progress, FabricError> {
        let row = self.binding(binding)?;
        let turn = self.turns.of(&row.id);
        let _turn = turn.delivering.lock().await;
        let mut progress = Progress::default();
        let outcome = match self.register(&row, &mut progress).await {
            Ok(true) => self.change_and_deliver(&row, &mut progress).await,
            Ok(false) => {
                progress.follows = Follows::Transactions;
                Ok(())
            }
            Err(error) => Err(error),
        };
        progress.with(binding, outcome)
    }

    /// A change that cannot be carried now holds up no delivery.
    async fn change_and_deliver(
        &self,
        row: &BindingRow,
        progress: &mut Progress,
    ) -> Result<(), FabricError> {
        let carried = self.carry_changes(row, progress).await;
        if carried.as_ref().is_err_and(FabricError::is_fatal) {
            return carried;
        }
        self.deliver_all(row, progress).await.and(carried)
    }

    async fn execute_all(
        &self,
        binding: &str,
        mut turn: tokio::sync::OwnedMutexGuard<()>,
        progress: &mut Progress,
    ) -> Result<(), FabricError> {
        let row = self.binding(binding)?;
        let id = row.id;
        if self.journal.waiting_under(&id)? == 0 || !self.is_newest(&row, progress).await? {
            return Ok(());
        }
        let turns = self.turns.of(&id);
        let panicked = &turns.panicked;
        let mut limit = RUNS_TOGETHER;
        while !self.is_draining() {
            // Under load this goes on for ever, and versions and documents change meanwhile.
            let row = self.binding(binding)?;
            // Before the batch: whoever is run again meanwhile holds it no more, and comes first in it.
            let held = if row.document.contract.ordered {
                self.journal.held_by(&id)?
            } else {
                None
            };
            let mut batch = self.journal.next_accepted(&id, limit)?;
            let Some(first) = batch.first() else { break };
            let fits = |accepted: &AcceptedRow| {
                accepted.measurement == first.measurement
                    && accepted.binding_version == first.binding_version
            };
            let mut together = batch.iter().take_while(|accepted| fits(accepted)).count();
            if let Some(held) = held
                && let Some(waits) = batch.iter().position(|accepted| !accepted.is_again)
                && waits < together
            {
                // A later answer would overtake the missing one, and the contract refuse it for ever.
                if waits == 0 {
                    progress.waiting.push(Waiting {
                        binding: row.document.binding.name.clone(),
                        delivery: None,
                        reason: held.reason(),
                    });
                    break;
                }
                together = waits;
            }
            let fatal = panicked.load(Ordering::Relaxed);
            match batch.iter().position(|accepted| accepted.number == fatal) {
                Some(0) => {
                    progress.waiting.push(Waiting {
                        binding: row.document.binding.name.clone(),
                        delivery: None,
                        reason: format!(
                            "the fabric itself failed at invocation {fatal} and does not try it again before its next start; report this with its log"
                        ),
                    });
                    break;
                }
                Some(place) => together = together.min(place),
                None => {}
            }
            batch.truncate(together);
            let told = |number: u64, error: &FabricError| {
                tracing::error!(binding = row.document.binding.name, number, %error, "a run failed in the host");
                panicked.store(number, Ordering::Relaxed);
            };
            // No slot is held meanwhile: it may have to be compiled, and others' runs go on.
            let first = batch[0].number;
            let runnable = self.runnable(&row, &batch[0]).await.inspect_err(|error| {
                if let FabricError::Panicked(_) = error {
                    told(first, error);
                }
            })?;
            let weight = self.weights.of(&row.document.binding.name);
            let slot = self.scheduler.slot(id, weight).await;
            if self.is_draining() {
                break;
            }
            match self.execute(&row, batch, runnable, turn, slot).await? {
                Executed::Durable { turn: back, runs } => {
                    turn = back;
                    progress.executed += runs;
                    // What ended this batch early may well end the next.
                    let runs = u32::try_from(runs).unwrap_or(RUNS_TOGETHER);
                    limit = runs.saturating_mul(2).clamp(1, RUNS_TOGETHER);
                }
                Executed::Panicked { number, error } => {
                    told(number, &error);
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// Most runs of a binding that one commit makes durable.
const RUNS_TOGETHER: u32 = 64;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::pin::pin;
    use std::time::Duration;

    use crate::accept::Message;
    use crate::binding::Binding;
    use crate::guests::{component, handling, manifest};
    use crate::scene::{NAME, Scene, TestResult, version};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_module_is_loaded_while_no_slot_is_free() -> TestResult {
        let scene = Scene::new(1).await?;
        let fabric = &scene.fabric;
        scene.send("one").await?;
        let measurement = fabric.binding(NAME)?.document.binding.measurement;
        fabric.modules.forget(&measurement);
        let mut slots = Vec::new();
        loop {
            tokio::select! {
                biased;
                slot = fabric.scheduler.slot(scene.id, NonZeroU32::MIN) => slots.push(slot),
                () = std::future::ready(()) => break,
            }
        }
        let mut executing = pin!(fabric.execute_accepted(NAME));
        let loaded = async {
            while fabric.modules.compiled_bytes() == 0 {
                tokio::task::yield_now().await;
            }
        };
        let loaded = async {
            tokio::select! {
                _ = &mut executing => panic!("it ran without a slot"),
                () = loaded => {}
            }
        };
        tokio::time::timeout(Duration::from_secs(60), loaded).await?;
        drop(slots);
        assert_eq!(executing.await?.executed, 1);
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_bindings_of_one_cryptlet_keep_their_state_apart() -> TestResult {
        let scene = Scene::new(1).await?;
        let fabric = &scene.fabric;
        let manifest = manifest("contract", "[capabilities]\nstate = true");
        let manifest = manifest.replace("\"guest\"", "\"remembers\"");
        let body = "(call $state_set @‹answer› @‹42›) (call $ok @‹null›)";
        let row = fabric.deploy(component(&manifest, &handling(body))).await?;
        let mut bindings = Vec::new();
        for (name, salt) in [("first", 1), ("second", 2)] {
            let mut document = Binding::clone(&fabric.binding(NAME)?.document);
            document.binding.name = name.into();
            document.binding.cryptlet.clone_from(&row.cryptlet);
            document.binding.measurement = row.measurement;
            document.binding.salt = [salt; 32].into();
            document.keys.delivery = format!("{name}-delivery");
            document.grants.state = true;
            bindings.push((name, document.id()));
            let activate = fabric
                .journal
                .commit(move |writing| writing.activate(&document, &[], &version(0), 1));
            activate.await?;
        }
        for (name, id) in bindings {
            let journal = &fabric.journal;
            assert!(journal.state(&id)?.is_empty(), "{name} sees another's");
            let message = Message {
                sender: "acme".into(),
                topic: "Remind".into(),
                body: br#"{"period":1}"#.to_vec(),
                idempotency_key: name.into(),
            };
            fabric.send(name, message).await?;
            assert_eq!(fabric.execute_accepted(name).await?.executed, 1);
            assert!(!journal.state(&id)?.is_empty(), "{name} remembers nothing");
        }
        Ok(())
    }
}

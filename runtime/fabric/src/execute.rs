//! Runs of one binding: from what was accepted to what is durable about them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cryptlet_container::{
    Container, Cryptlet, Grants, Job, Level, Record, Run, State, state_bytes,
};
use tokio::sync::OwnedMutexGuard;

use crate::accept::read_input;
use crate::binding::Binding;
use crate::canary::Trialled;
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{AcceptedRow, BindingRow, Standing};
use crate::scheduler::Slot;
use crate::sealing::{self, Finished, HostFacts, Sealing};
use crate::seams::Step;
use crate::services::LiveServices;
use crate::shadow::Beside;
use crate::versions::breaks_a_line;

/// What a run consists of, ready to run.
pub(crate) struct Runnable {
    binding: Arc<Binding>,
    cryptlet: Cryptlet,
    grants: Arc<Grants>,
}

impl Fabric {
    /// Loads what an accepted invocation runs.
    pub(crate) async fn runnable(
        &self,
        row: &BindingRow,
        accepted: &AcceptedRow,
    ) -> Result<Runnable, FabricError> {
        let binding = self.agreed(row, &accepted.binding_version)?;
        let cryptlet = self.cryptlet(&accepted.measurement).await?;
        let grants = Arc::new(self.grants(&binding).await?);
        Ok(Runnable {
            binding,
            cryptlet,
            grants,
        })
    }

    /// Runs accepted invocations of one module and document, one after the other, and makes everything
    /// about them durable in one commit. What the slot's time does not suffice for is left for later.
    ///
    /// Whoever runs a binding holds its turn, and the runs themselves keep it: a caller that is dropped
    /// in the middle must not make room for a second run.
    pub(crate) async fn execute(
        &self,
        row: &BindingRow,
        batch: Vec<AcceptedRow>,
        runnable: Runnable,
        turn: OwnedMutexGuard<()>,
        slot: Slot,
    ) -> Result<Executed, FabricError> {
        let name = runnable.binding.binding.name.clone();
        let id = row.id;
        let cryptlet = runnable.cryptlet.clone();
        let slot = Arc::new(Mutex::new(slot));
        let mut runner = Runner {
            state: Arc::new(self.journal.state(&id)?),
            standing: self.journal.standing(&id)?,
            services: Arc::new(LiveServices {
                binding: Arc::clone(&runnable.binding),
                id,
                next_submission: self.journal.next_submission(&id)?,
                journal: Arc::clone(&self.journal),
                delegate: self.delegate.clone(),
                web: Arc::clone(&self.seams.web),
                directories: Arc::clone(&self.directories),
                slot: Arc::clone(&slot),
            }),
            runnable,
            container: Arc::clone(&self.container),
            host: Arc::clone(&self.host),
            keeps_states: self.has_shadows(&name),
        };
        let draining = Arc::clone(&self.draining);
        // What a host that panics is busy with; nobody comes back then to tell.
        let current = Arc::new(AtomicU64::new(0));
        let working = Arc::clone(&current);
        let worked = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let mut done = Vec::with_capacity(batch.len());
            let mut bytes = 0;
            for accepted in batch {
                let is_enough = bytes > MOST_BYTES || begun.elapsed() > MOST_TIME;
                if !done.is_empty() && (is_enough || draining.load(Ordering::Relaxed)) {
                    break;
                }
                working.store(accepted.number, Ordering::Relaxed);
                let ran = match runner.run(accepted) {
                    Ok(ran) => ran,
                    // Those before it are not lost; it is the first of the next batch.
                    Err(_) if !done.is_empty() => break,
                    Err(error) => return Err(error),
                };
                let ends = ran.ends_the_batch();
                bytes = ran.bytes().saturating_add(bytes);
                done.push(ran);
                if ends {
                    break;
                }
            }
            // What follows waits for the disk, not for a processor.
            drop(slot);
            Ok((done, turn))
        })
        .await;
        let (done, turn) = match worked.map_err(FabricError::from) {
            Ok(worked) => worked?,
            Err(error @ FabricError::Panicked(_)) => {
                let number = current.load(Ordering::Relaxed);
                return Ok(Executed::Panicked { number, error });
            }
            Err(error) => return Err(error),
        };
        let mut following = Vec::with_capacity(done.len());
        let mut sealed = Vec::with_capacity(done.len());
        for Ran {
            sealing,
            took,
            found,
        } in done
        {
            let Finished {
                cryptlet,
                run,
                accepted,
                ..
            } = sealing.finished();
            tracing::info!(
                binding = name,
                number = accepted.number,
                version = cryptlet.version(),
                outcome = %run.outcome,
                fuel = run.meter.fuel,
                "executed"
            );
            log_lines(&name, accepted.number, cryptlet, run);
            following.push(Following {
                number: accepted.number,
                trialled: Trialled {
                    succeeded: run.outcome.is_ok(),
                    fuel: run.meter.fuel,
                    took: Some(took),
                },
                beside: found
                    .and_then(|found| self.beside(&row.active, sealing.finished(), &found)),
            });
            self.reached(Step::Ran, &name, accepted.number);
            sealed.push(sealing);
        }
        let at = self.seams.clock.now();
        // What was sealed comes back: everybody waits for the writer, which is not to drop it as well.
        let (turn, moves, sealed) = self
            .journal
            .commit_checked(move |writing| {
                sealing::write(&sealed, writing, at).map(|moves| (turn, moves, sealed))
            })
            .await?;
        drop(sealed);
        let runs = following.len();
        for after in &following {
            self.backlog.left();
            self.reached(Step::Executed, &name, after.number);
        }
        self.tell_moves(&name, moves);
        let version = &cryptlet.manifest().cryptlet.version;
        let mut beside = Vec::new();
        for after in following {
            self.try_out(&name, version, after.trialled).await;
            beside.extend(after.beside);
        }
        self.run_beside(beside);
        Ok(Executed::Durable { turn, runs })
    }
}

/// How long runs of one binding go on before they are committed: others wait for the slot, and
/// callers for their answers.
const MOST_TIME: Duration = Duration::from_millis(20);

/// What such runs may leave behind before they are committed: until then it lies in memory.
const MOST_BYTES: usize = 1 << 20;

/// What became of a batch.
pub(crate) enum Executed {
    /// The first so many of it ran, and all about them is durable.
    Durable {
        turn: OwnedMutexGuard<()>,
        runs: usize,
    },
    /// The host did not survive this one; nothing of the batch is durable.
    Panicked { number: u64, error: FabricError },
}

/// Runs one invocation after the other, each on what the one before it left.
struct Runner {
    runnable: Runnable,
    state: Arc<State>,
    standing: Standing,
    services: Arc<LiveServices>,
    container: Arc<Container>,
    host: Arc<HostFacts>,
    /// Somebody runs beside and needs the state that each run found.
    keeps_states: bool,
}

/// One run that is sealed and not yet durable.
struct Ran {
    sealing: Sealing,
    took: Duration,
    found: Option<Arc<State>>,
}

/// What is to be done for one run once it is durable.
struct Following {
    number: u64,
    trialled: Trialled,
    beside: Option<Beside>,
}

impl Runner {
    fn run(&mut self, accepted: AcceptedRow) -> Result<Ran, FabricError> {
        let Runnable {
            binding,
            cryptlet,
            grants,
        } = &self.runnable;
        let name = &binding.binding.name;
        let invocation = Arc::new(read_input(name, accepted.number, &accepted.input)?);
        let found = self.keeps_states.then(|| Arc::clone(&self.state));
        let begun = Instant::now();
        let run = self.container.run(Job {
            cryptlet,
            grants: Arc::clone(grants),
            invocation: Arc::clone(&invocation),
            seed: accepted.seed,
            state: Arc::clone(&self.state),
            services: Arc::clone(&self.services) as _,
        });
        let took = begun.elapsed();
        let finished = Finished {
            id: self.services.id,
            binding: Arc::clone(binding),
            accepted,
            invocation,
            cryptlet: cryptlet.clone(),
            run,
            host: Arc::clone(&self.host),
        };
        let sealing = finished.seal(self.standing)?;
        self.standing = sealing.after();
        let changes = &sealing.finished().run.state_changes;
        if !changes.is_empty() {
            let state = Arc::make_mut(&mut self.state);
            for (key, change) in changes {
                match change {
                    Some(value) => state.insert(key.clone(), value.clone()),
                    None => state.remove(key),
                };
            }
        }
        Ok(Ran {
            sealing,
            took,
            found,
        })
    }
}

impl Ran {
    /// Whether what follows must see this one durable: it holds up what comes after it, or did
    /// something outside, which must not be done again because of another run.
    fn ends_the_batch(&self) -> bool {
        let finished = self.sealing.finished();
        !finished.run.outcome.is_ok() || finished.holds() || reaches_outside(&finished.run)
    }

    /// What it holds in memory until it is durable, with the state that somebody looks at beside if the
    /// run has left another.
    fn bytes(&self) -> usize {
        let is_changed = !self.sealing.finished().run.state_changes.is_empty();
        let found = self.found.iter().filter(|_| is_changed);
        let kept: u64 = found.map(|state| state_bytes(state)).sum();
        let kept = usize::try_from(kept).unwrap_or(usize::MAX);
        self.sealing.bytes().saturating_add(kept)
    }
}

fn reaches_outside(run: &Run) -> bool {
    !run.submissions.is_empty()
        || run
            .transcript
            .records()
            .iter()
            .any(|record| matches!(record, Record::Fetch { .. }))
        || run.children.iter().any(|child| reaches_outside(&child.run))
}

/// Most characters of a guest's line that are logged.
const MOST_CHARACTERS: usize = 2_000;

/// Hands what the run and the runs of its sources wrote for people to the log.
pub(crate) fn log_lines(binding: &str, number: u64, cryptlet: &Cryptlet, run: &Run) {
    let name = &cryptlet.manifest().cryptlet.name;
    for line in &run.logs {
        let message = one_line(&line.message);
        // The level is part of what `tracing` keeps for each place in the code.
        match line.level {
            Level::Debug => {
                tracing::debug!(target: "guest", binding, number, cryptlet = name, "{message}");
            }
            Level::Info => {
                tracing::info!(target: "guest", binding, number, cryptlet = name, "{message}");
            }
            Level::Warn => {
                tracing::warn!(target: "guest", binding, number, cryptlet = name, "{message}");
            }
            Level::Error => {
                tracing::error!(target: "guest", binding, number, cryptlet = name, "{message}");
            }
        }
    }
    for child in &run.children {
        log_lines(binding, number, &child.cryptlet, &child.run);
    }
}

/// A guest's text as one bounded line that cannot pass for another and moves no cursor.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MOST_CHARACTERS));
    let mut letters = text.chars();
    for letter in letters.by_ref().take(MOST_CHARACTERS) {
        if breaks_a_line(letter) {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    if letters.next().is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guests::{component, handling, manifest};
    use crate::scene::{NAME, Scene, TestResult};

    #[tokio::test(flavor = "multi_thread")]
    async fn what_waits_together_becomes_durable_together_each_run_on_the_one_before() -> TestResult
    {
        let scene = Scene::new(1).await?;
        let manifest = manifest("contract", "[capabilities]\nstate = true");
        let body = "(call $state_set @‹answer› @‹42›) (call $ok @‹null›)";
        let component = component(
            &manifest.replace("\"guest\"", "\"remembers\""),
            &handling(body),
        );
        let row = scene.fabric.deploy(component).await?;
        scene
            .bind_another(|document| {
                document.binding.cryptlet = row.cryptlet;
                document.binding.measurement = row.measurement;
                document.grants.state = true;
            })
            .await?;
        for key in ["one", "two", "three"] {
            scene.send_to("another", key).await?;
        }
        assert_eq!(scene.fabric.execute_accepted("another").await?.executed, 3);

        let journal = &scene.fabric.journal;
        let ran = journal.executions()?;
        assert!(ran.iter().all(|run| run.outcome == "ok"), "{ran:?}");
        let numbers: Vec<u64> = ran.iter().map(|run| run.number).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert!(ran.iter().all(|run| run.checkpoint == ran[0].checkpoint));
        let binding = scene.fabric.binding("another")?;
        let runs = numbers.iter().map(|number| {
            let run = journal.recorded_run(&binding, *number)?;
            Ok(run.ok_or("it ran")?.run)
        });
        let statements = runs.collect::<TestResult<Vec<_>>>()?;
        assert_eq!(statements[0].host.previous, None);
        for pair in statements.windows(2) {
            assert_eq!(pair[1].host.previous, Some(pair[0].leaf_hash()));
            assert_eq!(
                pair[1].execution.state_before,
                pair[0].execution.state_after
            );
        }
        assert_eq!(journal.state(&binding.id)?.len(), 1);
        assert_eq!(journal.waiting()?, 0);
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_input_that_cannot_be_read_keeps_none_before_it_from_its_end() -> TestResult {
        let scene = Scene::new(1).await?;
        for key in ["one", "two", "three"] {
            scene.send(key).await?;
        }
        let id = scene.id;
        scene
            .fabric
            .journal
            .commit(move |writing| writing.tamper_with_input(&id, 2))
            .await?;
        let progress = scene.fabric.execute_accepted(NAME).await?;
        assert_eq!(progress.executed, 1);
        assert!(progress.failed, "{progress:?}");
        assert!(
            progress.waiting[0].reason.contains("invocation 2"),
            "{progress:?}"
        );
        Ok(())
    }

    #[test]
    fn what_a_guest_writes_is_one_line_that_moves_no_cursor() {
        let line = one_line("paid\n2006-01-01 ERROR forged\r\x1b[2J\u{202e}\u{2028}end");
        assert!(!line.chars().any(breaks_a_line), "{line}");
        assert!(
            line.starts_with("paid\\n2006") && line.ends_with("end"),
            "{line}"
        );
    }

    #[test]
    fn what_a_guest_writes_is_bounded_and_says_so() {
        assert_eq!(
            one_line(&"é".repeat(MOST_CHARACTERS)).chars().count(),
            MOST_CHARACTERS
        );
        let cut = one_line(&"é".repeat(MOST_CHARACTERS + 1));
        assert_eq!(cut.chars().count(), MOST_CHARACTERS + 1);
        assert!(cut.ends_with('…'));
    }
}

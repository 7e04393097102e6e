//! One run: from what was accepted to what is durable about it.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use cryptlet_container::{Cryptlet, Grants, Job, Level, Run};
use tokio::sync::OwnedMutexGuard;

use crate::accept::read_input;
use crate::binding::Binding;
use crate::canary::Trialled;
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{AcceptedRow, BindingRow};
use crate::scheduler::Slot;
use crate::sealing::Finished;
use crate::seams::Step;
use crate::services::LiveServices;
use crate::versions::breaks_a_line;

/// What a run consists of, ready to run.
pub(crate) struct Runnable {
    binding: Arc<Binding>,
    cryptlet: Cryptlet,
    grants: Grants,
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
        let grants = self.grants(&binding).await?;
        Ok(Runnable {
            binding,
            cryptlet,
            grants,
        })
    }

    /// Runs one accepted invocation and makes everything about it durable in one commit.
    ///
    /// Whoever runs a binding holds its turn, and the run itself keeps it: a caller that is dropped
    /// in the middle must not make room for a second run.
    pub(crate) async fn execute(
        &self,
        row: &BindingRow,
        accepted: AcceptedRow,
        runnable: Runnable,
        turn: OwnedMutexGuard<()>,
        slot: Slot,
    ) -> Result<OwnedMutexGuard<()>, FabricError> {
        let Runnable {
            binding,
            cryptlet,
            grants,
        } = runnable;
        let name = binding.binding.name.clone();
        let id = binding.id();
        let number = accepted.number;
        let invocation = read_input(&name, number, &accepted.input)?;
        let state = Arc::new(self.journal.state(&id)?);
        let slot = Arc::new(Mutex::new(slot));
        let found = Arc::clone(&state);
        let services = Arc::new(LiveServices {
            binding: Arc::clone(&binding),
            id,
            next_submission: self.journal.next_submission(&id)?,
            journal: Arc::clone(&self.journal),
            delegate: self.delegate.clone(),
            web: Arc::clone(&self.seams.web),
            directories: Arc::clone(&self.directories),
            slot: Arc::clone(&slot),
        });
        let standing = self.journal.standing(&id)?;
        let container = Arc::clone(&self.container);
        let host = Arc::clone(&self.host);
        let (sealing, took, turn) = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let run = container.run(Job {
                cryptlet: &cryptlet,
                grants: &grants,
                invocation: invocation.clone(),
                seed: accepted.seed,
                state,
                services,
            });
            let took = begun.elapsed();
            let finished = Finished {
                binding,
                accepted,
                invocation,
                cryptlet,
                run,
                host,
            };
            let sealed = finished.seal(standing).map(|sealing| (sealing, took, turn));
            // What follows waits for the disk, not for a processor.
            drop(slot);
            sealed
        })
        .await??;
        let Finished { cryptlet, run, .. } = sealing.finished();
        tracing::info!(
            binding = name,
            number,
            version = %cryptlet.manifest().cryptlet.version,
            outcome = %run.outcome,
            fuel = run.meter.fuel,
            "executed"
        );
        log_lines(&name, number, cryptlet, run);
        let version = cryptlet.manifest().cryptlet.version.clone();
        let trialled = Trialled {
            succeeded: run.outcome.is_ok(),
            fuel: run.meter.fuel,
            took: Some(took),
        };
        let beside = self.beside(&row.active, sealing.finished(), &found);
        self.reached(Step::Ran, &name, number);
        let at = self.seams.clock.now();
        let (turn, moves) = self
            .journal
            .commit(move |writing| sealing.write(writing, at).map(|moves| (turn, moves)))
            .await?;
        self.backlog.left();
        self.reached(Step::Executed, &name, number);
        self.tell_moves(&name, moves);
        self.try_out(&name, &version, trialled).await;
        if let Some(beside) = beside {
            self.run_beside(beside);
        }
        Ok(turn)
    }
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

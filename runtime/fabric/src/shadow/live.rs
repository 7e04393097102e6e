//! Candidates beside live runs: after a run's commit, off its path, and left out when the host has
//! too much to do.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use cryptlet_attest::{Measurement, Outcome};
use cryptlet_container::{Container, Cryptlet, Grants, Invocation, Run, ShadowJob, State};
use semver::Version;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::migrated::{Found, state_for};
use super::{Difference, FuelBound, compare};
use crate::binding::Binding;
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{CandidateRow, Journal, JournalError, ShadowRunRow};
use crate::replay::call_encoding;
use crate::sealing::Finished;
use crate::versions::{Stage, VersionMove};

/// Versions in shadow, and how much may run beside live runs at one time.
pub(crate) struct Shadows {
    /// By the binding's name.
    candidates: Mutex<HashMap<String, Vec<Candidate>>>,
    slots: Arc<Semaphore>,
    /// They end with the fabric.
    tasks: Mutex<JoinSet<()>>,
}

struct Candidate {
    version: Version,
    measurement: Measurement,
    skipped: u64,
}

impl From<CandidateRow> for Candidate {
    fn from(row: CandidateRow) -> Self {
        Self {
            version: row.version,
            measurement: row.measurement,
            skipped: 0,
        }
    }
}

impl Shadows {
    /// Those that the journal has.
    pub(crate) fn of(journal: &Journal) -> Result<Self, JournalError> {
        let mut candidates: HashMap<String, Vec<Candidate>> = HashMap::new();
        for row in journal.candidates()? {
            if row.stage == Stage::Shadow {
                let of_binding = candidates.entry(row.name.clone()).or_default();
                of_binding.push(row.into());
            }
        }
        Ok(Self {
            candidates: Mutex::new(candidates),
            slots: Arc::new(Semaphore::new(slots())),
            tasks: Mutex::default(),
        })
    }

    /// Takes note of a durable move into or out of shadow.
    ///
    /// Moves may be told of in another order than they were made in; what stands in the journal
    /// counts.
    pub(crate) fn moved(
        &self,
        journal: &Journal,
        binding: &str,
        moved: &VersionMove,
    ) -> Result<(), JournalError> {
        if moved.from != Stage::Shadow && moved.to != Stage::Shadow {
            return Ok(());
        }
        let mut all = self.candidates();
        let standing = journal.candidates_of(binding)?;
        let candidates = all.entry(binding.to_owned()).or_default();
        candidates.retain(|candidate| candidate.version != moved.version);
        let is_meant =
            |row: &CandidateRow| row.stage == Stage::Shadow && row.version == moved.version;
        candidates.extend(standing.into_iter().filter(is_meant).map(Candidate::from));
        if candidates.is_empty() {
            all.remove(binding);
        }
        Ok(())
    }

    pub(crate) fn of_binding(&self, binding: &str) -> Vec<(Version, Measurement)> {
        let all = self.candidates();
        let candidates = all.get(binding).into_iter().flatten();
        candidates
            .map(|candidate| (candidate.version.clone(), candidate.measurement))
            .collect()
    }

    fn skipped(&self, binding: &str, version: &Version) {
        let mut all = self.candidates();
        let candidates = all.get_mut(binding).into_iter().flatten();
        for candidate in candidates.filter(|candidate| candidate.version == *version) {
            candidate.skipped += 1;
        }
    }

    fn candidates(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Candidate>>> {
        self.candidates
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Half of the processors: live runs come first.
fn slots() -> usize {
    available_parallelism().map_or(1, |processors| (NonZero::get(processors) / 2).max(1))
}

/// A run of the active version, kept until it is durable.
pub(crate) struct Beside {
    binding: Arc<Binding>,
    active: Cryptlet,
    invocation: Invocation,
    seed: [u8; 32],
    state: Arc<State>,
    run: Run,
    candidates: Vec<(Version, Measurement)>,
}

impl Fabric {
    /// Keeps what candidates need of a run that is about to be sealed; nothing if there are none, or it
    /// was not of the active version, or a machine ended it.
    pub(crate) fn beside(
        &self,
        active: &Version,
        finished: &Finished,
        state: &Arc<State>,
    ) -> Option<Beside> {
        let candidates = self.shadows.of_binding(&finished.binding.binding.name);
        if candidates.is_empty()
            || finished.cryptlet.manifest().cryptlet.version != *active
            || matches!(finished.run.outcome, Outcome::Interrupted { .. })
        {
            return None;
        }
        Some(Beside {
            binding: Arc::clone(&finished.binding),
            active: finished.cryptlet.clone(),
            invocation: finished.invocation.clone(),
            seed: finished.accepted.seed,
            state: Arc::clone(state),
            run: finished.run.clone(),
            candidates,
        })
    }

    /// Has the candidates run what is durable now, if there is room for that. Nobody waits for them.
    pub(crate) async fn run_beside(&self, beside: Beside) -> Result<(), FabricError> {
        let name = &beside.binding.binding.name;
        let Ok(slot) = Arc::clone(&self.shadows.slots).try_acquire_owned() else {
            for (version, _) in &beside.candidates {
                self.shadows.skipped(name, version);
            }
            return Ok(());
        };
        let mut candidates = Vec::with_capacity(beside.candidates.len());
        for (_, measurement) in &beside.candidates {
            candidates.push(self.cryptlet(measurement).await?);
        }
        let work = Work {
            candidates,
            grants: self.grants(&beside.binding).await?,
            beside,
            at: self.seams.clock.now(),
        };
        let (container, journal) = (Arc::clone(&self.container), Arc::clone(&self.journal));
        let mut tasks = self
            .shadows
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            if let Err(error) = work.done(container, &journal).await {
                tracing::warn!(%error, "shadow runs were not recorded");
            }
            drop(slot);
        });
        Ok(())
    }

    /// Waits until no shadow run is under way.
    pub async fn shadow_runs_settled(&self) {
        let all = u32::try_from(slots()).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        drop(self.shadows.slots.acquire_many(all).await);
    }

    /// Live runs that a version in shadow did not do, since the host had too much to do, since this
    /// process began or the version went into shadow.
    #[must_use]
    pub fn skipped_shadow_runs(&self, binding: &str, version: &Version) -> u64 {
        let all = self.shadows.candidates();
        let mut candidates = all.get(binding).into_iter().flatten();
        candidates
            .find(|candidate| candidate.version == *version)
            .map_or(0, |candidate| candidate.skipped)
    }

    /// Refuses a promotion for which the counterparties ask for more clean shadow runs.
    pub(crate) fn check_shadow_runs(
        &self,
        binding: &Binding,
        active: &Version,
        version: &Version,
    ) -> Result<(), FabricError> {
        let Some(required) = binding
            .promotion
            .as_ref()
            .map(|promotion| promotion.clean_shadow_runs)
        else {
            return Ok(());
        };
        let found = self
            .journal
            .clean_shadow_runs(&binding.id(), version, active)?;
        if found >= u64::from(required) {
            return Ok(());
        }
        Err(FabricError::TooFewShadowRuns {
            binding: binding.binding.name.clone(),
            version: version.clone(),
            required: required.into(),
            found,
        })
    }
}

/// What the candidates have to do with one run.
struct Work {
    candidates: Vec<Cryptlet>,
    grants: Grants,
    beside: Beside,
    at: u64,
}

impl Work {
    async fn done(self, container: Arc<Container>, journal: &Journal) -> Result<(), FabricError> {
        let rows = tokio::task::spawn_blocking(move || {
            let candidates = self.candidates.iter();
            candidates
                .map(|candidate| self.row(&container, candidate))
                .collect::<Vec<_>>()
        })
        .await?;
        for row in rows.iter().filter(|row| !row.differences.is_empty()) {
            tracing::info!(
                binding = %row.binding,
                number = row.number,
                version = %row.version,
                differences = row.differences.len(),
                "a candidate differs from the active version"
            );
        }
        journal
            .commit(move |writing| rows.iter().try_for_each(|row| writing.keep_shadow_run(row)))
            .await?;
        Ok(())
    }

    fn row(&self, container: &Container, candidate: &Cryptlet) -> ShadowRunRow {
        let beside = &self.beside;
        let found = state_for(
            container,
            (&beside.active, candidate),
            &self.grants,
            (&beside.invocation, beside.seed),
            &beside.state,
        );
        let (differences, fuel_candidate) = match found {
            Ok(found) => self.compared(container, candidate, found),
            Err(reason) => {
                let migration = Difference {
                    field: "migration".into(),
                    active: None,
                    candidate: Some(reason),
                };
                (vec![migration], 0)
            }
        };
        ShadowRunRow {
            binding: beside.binding.id(),
            version: candidate.manifest().cryptlet.version.clone(),
            number: beside.invocation.number,
            active: beside.active.manifest().cryptlet.version.clone(),
            differences,
            fuel_active: beside.run.meter.fuel,
            fuel_candidate,
            at: self.at,
        }
    }

    fn compared(
        &self,
        container: &Container,
        candidate: &Cryptlet,
        found: Found,
    ) -> (Vec<Difference>, u64) {
        let beside = &self.beside;
        let shadow = container.shadow(ShadowJob {
            cryptlet: candidate,
            grants: &self.grants,
            invocation: beside.invocation.clone(),
            seed: beside.seed,
            state: found.state,
            transcript: &beside.run.transcript,
            call_encoding: call_encoding(&beside.binding),
        });
        let before = (!found.is_migrated).then_some(&*beside.state);
        let differences = compare(&beside.run, &shadow, before, FuelBound::default());
        (differences, shadow.run.meter.fuel)
    }
}

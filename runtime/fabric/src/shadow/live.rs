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

use super::migrated::{Found, Unmigrated, state_for};
use super::{Difference, FuelBound, compare};
use crate::binding::Binding;
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{CandidateRow, Journal, JournalError, ShadowRunRow};
use crate::modules::Modules;
use crate::replay::call_encoding;
use crate::sealing::Finished;
use crate::versions::{Stage, VersionMove};

/// Versions in shadow, and how much may run beside live runs at one time.
pub(crate) struct Shadows {
    candidates: Arc<Candidates>,
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
            candidates: Arc::new(Candidates(Mutex::new(candidates))),
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
        let mut all = self.candidates.all();
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
        let all = self.candidates.all();
        let candidates = all.get(binding).into_iter().flatten();
        candidates
            .map(|candidate| (candidate.version.clone(), candidate.measurement))
            .collect()
    }
}

/// Versions in shadow by the binding's name.
struct Candidates(Mutex<HashMap<String, Vec<Candidate>>>);

impl Candidates {
    /// Counts a live run that a candidate did not do.
    fn skip(&self, binding: &str, version: &Version) {
        let mut all = self.all();
        let candidates = all.get_mut(binding).into_iter().flatten();
        for candidate in candidates.filter(|candidate| candidate.version == *version) {
            candidate.skipped += 1;
        }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Candidate>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// Whether candidates run beside the binding now.
    pub(crate) fn has_shadows(&self, binding: &str) -> bool {
        !self.shadows.of_binding(binding).is_empty()
    }

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
            invocation: (*finished.invocation).clone(),
            seed: finished.accepted.seed,
            state: Arc::clone(state),
            run: finished.run.clone(),
            candidates,
        })
    }

    /// Has the candidates run what is durable now, one after the other, if there is room for that.
    /// Nobody waits for them.
    pub(crate) fn run_beside(&self, runs: Vec<Beside>) {
        if runs.is_empty() {
            return;
        }
        let Ok(slot) = Arc::clone(&self.shadows.slots).try_acquire_owned() else {
            for beside in &runs {
                for (version, _) in &beside.candidates {
                    let name = &beside.binding.binding.name;
                    self.shadows.candidates.skip(name, version);
                }
            }
            return;
        };
        let at = self.seams.clock.now();
        let runs: Vec<Work> = runs
            .into_iter()
            .map(|beside| Work {
                beside,
                at,
                container: Arc::clone(&self.container),
                journal: Arc::clone(&self.journal),
                modules: Arc::clone(&self.modules),
                known: Arc::clone(&self.shadows.candidates),
            })
            .collect();
        let mut tasks = self
            .shadows
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            for work in runs {
                work.done().await;
            }
            drop(slot);
        });
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
        let all = self.shadows.candidates.all();
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
    beside: Beside,
    at: u64,
    container: Arc<Container>,
    journal: Arc<Journal>,
    modules: Arc<Modules>,
    known: Arc<Candidates>,
}

impl Work {
    /// Each candidate by itself: one that does not load keeps no other from running.
    async fn done(self) {
        let work = Arc::new(self);
        let name = &work.beside.binding.binding.name;
        for (version, measurement) in &work.beside.candidates {
            match Arc::clone(&work).run(*measurement).await {
                Ok(true) => {}
                Ok(false) => work.known.skip(name, version),
                Err(error) => {
                    let number = work.beside.invocation.number;
                    tracing::warn!(binding = name, number, %version, %error, "no shadow run");
                    work.known.skip(name, version);
                }
            }
        }
    }

    /// Runs a candidate, and keeps what it did otherwise. False: this machine had no room for that, or
    /// not enough.
    async fn run(self: Arc<Self>, candidate: Measurement) -> Result<bool, FabricError> {
        let cryptlet = self.modules.get(&candidate).await?;
        let grants = self.modules.grants(&self.beside.binding).await?;
        let journal = Arc::clone(&self.journal);
        let row = tokio::task::spawn_blocking(move || self.row(&cryptlet, &grants)).await?;
        let Some(row) = row else {
            return Ok(false);
        };
        if !row.differences.is_empty() {
            tracing::info!(
                binding = %row.binding,
                number = row.number,
                version = %row.version,
                differences = row.differences.len(),
                "a candidate differs from the active version"
            );
        }
        journal
            .commit(move |writing| writing.keep_shadow_run(&row))
            .await?;
        Ok(true)
    }

    /// What is kept of a candidate's run; nothing of one that this machine had no room for or stopped,
    /// which says nothing about the candidate.
    fn row(&self, candidate: &Cryptlet, grants: &Grants) -> Option<ShadowRunRow> {
        let beside = &self.beside;
        let found = state_for(
            &self.container,
            (&beside.active, candidate),
            grants,
            (&beside.invocation, beside.seed),
            &beside.state,
        );
        let (differences, fuel_candidate) = match found {
            Ok(found) => self.compared(candidate, grants, found)?,
            Err(Unmigrated::Interrupted(_)) => return None,
            Err(Unmigrated::Failed(reason)) => {
                let migration = Difference {
                    field: "migration".into(),
                    active: None,
                    candidate: Some(reason),
                };
                (vec![migration], 0)
            }
        };
        Some(ShadowRunRow {
            binding: beside.binding.id(),
            version: candidate.manifest().cryptlet.version.clone(),
            number: beside.invocation.number,
            active: beside.active.manifest().cryptlet.version.clone(),
            differences,
            fuel_active: beside.run.meter.fuel,
            fuel_candidate,
            at: self.at,
        })
    }

    fn compared(
        &self,
        candidate: &Cryptlet,
        grants: &Grants,
        found: Found,
    ) -> Option<(Vec<Difference>, u64)> {
        let beside = &self.beside;
        let shadow = self.container.try_shadow(ShadowJob {
            cryptlet: candidate,
            grants,
            invocation: beside.invocation.clone(),
            seed: beside.seed,
            state: found.state,
            transcript: Arc::new(beside.run.transcript.clone()),
            call_encoding: call_encoding(&beside.binding),
        })?;
        if let (None, Outcome::Interrupted { .. }) = (&shadow.unanswered, &shadow.run.outcome) {
            return None;
        }
        let before = (!found.is_migrated).then_some(&*beside.state);
        let differences = compare(&beside.run, &shadow, before, FuelBound::default());
        Some((differences, shadow.run.meter.fuel))
    }
}

#[cfg(test)]
mod tests {
    use cryptlet_container::Settings;

    use super::*;
    use crate::scene::{NAME, Scene, TestResult, decided, version};

    /// Has the active version run once, and the candidates beside it.
    async fn run(scene: &Scene) -> TestResult {
        scene.send("once").await?;
        scene.fabric.execute_accepted(NAME).await?;
        scene.fabric.shadow_runs_settled().await;
        Ok(())
    }

    #[tokio::test]
    async fn a_candidate_that_does_not_load_keeps_no_other_from_running() -> TestResult {
        let scene = Scene::new(2).await?;
        scene.fabric.shadow(NAME, &version(1), decided()).await?;
        let gone = Candidate {
            version: version(9),
            measurement: Measurement::of(b"gone"),
            skipped: 0,
        };
        if let Some(known) = scene.fabric.shadows.candidates.all().get_mut(NAME) {
            known.insert(0, gone);
        }
        run(&scene).await?;
        let runs = scene
            .fabric
            .journal
            .shadow_runs(&scene.id, &version(1), 9)?;
        assert_eq!(runs.len(), 1, "{runs:?}");
        assert_eq!(scene.fabric.skipped_shadow_runs(NAME, &version(9)), 1);
        Ok(())
    }

    #[tokio::test]
    async fn what_this_machine_stopped_says_nothing_about_a_candidate() -> TestResult {
        let scene = Scene::new(2).await?;
        let fabric = &scene.fabric;
        fabric.shadow(NAME, &version(1), decided()).await?;
        let row = fabric.deployed("guest", &version(1))?;
        let component = fabric.journal.component(&row.measurement)?;
        // A container runs nothing that another has loaded.
        let elsewhere = Container::new(Settings::default())?;
        let elsewhere = elsewhere.load(&component.expect("it is deployed"))?;
        fabric.modules.forget(&row.measurement);
        fabric.modules.remember(elsewhere);
        run(&scene).await?;
        assert_eq!(fabric.journal.shadow_runs(&scene.id, &version(1), 9)?, []);
        assert_eq!(fabric.skipped_shadow_runs(NAME, &version(1)), 1);
        Ok(())
    }
}

//! A canary: a share of the invocations of a binding whose order does not matter, watched against the
//! active version, and taken back by the fabric itself when it does worse.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cryptlet_attest::{BindingId, Measurement, digest};
use semver::Version;

use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{CandidateRow, Journal, JournalError, Running};
use crate::versions::{Decision, MoveKind, Stage, VersionMove};

/// How much worse than the active version a canary may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Thousandths of its runs that may fail beyond the share that fails of the active version's.
    pub max_errors: u16,
    /// Its mean fuel in percent of the active version's.
    pub max_fuel: u32,
    /// Its median time in percent of the active version's.
    pub max_latency: u32,
    /// Runs that it is watched for before it is judged; from 1 to 1000.
    pub least_runs: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_errors: 50,
            max_fuel: 200,
            max_latency: 300,
            least_runs: 20,
        }
    }
}

/// One run, as it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trialled {
    pub(crate) succeeded: bool,
    pub(crate) fuel: u64,
    /// Not known of runs before the process began.
    pub(crate) took: Option<Duration>,
}

/// What the newest runs of a version came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many they are, at most 1000.
    pub runs: u64,
    /// How many of them did not succeed.
    pub failed: u64,
    /// Their mean fuel.
    pub fuel: u64,
    /// Their median time, of those whose time is known.
    pub latency: Option<Duration>,
}

impl Figures {
    fn failed_thousandths(&self) -> u64 {
        self.failed.saturating_mul(1_000) / self.runs.max(1)
    }
}

impl Bounds {
    /// Why the canary is to be taken back; none while it does well enough or has not run often
    /// enough. Fuel and time are compared once the active version has run as often.
    #[must_use]
    pub fn broken(&self, active: &Figures, canary: &Figures) -> Option<String> {
        let least = u64::from(self.least_runs.max(1));
        if canary.runs < least {
            return None;
        }
        let (a, b) = (active.failed_thousandths(), canary.failed_thousandths());
        if b > a + u64::from(self.max_errors) {
            return Some(format!(
                "{} of {} runs failed, against {} of {} of the active version; at most {} in 1000 more may",
                canary.failed, canary.runs, active.failed, active.runs, self.max_errors
            ));
        }
        if active.runs < least {
            return None;
        }
        if beyond(active.fuel, canary.fuel, self.max_fuel) {
            return Some(format!(
                "{} units of fuel a run over {} runs, against {} of the active version; at most {} % may be",
                canary.fuel, canary.runs, active.fuel, self.max_fuel
            ));
        }
        let (a, b) = (active.latency?, canary.latency?);
        let micros = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if beyond(micros(a), micros(b), self.max_latency) {
            return Some(format!(
                "{} microseconds a run over {} runs, against {} of the active version; at most {} % may be",
                micros(b),
                canary.runs,
                micros(a),
                self.max_latency
            ));
        }
        None
    }
}

fn beyond(active: u64, canary: u64, percent: u32) -> bool {
    u128::from(canary) * 100 > u128::from(active) * u128::from(percent)
}

impl Running {
    /// The module that an invocation gets. The host has no choice: the seed is drawn before, and the
    /// digest decides.
    pub(crate) fn choose(&self, binding: &BindingId, number: u64, seed: &[u8; 32]) -> Measurement {
        let Some((canary, share)) = self.canary else {
            return self.active;
        };
        let chance = digest(
            "cryptlet canary v1",
            &[binding.as_bytes(), &number.to_be_bytes(), seed],
        );
        let mut drawn = [0; 8];
        drawn.copy_from_slice(&chance.as_bytes()[..8]);
        if u64::from_be_bytes(drawn) % 1_000 < u64::from(share) {
            canary
        } else {
            self.active
        }
    }
}

/// Runs that a figure is made of.
pub(crate) const WINDOW: u32 = 1_000;

#[derive(Debug, Default)]
struct Window(VecDeque<Trialled>);

impl Window {
    fn add(&mut self, run: Trialled) {
        if self.0.len() == WINDOW as usize {
            self.0.pop_front();
        }
        self.0.push_back(run);
    }

    fn figures(&self) -> Figures {
        let runs = self.0.len() as u64;
        let fuel: u128 = self.0.iter().map(|run| u128::from(run.fuel)).sum();
        let mut times: Vec<Duration> = self.0.iter().filter_map(|run| run.took).collect();
        let middle = times.len() / 2;
        let latency = (!times.is_empty()).then(|| *times.select_nth_unstable(middle).1);
        Figures {
            runs,
            failed: self.0.iter().filter(|run| !run.succeeded).count() as u64,
            fuel: u64::try_from(fuel / u128::from(runs.max(1))).unwrap_or(u64::MAX),
            latency,
        }
    }
}

/// A canary under watch.
#[derive(Debug)]
struct Trial {
    version: Version,
    active: Version,
    bounds: Bounds,
    of_active: Window,
    of_canary: Window,
}

impl Trial {
    /// What the journal knows of a candidate's runs, and of those that it is compared with; none if
    /// it is no canary.
    fn of(journal: &Journal, row: &CandidateRow) -> Result<Option<Self>, JournalError> {
        if row.stage != Stage::Canary {
            return Ok(None);
        }
        let id = &row.binding;
        let moves = journal.version_moves(id)?;
        let begun = moves
            .iter()
            .rev()
            .find(|moved| moved.version == row.version && moved.kind == MoveKind::Canaried);
        let active = moves.iter().rev().find(|moved| moved.to == Stage::Active);
        let (Some(begun), Some(active)) = (begun, active) else {
            return Ok(None);
        };
        let window = |version: &Version, leaf| -> Result<Window, JournalError> {
            let runs = journal.trialled(id, version, leaf, WINDOW)?;
            Ok(Window(runs.into()))
        };
        Ok(Some(Self {
            version: row.version.clone(),
            active: active.version.clone(),
            bounds: journal.bounds(id)?.unwrap_or_default(),
            of_active: window(&active.version, None)?,
            of_canary: window(&row.version, Some(begun.leaf))?,
        }))
    }
}

/// The canaries of all bindings, by the binding's name.
#[derive(Debug, Default)]
pub(crate) struct Trials(Mutex<HashMap<String, Trial>>);

impl Trials {
    /// Those that the journal has, with what it knows of their runs.
    pub(crate) fn of(journal: &Journal) -> Result<Self, JournalError> {
        let mut trials = HashMap::new();
        for row in journal.candidates()? {
            if let Some(trial) = Trial::of(journal, &row)? {
                trials.insert(row.name, trial);
            }
        }
        Ok(Self(Mutex::new(trials)))
    }

    /// Takes note of a durable move. One that concerns a canary, or what it is compared with, begins
    /// or ends a watch.
    ///
    /// Moves may be told of in another order than they were made in; what stands in the journal
    /// counts.
    fn moved(
        &self,
        journal: &Journal,
        binding: &str,
        moved: &VersionMove,
    ) -> Result<(), JournalError> {
        let concerns = [moved.from, moved.to];
        if !concerns.contains(&Stage::Canary) && moved.to != Stage::Active {
            return Ok(());
        }
        let mut all = self.all();
        all.remove(binding);
        for row in journal.candidates_of(binding)? {
            if let Some(trial) = Trial::of(journal, &row)? {
                all.insert(row.name, trial);
            }
        }
        Ok(())
    }

    /// Counts a run; says why its binding's canary is to be taken back, if that is so now.
    fn count(&self, binding: &str, version: &Version, run: Trialled) -> Option<(Version, String)> {
        let mut all = self.all();
        let trial = all.get_mut(binding)?;
        if *version == trial.version {
            trial.of_canary.add(run);
        } else if *version == trial.active {
            trial.of_active.add(run);
        } else {
            return None;
        }
        if trial.of_canary.0.len() < trial.bounds.least_runs as usize {
            return None;
        }
        let (active, canary) = (trial.of_active.figures(), trial.of_canary.figures());
        let reason = trial.bounds.broken(&active, &canary)?;
        Some((trial.version.clone(), reason))
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<String, Trial>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fabric {
    /// Figures of the binding's active version and of its canary, with the canary's bounds; none if
    /// it has no canary.
    #[must_use]
    pub fn canary_figures(&self, binding: &str) -> Option<(Figures, Figures, Bounds)> {
        let all = self.trials.all();
        let trial = all.get(binding)?;
        Some((
            trial.of_active.figures(),
            trial.of_canary.figures(),
            trial.bounds,
        ))
    }

    /// Takes note of a durable move.
    pub(crate) fn watch(&self, binding: &str, moved: &VersionMove) {
        if let Err(error) = self.trials.moved(&self.journal, binding, moved) {
            tracing::error!(binding, %error, "the canary is not watched");
        }
    }

    /// Counts a run that is durable, and takes the canary back if it broke its bounds.
    pub(crate) async fn try_out(&self, binding: &str, version: &Version, run: Trialled) {
        let Some((version, reason)) = self.trials.count(binding, version, run) else {
            return;
        };
        tracing::warn!(binding, %version, reason, "the canary broke its bounds");
        let decision = Decision::of_fabric(&reason);
        match self.withdraw(binding, &version, decision).await {
            Ok(()) => {}
            // Somebody was faster.
            Err(FabricError::IllegalMove { .. }) => {}
            Err(error) => {
                tracing::error!(binding, %version, %error, "the canary was not withdrawn")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn figures(runs: u64, failed: u64, fuel: u64, millis: u64) -> Figures {
        Figures {
            runs,
            failed,
            fuel,
            latency: Some(Duration::from_millis(millis)),
        }
    }

    #[test]
    fn a_canary_is_judged_by_errors_fuel_and_time_against_the_active_version() {
        let bounds = Bounds::default();
        let active = figures(100, 2, 1_000, 10);
        assert_eq!(bounds.broken(&active, &figures(20, 1, 2_000, 30)), None);
        for (canary, word) in [
            (figures(20, 2, 1_000, 10), "failed"),
            (figures(20, 0, 2_001, 10), "fuel"),
            (figures(20, 0, 1_000, 31), "microseconds"),
        ] {
            let reason = bounds.broken(&active, &canary).expect("it does worse");
            assert!(reason.contains(word), "{reason}");
        }
    }

    #[test]
    fn few_runs_say_nothing() {
        let bounds = Bounds::default();
        let active = figures(100, 0, 1_000, 10);
        assert_eq!(bounds.broken(&active, &figures(19, 19, 9_000, 90)), None);
        let unknown = Figures::default();
        assert_eq!(bounds.broken(&unknown, &figures(20, 0, 9_000, 90)), None);
        assert!(bounds.broken(&unknown, &figures(20, 2, 1, 1)).is_some());
    }

    proptest! {
        /// Over many invocations the canary gets its share, and nobody else's.
        #[test]
        fn the_canary_gets_its_share(share in 1_u16..=1_000, seed in any::<[u8; 32]>()) {
            let (active, canary) = (Measurement::of(b"a"), Measurement::of(b"b"));
            let running = Running { active, canary: Some((canary, share)) };
            let binding = BindingId::from_bytes([7; 32]);
            let drawn = (0..2_000)
                .filter(|number| running.choose(&binding, *number, &seed) == canary)
                .count();
            let expected = usize::from(share) * 2;
            prop_assert!(drawn.abs_diff(expected) <= 150, "{drawn} of {expected}");
        }

        /// A canary that does as the active version does is never taken back.
        #[test]
        fn what_does_as_well_stays(runs in 1_u64..2_000, failed in 0_u64..2_000, fuel: u64, millis in 0_u64..1_000_000) {
            let as_well = figures(runs, failed.min(runs), fuel, millis);
            prop_assert_eq!(Bounds { max_errors: 0, max_fuel: 100, max_latency: 100, least_runs: 1 }.broken(&as_well, &as_well), None);
        }
    }
}

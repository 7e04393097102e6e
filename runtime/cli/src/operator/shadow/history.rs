//! Candidates over the recorded past: from the journal, which a running host does not mind, on all
//! processors.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use cryptlet_attest::{BindingId, Measurement};
use cryptlet_container::manifest_of;
use cryptlet_fabric::journal::{BindingRow, Journal, RunPlace};
use cryptlet_fabric::replay::{RecordedRun, ReplayRefusal, Replayer};
use cryptlet_fabric::shadow::{Difference, FuelBound, PastRun, ShadowRefusal};
use serde::Serialize;
use utoipa::ToSchema;

use super::Past;
use super::live::print_differences;
use crate::audit::replay::workers;
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{BAD, GOOD, Progress, count, printable, progress};

/// Runs whose places are read at once.
const PAGE: u32 = 1_000;
/// Runs that are told one by one.
const MOST_SHOWN: usize = 100;

/// `cryptlet shadow replay --json`: what a candidate did with recorded runs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShadowReplay {
    /// The binding's name.
    binding: String,
    /// The candidate's version, as its manifest says.
    version: String,
    /// The candidate's measurement.
    measurement: String,
    /// Whether there were runs, and the candidate did all that can be replayed as they were done.
    clean: bool,
    /// Runs that it did as they were done.
    same: u64,
    /// Runs that it did otherwise.
    differing: u64,
    /// Runs that no machine can replay, because one interrupted them.
    not_replayable: u64,
    /// Runs that could not be compared here.
    refused: u64,
    /// Fuel of the versions that ran, over all compared runs, without sources.
    fuel_active: u64,
    /// Fuel of the candidate over the same runs.
    fuel_candidate: u64,
    /// Runs that differ or could not be compared, the first hundred found.
    runs: Vec<ShownRun>,
}

/// One run that differs, or could not be compared.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownRun {
    /// The run's number.
    invocation: u64,
    /// The version that ran.
    version: String,
    /// Why it could not be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What the candidate did otherwise.
    differences: Vec<Difference>,
}

/// A time as people write it, in milliseconds: `90m`, `12h`, `7d`.
pub fn time(text: &str) -> Result<u64, String> {
    let refused = || format!("\"{text}\" is no length of time; write it like 90m, 12h or 7d");
    let unit = text.chars().last().ok_or_else(refused)?;
    let milliseconds = match unit {
        's' => 1_000,
        'm' => 60 * 1_000,
        'h' => 3_600 * 1_000,
        'd' => 86_400 * 1_000,
        'w' => 7 * 86_400 * 1_000_u64,
        _ => return Err(refused()),
    };
    let number: u64 = text[..text.len() - unit.len_utf8()]
        .parse()
        .map_err(|_| refused())?;
    number.checked_mul(milliseconds).ok_or_else(refused)
}

pub fn run(past: &Past, within: Option<u64>, output: &mut impl Write) -> Result<(), Failure> {
    let (Some(name), Some(wanted)) = (&past.binding, &past.candidate) else {
        return Err(Failure::Usage(
            "name the binding and the candidate, a version or a component file".into(),
        ));
    };
    let journal = past.state.journal()?;
    let row = journal.binding(name)?.ok_or_else(|| {
        Failure::Usage(format!(
            "there is no binding {name}; `{}` lists those there are",
            past.state.command("ls")
        ))
    })?;
    let component = component(&journal, &row, wanted)?;
    let manifest = manifest_of(&component).map_err(|error| {
        Failure::Refused(format!("{} is no cryptlet: {error}", wanted.display()))
    })?;
    let cryptlet = &row.document.binding.cryptlet;
    if manifest.cryptlet.name != *cryptlet {
        return Err(Failure::Refused(format!(
            "{} is {}, and {name} binds {cryptlet}; name a version of that",
            wanted.display(),
            manifest.cryptlet.name
        )));
    }
    let replayer = crate::audit::replay::replayer()?;
    let compiling = progress(format!(
        "compiling {cryptlet} {}",
        manifest.cryptlet.version
    ));
    let candidate = replayer
        .load(&component)
        .map_err(|error| Failure::Refused(format!("the candidate does not load: {error}")))?;
    drop(compiling);
    let since = within.map_or(0, |within| now().saturating_sub(within));
    let id = row.document.id();
    let runs = journal.count_runs_since(&id, since)?;
    let trial = Trial {
        replayer,
        candidate,
        fuel: FuelBound(past.max_fuel),
        progress: progress("replaying").of(runs),
        found: Mutex::new(ShadowReplay {
            binding: name.clone(),
            version: manifest.cryptlet.version.to_string(),
            measurement: candidate.to_string(),
            clean: false,
            same: 0,
            differing: 0,
            not_replayable: 0,
            refused: 0,
            fuel_active: 0,
            fuel_candidate: 0,
            runs: Vec::new(),
        }),
    };
    workers::feed(
        |(place, recorded)| trial.compare(&place, &recorded),
        |runs| trial.read(&journal, &row, &id, since, runs),
    )?;
    let mut found = trial
        .found
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    drop(trial.progress);
    found.runs.sort_by_key(|run| run.invocation);
    found.clean = found.same > 0 && found.differing == 0 && found.refused == 0;
    if past.json {
        json(&found, output)?;
    } else {
        print(&found, output)?;
    }
    verdict(&found)
}

/// A deployed version of the bound cryptlet, or a file.
fn component(journal: &Journal, row: &BindingRow, wanted: &Path) -> Result<Vec<u8>, Failure> {
    let cryptlet = &row.document.binding.cryptlet;
    let version = wanted
        .to_str()
        .and_then(|text| text.parse::<semver::Version>().ok());
    let Some(version) = version else {
        return std::fs::read(wanted).map_err(|error| {
            Failure::Usage(format!(
                "{} is no version and cannot be read: {error}; name a deployed version or a component file",
                wanted.display()
            ))
        });
    };
    let deployed = journal
        .versions()?
        .into_iter()
        .find(|row| row.cryptlet == *cryptlet && row.version == version)
        .ok_or_else(|| {
            Failure::Usage(format!(
                "{cryptlet} {version} is not deployed; name its component file instead"
            ))
        })?;
    journal.component(&deployed.measurement)?.ok_or_else(|| {
        Failure::Refused(format!(
            "the journal has lost the component of {cryptlet} {version}; name its component file instead"
        ))
    })
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

struct Trial {
    replayer: Replayer,
    candidate: Measurement,
    fuel: FuelBound,
    progress: Progress,
    found: Mutex<ShadowReplay>,
}

impl Trial {
    fn read(
        &self,
        journal: &Journal,
        row: &BindingRow,
        binding: &BindingId,
        since: u64,
        runs: &SyncSender<(RunPlace, RecordedRun)>,
    ) -> Result<(), Failure> {
        let mut after = None;
        loop {
            let page = journal.runs_since(binding, since, after, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.leaf);
            for place in page {
                match self.recorded(journal, row, &place) {
                    Ok(recorded) => {
                        if runs.send((place, recorded)).is_err() {
                            // Whoever feeds the workers knows why they are gone.
                            return Ok(());
                        }
                    }
                    Err(reason) => self.tell(&place, Err(reason)),
                }
            }
        }
    }

    /// A run and the components that its replay needs, or why the journal does not give them.
    fn recorded(
        &self,
        journal: &Journal,
        row: &BindingRow,
        place: &RunPlace,
    ) -> Result<RecordedRun, String> {
        let recorded = journal
            .recorded_run(row, place.number)
            .map_err(|error| error.to_string())?
            .ok_or("the journal does not have what it was run with")?;
        let modules: BTreeMap<_, _> = recorded.modules().unwrap_or_default();
        for measurement in modules.keys() {
            if !self.replayer.has(measurement)
                && let Some(component) = journal
                    .component(measurement)
                    .map_err(|error| error.to_string())?
            {
                // The replayer tells why with every run that needs it.
                let _ = self.replayer.load(&component);
            }
        }
        Ok(recorded)
    }

    fn compare(&self, place: &RunPlace, recorded: &RecordedRun) {
        match self.replayer.shadow(recorded, &self.candidate, self.fuel) {
            Ok(run) => self.tell(place, Ok(run)),
            Err(ShadowRefusal::Recorded(ReplayRefusal::NotReplayable { .. })) => {
                self.found().not_replayable += 1;
                self.progress.advance(1);
            }
            Err(refusal) => self.tell(place, Err(refusal.to_string())),
        }
    }

    fn tell(&self, place: &RunPlace, result: Result<PastRun, String>) {
        let mut found = self.found();
        let (reason, differences) = match result {
            Ok(run) => {
                found.fuel_active = found.fuel_active.saturating_add(run.fuel_active);
                found.fuel_candidate = found.fuel_candidate.saturating_add(run.fuel_candidate);
                if run.differences.is_empty() {
                    found.same += 1;
                } else {
                    found.differing += 1;
                }
                (None, run.differences)
            }
            Err(reason) => {
                found.refused += 1;
                (Some(reason), Vec::new())
            }
        };
        if (reason.is_some() || !differences.is_empty()) && found.runs.len() < MOST_SHOWN {
            found.runs.push(ShownRun {
                invocation: place.number,
                version: place.version.clone(),
                reason,
                differences,
            });
        }
        drop(found);
        self.progress.advance(1);
    }

    fn found(&self) -> std::sync::MutexGuard<'_, ShadowReplay> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn print(found: &ShadowReplay, output: &mut impl Write) -> Result<(), Failure> {
    for run in &found.runs {
        match &run.reason {
            Some(reason) => writeln!(
                output,
                "{BAD}not compared{BAD:#}: invocation {}, which ran on {}: {}",
                run.invocation,
                printable(&run.version),
                printable(reason)
            )?,
            None => writeln!(
                output,
                "{BAD}differs{BAD:#}: invocation {}, which ran on {}",
                run.invocation,
                printable(&run.version)
            )?,
        }
        print_differences(&run.differences, output)?;
    }
    let not_shown = (found.differing + found.refused).saturating_sub(found.runs.len() as u64);
    if not_shown > 0 {
        writeln!(output, "and {not_shown} more")?;
    }
    let style = if found.clean { GOOD } else { BAD };
    writeln!(
        output,
        "{style}{} the same{style:#}, {} differing, {} not replayable, {} not compared; {} units of fuel then, {} now",
        runs(found.same),
        found.differing,
        found.not_replayable,
        found.refused,
        found.fuel_active,
        found.fuel_candidate
    )?;
    Ok(())
}

fn runs(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "run")
}

fn verdict(found: &ShadowReplay) -> Result<(), Failure> {
    let ShadowReplay {
        binding, version, ..
    } = found;
    match (found.differing, found.refused, found.same) {
        (0, 0, 0) => Err(Failure::Refused(format!(
            "nothing is known of {version}: no run of {binding} in that time can be replayed; `cryptlet receipt ls` shows its runs, and --since names another time"
        ))),
        (0, 0, _) => Ok(()),
        (0, refused, _) => Err(Failure::Refused(format!(
            "{} could not be compared; their reasons are above",
            runs(refused)
        ))),
        (differing, ..) => Err(Failure::Refused(format!(
            "{version} does {} otherwise than they were done; the fields are above",
            runs(differing)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(time("90m"), Ok(5_400_000));
        assert_eq!(time("7d"), Ok(604_800_000));
        for text in ["", "7", "d", "-1d", "7é", "99999999999999999w"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}

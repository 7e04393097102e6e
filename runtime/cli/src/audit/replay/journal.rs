//! Every run of a journal, on all processors, one recording at a time in memory for each.

use std::collections::HashMap;
use std::io::Write;
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};

use cryptlet_attest::{BindingId, Measurement};
use cryptlet_fabric::journal::{BindingRow, Journal, JournalError, RunPlace};
use cryptlet_fabric::replay::{RecordedRun, ReplayRefusal, Replayer};

use super::{Arguments, AuditedReplay, replayer, workers};
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{BAD, GOOD, Progress, count, printable, progress};

/// Runs whose places are read at once.
const PAGE: u32 = 1_000;
/// Runs that are not reproduced and told one by one.
const MOST_SHOWN: usize = 100;

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let journal = arguments.state.journal()?;
    let bindings = bindings(&journal, arguments)?;
    let mut runs = 0;
    for row in bindings.values() {
        runs += journal.counts(&row.document.id())?.executed;
    }
    let replays = Replays {
        replayer: replayer()?,
        progress: progress("replaying").of(runs),
        audited: Mutex::new(AuditedReplay::new()),
    };
    let only = arguments
        .binding
        .as_ref()
        .and_then(|_| bindings.keys().next());
    replays.all(&journal, &bindings, only)?;
    let mut audited = replays
        .audited
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    drop(replays.progress);
    audited.runs.sort_by(|one, other| {
        (&one.binding, one.invocation).cmp(&(&other.binding, other.invocation))
    });
    if arguments.json {
        json(&audited, output)?;
    } else {
        print(&audited, &bindings, output)?;
    }
    verdict(&audited)
}

/// All bindings, or the one that is asked for.
fn bindings(
    journal: &Journal,
    arguments: &Arguments,
) -> Result<HashMap<BindingId, BindingRow>, Failure> {
    let rows = match &arguments.binding {
        None => journal.bindings()?,
        Some(name) => vec![journal.binding(name)?.ok_or_else(|| {
            Failure::Usage(format!(
                "there is no binding {name}; `{}` lists those there are",
                arguments.state.command("ls")
            ))
        })?],
    };
    Ok(rows
        .into_iter()
        .map(|row| (row.document.id(), row))
        .collect())
}

struct Replays {
    replayer: Replayer,
    progress: Progress,
    audited: Mutex<AuditedReplay>,
}

impl Replays {
    /// Reads runs on this thread and replays them on others. What is read and not yet replayed is
    /// bounded.
    fn all(
        &self,
        journal: &Journal,
        bindings: &HashMap<BindingId, BindingRow>,
        only: Option<&BindingId>,
    ) -> Result<(), Failure> {
        workers::feed(
            |recorded| self.replay(&recorded),
            |runs| self.read(journal, bindings, only, runs),
        )
    }

    fn read(
        &self,
        journal: &Journal,
        bindings: &HashMap<BindingId, BindingRow>,
        only: Option<&BindingId>,
        runs: &SyncSender<RecordedRun>,
    ) -> Result<(), Failure> {
        let mut after = None;
        loop {
            let page = journal.runs_after(only, after, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.leaf);
            for place in page {
                match self.recorded(journal, bindings, &place) {
                    Ok(recorded) => {
                        if runs.send(recorded).is_err() {
                            // Whoever feeds the workers knows why they are gone.
                            return Ok(());
                        }
                    }
                    Err(why) => self.unreadable(place, why),
                }
            }
        }
    }

    /// A run and the components that its replay needs, or why the journal does not give them.
    fn recorded(
        &self,
        journal: &Journal,
        bindings: &HashMap<BindingId, BindingRow>,
        place: &RunPlace,
    ) -> Result<RecordedRun, String> {
        let unreadable = |error: JournalError| error.to_string();
        let made_since;
        let row = match bindings.get(&place.binding) {
            Some(row) => row,
            // A fabric that runs may have made it since.
            None => {
                let rows = journal.bindings().map_err(unreadable)?;
                made_since = rows
                    .into_iter()
                    .find(|row| row.document.id() == place.binding)
                    .ok_or("the journal does not have its binding")?;
                &made_since
            }
        };
        let recorded = journal
            .recorded_run(row, place.number)
            .map_err(unreadable)?
            .ok_or("the journal does not have what it was run with")?;
        for measurement in recorded.modules().unwrap_or_default().keys() {
            self.load(journal, measurement).map_err(unreadable)?;
        }
        Ok(recorded)
    }

    fn load(&self, journal: &Journal, measurement: &Measurement) -> Result<(), JournalError> {
        if !self.replayer.has(measurement)
            && let Some(component) = journal.component(measurement)?
        {
            // The replayer tells why with every run that needs it.
            let _ = self.replayer.load(&component);
        }
        Ok(())
    }

    fn replay(&self, recorded: &RecordedRun) {
        let result = self.replayer.replay(recorded);
        let is_finding = match &result {
            Ok(replay) => !replay.is_reproduced(),
            Err(refusal) => !matches!(refusal, ReplayRefusal::NotReplayable { .. }),
        };
        let mut audited = self.audited.lock().unwrap_or_else(PoisonError::into_inner);
        let keep = is_finding && audited.runs.len() < MOST_SHOWN;
        audited.count(recorded, &result, keep);
        drop(audited);
        self.progress.advance(1);
    }

    fn unreadable(&self, place: RunPlace, why: String) {
        let mut audited = self.audited.lock().unwrap_or_else(PoisonError::into_inner);
        let keep = audited.runs.len() < MOST_SHOWN;
        audited.count_unreadable(place, why, keep);
        drop(audited);
        self.progress.advance(1);
    }
}

fn print(
    audited: &AuditedReplay,
    bindings: &HashMap<BindingId, BindingRow>,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let name = |id: &str| {
        bindings
            .iter()
            .find(|(known, _)| known.to_string() == id)
            .map_or_else(
                || id.to_owned(),
                |(_, row)| row.document.binding.name.clone(),
            )
    };
    for run in &audited.runs {
        if let Some(reason) = &run.reason {
            writeln!(
                output,
                "{BAD}{}{BAD:#}: {}, invocation {}: {}",
                reason.name,
                printable(&name(&run.binding)),
                run.invocation,
                printable(&reason.says)
            )?;
            run.print(output)?;
        }
    }
    let not_shown = (audited.differing + audited.refused).saturating_sub(audited.runs.len() as u64);
    if not_shown > 0 {
        writeln!(output, "and {not_shown} more")?;
    }
    let style = if audited.reproduced { GOOD } else { BAD };
    writeln!(
        output,
        "{style}{} reproduced{style:#}, {} differing, {} not replayable, {} not replayed; {} units of fuel",
        runs(audited.replayed),
        audited.differing,
        audited.not_replayable,
        audited.refused,
        audited.fuel
    )?;
    Ok(())
}

fn runs(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "run")
}

fn verdict(audited: &AuditedReplay) -> Result<(), Failure> {
    match (audited.differing, audited.refused) {
        (0, 0) => Ok(()),
        (0, refused) => Err(Failure::Refused(format!(
            "{} could not be replayed here; their reasons are above",
            runs(refused)
        ))),
        (differing, _) => Err(Failure::Refused(format!(
            "{} came out otherwise than recorded; keep the journal, it is evidence",
            runs(differing)
        ))),
    }
}

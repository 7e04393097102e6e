//! What a replay came to, for people and as JSON.

use std::io::Write;

use cryptlet_container::{Divergence, Record};
use cryptlet_fabric::journal::RunPlace;
use cryptlet_fabric::replay::{Comparison, RecordedRun, Replay, ReplayRefusal, ReplayedExecution};
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::receipt::ShownDoubt;
use crate::failure::Failure;
use crate::terminal::{BAD, FAINT, GOOD, HEADING, printable};

/// `cryptlet audit replay --json`: what was recorded beside what was computed again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AuditedReplay {
    /// Whether the bundle was verified first, with keys that the auditor trusts; absent for a journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Why the bundle was not verified, or no replay of it could begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<ShownDoubt>,
    /// Whether every run that is replayable was replayed and came out as recorded.
    pub reproduced: bool,
    /// Runs that were replayed and came out as recorded.
    pub replayed: u64,
    /// Runs that no machine can replay, because one interrupted them.
    pub not_replayable: u64,
    /// Runs that came out otherwise.
    pub differing: u64,
    /// Runs of which nothing can be said here.
    pub refused: u64,
    /// Fuel of all replayed runs and their sources.
    pub fuel: u64,
    /// The run of a bundle; with --all, runs that are not reproduced, the first hundred found.
    pub runs: Vec<ShownRun>,
}

/// One run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShownRun {
    /// The binding's id.
    pub binding: String,
    /// The run's number.
    pub invocation: u64,
    /// The cryptlet.
    pub cryptlet: String,
    /// Its version.
    pub version: String,
    /// Why it is not reproduced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ShownReason>,
    /// The first host call in which the replay went another way.
    #[serde(skip_serializing_if = "Option::is_none")]
    divergence: Option<ShownDivergence>,
    /// The run and its sources.
    executions: Vec<ShownExecution>,
}

/// Why a run is not reproduced.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShownReason {
    /// A stable name: `diverged`, `other-execution`, `withheld`, `unreadable`, or why it could not be replayed.
    pub name: &'static str,
    /// The reason.
    pub says: String,
}

/// Where a replay went another way.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownDivergence {
    /// Index of the host call, from 0; further indices lead into the calls of sources.
    path: Vec<usize>,
    /// The call as it was recorded; absent if the transcript ends before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<ShownCall>,
    /// The call of the replay; absent if it ended before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed: Option<ShownCall>,
}

/// A host call and its answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownCall {
    /// The function, as WIT names it.
    name: &'static str,
    /// All of it, in CBOR's diagnostic notation.
    record: String,
}

/// The bound cryptlet's execution, or a source's.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownExecution {
    /// The name by which it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// 0 for the bound cryptlet; sources count from 1.
    ordinal: u32,
    /// The cryptlet.
    cryptlet: String,
    /// Its version.
    version: String,
    /// How the replay ended.
    outcome: String,
    /// Fuel of the replay.
    fuel: u64,
    /// Fields that came out as recorded.
    reproduced: Vec<String>,
    /// Fields with a digest that was not opened: the rest of them is as recorded.
    withheld: Vec<String>,
    /// Fields that came out otherwise.
    differing: Vec<ShownField>,
}

/// A field that came out otherwise.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownField {
    /// Its name; `execution` if there is no such execution on one side.
    field: String,
    /// As it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<String>,
    /// As it was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed: Option<String>,
}

impl AuditedReplay {
    /// Of no run yet.
    pub fn new() -> Self {
        Self {
            verified: None,
            doubt: None,
            reproduced: true,
            replayed: 0,
            not_replayable: 0,
            differing: 0,
            refused: 0,
            fuel: 0,
            runs: Vec::new(),
        }
    }

    /// Counts one run; the run is kept if `keep` says so.
    pub fn count(
        &mut self,
        recorded: &RecordedRun,
        result: &Result<Replay, ReplayRefusal>,
        keep: bool,
    ) {
        match result {
            Ok(replay) => {
                self.fuel = self.fuel.saturating_add(replay.fuel());
                if !replay.is_reproduced() {
                    self.differing += 1;
                    self.reproduced = false;
                } else if replay.withheld().next().is_some() {
                    self.refused += 1;
                    self.reproduced = false;
                } else {
                    self.replayed += 1;
                }
            }
            Err(ReplayRefusal::NotReplayable { .. }) => self.not_replayable += 1,
            Err(_) => {
                self.refused += 1;
                self.reproduced = false;
            }
        }
        if keep {
            self.runs.push(ShownRun::new(recorded, result));
        }
    }

    /// Counts a run of which no replay begins.
    pub fn stop(&mut self, doubt: ShownDoubt) {
        self.refused += 1;
        self.reproduced = false;
        self.doubt = Some(doubt);
    }

    /// Counts a run that the journal has and does not give; it is kept if `keep` says so.
    pub fn count_unreadable(&mut self, place: RunPlace, why: String, keep: bool) {
        self.refused += 1;
        self.reproduced = false;
        if keep {
            self.runs.push(ShownRun {
                binding: place.binding.to_string(),
                invocation: place.number,
                cryptlet: place.cryptlet,
                version: place.version,
                reason: Some(ShownReason {
                    name: "unreadable",
                    says: why,
                }),
                divergence: None,
                executions: Vec::new(),
            });
        }
    }
}

impl ShownRun {
    fn new(recorded: &RecordedRun, result: &Result<Replay, ReplayRefusal>) -> Self {
        let execution = &recorded.run.execution;
        let replay = result.as_ref().ok();
        Self {
            binding: execution.binding.to_string(),
            invocation: execution.invocation,
            cryptlet: execution.cryptlet.clone(),
            version: execution.version.clone(),
            reason: reason(result),
            divergence: replay
                .and_then(|replay| replay.divergence.as_ref())
                .map(ShownDivergence::from),
            executions: replay
                .map(|replay| replay.executions.iter().map(ShownExecution::from).collect())
                .unwrap_or_default(),
        }
    }

    /// For people: every execution with what was compared, and where it went another way.
    pub fn print(&self, output: &mut impl Write) -> Result<(), Failure> {
        for execution in &self.executions {
            execution.print(output)?;
        }
        if let Some(divergence) = &self.divergence {
            divergence.print(output)?;
        }
        Ok(())
    }
}

/// Why a run is not reproduced, unless it is.
pub fn reason(result: &Result<Replay, ReplayRefusal>) -> Option<ShownReason> {
    let replay = match result {
        Ok(replay) => replay,
        Err(refusal) => {
            return Some(ShownReason {
                name: refusal.name(),
                says: refusal.to_string(),
            });
        }
    };
    if let Some(divergence) = &replay.divergence {
        return Some(ShownReason {
            name: "diverged",
            says: divergence.to_string(),
        });
    }
    let Some(execution) = replay.executions.iter().find(|e| !e.is_reproduced()) else {
        let withheld: Vec<&str> = replay.withheld().collect();
        return (!withheld.is_empty()).then(|| ShownReason {
            name: "withheld",
            says: format!(
                "{} could not be compared, because not all of it is opened; ask for a bundle that was exported with --replayable",
                withheld.join(", ")
            ),
        });
    };
    let fields: Vec<&str> = execution
        .differing()
        .map(|field| field.name.as_str())
        .collect();
    Some(ShownReason {
        name: "other-execution",
        says: format!(
            "{} came out with other values: {}",
            heading(
                execution.source.as_deref(),
                execution.ordinal,
                &execution.cryptlet,
                &execution.version
            ),
            fields.join(", ")
        ),
    })
}

fn heading(source: Option<&str>, ordinal: u32, cryptlet: &str, version: &str) -> String {
    match source {
        None => format!("{cryptlet} {version}"),
        Some(source) => format!("source {source} ({ordinal}), {cryptlet} {version}"),
    }
}

impl ShownExecution {
    fn print(&self, output: &mut impl Write) -> Result<(), Failure> {
        let heading = heading(
            self.source.as_deref(),
            self.ordinal,
            &self.cryptlet,
            &self.version,
        );
        writeln!(
            output,
            "{HEADING}{}:{HEADING:#} {}, {} units of fuel",
            printable(&heading),
            printable(&self.outcome),
            self.fuel
        )?;
        if !self.reproduced.is_empty() {
            let fields = printable(&self.reproduced.join(", "));
            writeln!(output, "  {GOOD}reproduced:{GOOD:#} {fields}")?;
        }
        if !self.withheld.is_empty() {
            let fields = printable(&self.withheld.join(", "));
            writeln!(output, "  {FAINT}not opened: {fields}{FAINT:#}")?;
        }
        for field in &self.differing {
            writeln!(output, "  {BAD}differs:{BAD:#} {}", printable(&field.field))?;
            writeln!(output, "    recorded: {}", either(field.recorded.as_ref()))?;
            writeln!(output, "    replayed: {}", either(field.replayed.as_ref()))?;
        }
        Ok(())
    }
}

impl ShownDivergence {
    fn print(&self, output: &mut impl Write) -> Result<(), Failure> {
        let path: Vec<String> = self.path.iter().map(ToString::to_string).collect();
        writeln!(output, "{BAD}host call {}:{BAD:#}", path.join("/"))?;
        for (side, call) in [("recorded", &self.recorded), ("replayed", &self.replayed)] {
            match call {
                Some(call) => writeln!(
                    output,
                    "  {side}: {} {}",
                    call.name,
                    either(Some(&call.record))
                )?,
                None => writeln!(output, "  {side}: the end")?,
            }
        }
        Ok(())
    }
}

/// Most characters of a value that are shown to people; JSON has all of them.
const MOST_CHARACTERS: usize = 1_000;

fn either(value: Option<&String>) -> String {
    let Some(value) = value else {
        return "nothing".into();
    };
    match value.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", printable(&value[..end])),
        None => printable(value),
    }
}

impl From<&ReplayedExecution> for ShownExecution {
    fn from(execution: &ReplayedExecution) -> Self {
        let mut shown = Self {
            source: execution.source.clone(),
            ordinal: execution.ordinal,
            cryptlet: execution.cryptlet.clone(),
            version: execution.version.clone(),
            outcome: execution.outcome.clone(),
            fuel: execution.fuel,
            reproduced: Vec::new(),
            withheld: Vec::new(),
            differing: Vec::new(),
        };
        for field in &execution.fields {
            let name = field.name.clone();
            match &field.comparison {
                Comparison::Same => shown.reproduced.push(name),
                Comparison::Withheld => shown.withheld.push(name),
                Comparison::Differs { recorded, replayed } => shown.differing.push(ShownField {
                    field: name,
                    recorded: recorded.clone(),
                    replayed: replayed.clone(),
                }),
            }
        }
        shown
    }
}

impl From<&Divergence> for ShownDivergence {
    fn from(divergence: &Divergence) -> Self {
        let call = |record: &Option<Box<Record>>| {
            record.as_ref().map(|record| ShownCall {
                name: record.name(),
                record: record.diagnostic(),
            })
        };
        Self {
            path: divergence.path.clone(),
            recorded: call(&divergence.expected),
            replayed: call(&divergence.found),
        }
    }
}

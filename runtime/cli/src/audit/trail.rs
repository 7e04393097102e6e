//! `cryptlet audit trail`: everything is decided by `cryptlet_attest` alone; no host is asked and
//! no network is used.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use cryptlet_attest::Stage;
use cryptlet_attest::trail::{Finding, Invocation, Question, Trail};
use cryptlet_fabric::Binding;
use semver::Version;
use serde::Serialize;
use utoipa::ToSchema;

use super::log::{LogSource, Refusal, terms};
use super::shown::{ShownCheckpoint, ShownClaim, print_claims, shown};
use super::trust::{Trust, trust};
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{Cell, GOOD, Table, instant, printable};

#[derive(Args)]
#[command(after_help = "Examples:
  cryptlet audit trail acme-globex-swap --trust example.org/log+3f1c2a77+AU…
  cryptlet audit trail 0x715a… --from fabric.log.cbor --trust KEY --document swap.toml
  cryptlet audit trail acme-globex-swap --trust KEY --keep-checkpoint this-year.note
  cryptlet audit trail acme-globex-swap --trust KEY --since-checkpoint last-year.note --json")]
pub struct Arguments {
    /// The binding: its name, or its id 0x….
    binding: String,
    #[command(flatten)]
    log: LogSource,
    /// Key of the log, written `name+id+key` as its operator publishes it, or a file that holds keys,
    /// one a line, as CRYPTLET_TRUST may name one; may be repeated.
    #[arg(long, value_name = "KEY", value_parser = trust)]
    trust: Vec<Trust>,
    /// A checkpoint of this log that --keep-checkpoint kept: shows whether history was rewritten
    /// since.
    #[arg(long, value_name = "FILE")]
    since_checkpoint: Option<PathBuf>,
    /// Write the checkpoint to which the whole log hashes, if it holds together, to a new file.
    #[arg(long, value_name = "FILE")]
    keep_checkpoint: Option<PathBuf>,
    /// Print the trail, or the contradiction, as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let since = arguments
        .since_checkpoint
        .as_ref()
        .map(|file| {
            std::fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))
        })
        .transpose()?;
    let trust = Trust::logs_with(&arguments.trust)?;
    let log = arguments.log.open()?;
    let (binding, documents) = arguments.log.binding(&log, &arguments.binding)?;
    let question = Question {
        binding,
        terms: documents.iter().map(terms).collect(),
        since: since.as_deref(),
    };
    let result = log
        .follow(&question, &trust)?
        .map_err(ShownContradiction::from)
        .and_then(|trail| match outside(&trail, &documents) {
            None => Ok(trail),
            Some(found) => Err(found),
        });
    if let (Ok(_), Some(file)) = (&result, &arguments.keep_checkpoint) {
        keep(&log.checkpoint()?, file)?;
    }
    if arguments.json {
        json(&AuditedTrail::from(&result), output)?;
    } else if let Ok(trail) = &result {
        print(trail, output)?;
        advise(arguments);
    }
    result
        .map(drop)
        .map_err(|found| found.refused("the log does not hold together"))
}

/// Writes a checkpoint where none is: an older one is worth more than this.
fn keep(checkpoint: &str, file: &Path) -> Result<(), Failure> {
    File::create_new(file)
        .and_then(|mut open| open.write_all(checkpoint.as_bytes()))
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::Usage(format!(
                "{} is there already; name a new file for the checkpoint",
                file.display()
            )),
            _ => Failure::Refused(format!("cannot write {}: {error}", file.display())),
        })
}

/// Advice is for people; programs know what they are doing.
fn advise(arguments: &Arguments) {
    if !io::stderr().is_terminal() {
        return;
    }
    match &arguments.keep_checkpoint {
        Some(file) => eprintln!(
            "Next time: --since-checkpoint {}",
            printable(&file.display().to_string())
        ),
        None if arguments.since_checkpoint.is_none() => {
            eprintln!("Next: keep the checkpoint with --keep-checkpoint FILE");
        }
        None => {}
    }
}

/// A move that lets a version run which the counterparties' document does not allow.
fn outside(trail: &Trail, documents: &[Binding]) -> Option<ShownContradiction> {
    let (change, range) = trail
        .moves
        .iter()
        .filter(|change| matches!(change.change.leads_to(), Stage::Active | Stage::Canary))
        .find_map(|change| {
            let (before, after) = around(trail, documents, change.leaf);
            let version: Option<Version> = change.version.parse().ok();
            let allows = |document: &Binding| {
                version
                    .as_ref()
                    .is_some_and(|version| document.binding.versions.matches(version))
            };
            // The module that a document begins with takes its place in the same commit, before it.
            let begins = after.filter(|next| next.binding.measurement == change.measurement);
            let allowed = before.is_none_or(allows) || begins.is_some_and(allows);
            (!allowed).then_some((change, &before?.binding.versions))
        })?;
    Some(ShownContradiction {
        name: "outside-range",
        leaf: Some(change.leaf),
        says: format!(
            "leaf {}: it lets version {} run, but the binding's document allows {range}",
            change.leaf, change.version
        ),
        signed_by_host: true,
    })
}

/// The document that is in force at a leaf, and the one that comes into force next.
fn around<'d>(
    trail: &Trail,
    documents: &'d [Binding],
    leaf: u64,
) -> (Option<&'d Binding>, Option<&'d Binding>) {
    let place = trail
        .activations
        .partition_point(|activation| activation.leaf < leaf);
    let document = |place: usize| {
        let version = trail.activations.get(place)?.version;
        documents
            .iter()
            .find(|document| document.version() == version)
    };
    (place.checked_sub(1).and_then(document), document(place))
}

fn print(trail: &Trail, output: &mut impl Write) -> Result<(), Failure> {
    let mut table = Table::new([
        "INVOCATION",
        "INSTANT",
        "VERSION",
        "OUTCOME",
        "FUEL",
        "DELIVERIES",
        "LEAF",
    ]);
    for invocation in &trail.invocations {
        table.row(row(invocation));
    }
    table.print(output)?;
    writeln!(output)?;
    writeln!(
        output,
        "{GOOD}the log holds together{GOOD:#} for binding {}",
        trail.binding
    )?;
    print_claims(&trail.claims, output)
}

fn row(invocation: &Invocation) -> [Cell; 7] {
    let when = instant(invocation.instant);
    let Some(run) = &invocation.run else {
        return [
            invocation.number.into(),
            when.into(),
            "".into(),
            "waits".into(),
            "".into(),
            "".into(),
            invocation.leaf.into(),
        ];
    };
    let deliveries: Vec<String> = run
        .deliveries
        .iter()
        .map(|delivery| delivery.number.to_string())
        .collect();
    let outcome = Cell::from(run.outcome.to_string());
    [
        invocation.number.into(),
        when.into(),
        (&run.version).into(),
        if run.outcome.is_ok() {
            outcome.styled(GOOD)
        } else {
            outcome
        },
        run.fuel.into(),
        deliveries.join(", ").into(),
        run.leaf.into(),
    ]
}

/// `cryptlet audit trail --json`: what the log says of a binding, or where it contradicts itself.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AuditedTrail {
    /// Whether nothing contradicts anything.
    holds: bool,
    /// What does.
    #[serde(skip_serializing_if = "Option::is_none")]
    contradiction: Option<ShownContradiction>,
    /// The binding's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<String>,
    /// The checkpoint to which the whole log hashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<ShownCheckpoint>,
    /// The earlier checkpoint that it extends.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<ShownCheckpoint>,
    /// Every invocation, by number.
    invocations: Vec<ShownInvocation>,
    /// Changes of the active version.
    moves: Vec<ShownMove>,
    /// What may be said, one after the other.
    claims: Vec<ShownClaim>,
}

/// The first thing that does not fit.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShownContradiction {
    /// A stable name.
    pub name: &'static str,
    /// The leaf at which it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u64>,
    /// What does not fit.
    pub says: String,
    /// Whether the host's key has signed it; if not, the leaves were altered afterwards.
    pub signed_by_host: bool,
}

impl ShownContradiction {
    /// How the command ends.
    pub fn refused(&self, what: &str) -> Failure {
        Failure::Refused(format!("{what} ({}): {}", self.name, self.says))
    }
}

/// One invocation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownInvocation {
    /// Its number.
    number: u64,
    /// The leaf that accepted it.
    accepted_at: u64,
    /// Kind of the trigger.
    trigger: &'static str,
    /// Its instant, RFC 3339.
    instant: String,
    /// The module, fixed at acceptance.
    measurement: String,
    /// What became of it; absent while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<ShownRun>,
}

/// What became of an invocation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownRun {
    /// The leaf of its receipt.
    leaf: u64,
    /// The receipt hash on a chain.
    leaf_hash: String,
    /// Hash of the execution part.
    execution_hash: String,
    /// The cryptlet.
    cryptlet: String,
    /// Its version.
    version: String,
    /// How it ended.
    outcome: String,
    /// Deterministic units of work.
    fuel: u64,
    /// Numbers of the deliveries that it sealed.
    deliveries: Vec<u64>,
    /// Leaves of the sources that it asked.
    sources: Vec<u64>,
}

/// A move of a version from one stage to another.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownMove {
    /// The leaf that says so.
    leaf: u64,
    /// `shadowed`, `canaried`, `promoted`, `rolled-back`, `withdrawn`, `draining`, `retained` or
    /// `retired`.
    change: String,
    /// Which version.
    version: String,
    /// Its module.
    measurement: String,
    /// Who decided on it; absent in logs of hosts that kept no stages.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The share of new invocations that a canary gets, in thousandths.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<u16>,
}

impl From<&Result<Trail, ShownContradiction>> for AuditedTrail {
    fn from(result: &Result<Trail, ShownContradiction>) -> Self {
        match result {
            Ok(trail) => Self {
                holds: true,
                contradiction: None,
                binding: Some(trail.binding.to_string()),
                checkpoint: Some(ShownCheckpoint::from(&trail.checkpoint)),
                since: trail.since.as_ref().map(ShownCheckpoint::from),
                invocations: trail.invocations.iter().map(shown_invocation).collect(),
                moves: trail
                    .moves
                    .iter()
                    .map(|change| ShownMove {
                        leaf: change.leaf,
                        change: change.change.to_string(),
                        version: change.version.clone(),
                        measurement: change.measurement.to_string(),
                        by: change.by.clone(),
                        reason: change.reason.clone(),
                        share: change.share,
                    })
                    .collect(),
                claims: shown(&trail.claims),
            },
            Err(found) => Self {
                holds: false,
                contradiction: Some(found.clone()),
                binding: None,
                checkpoint: None,
                since: None,
                invocations: Vec::new(),
                moves: Vec::new(),
                claims: Vec::new(),
            },
        }
    }
}

fn shown_invocation(invocation: &Invocation) -> ShownInvocation {
    ShownInvocation {
        number: invocation.number,
        accepted_at: invocation.leaf,
        trigger: invocation.trigger.kind.name(),
        instant: instant(invocation.instant),
        measurement: invocation.measurement.to_string(),
        run: invocation.run.as_ref().map(|run| ShownRun {
            leaf: run.leaf,
            leaf_hash: run.leaf_hash.to_string(),
            execution_hash: run.execution_hash.to_string(),
            cryptlet: run.cryptlet.clone(),
            version: run.version.clone(),
            outcome: run.outcome.to_string(),
            fuel: run.fuel,
            deliveries: run.deliveries.iter().map(|sealed| sealed.number).collect(),
            sources: run.sources.clone(),
        }),
    }
}

impl From<Refusal> for ShownContradiction {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing { leaf } => Self {
                name: "missing-leaf",
                leaf: Some(leaf),
                says: format!("leaf {leaf}: it is missing, though the checkpoint covers it"),
                signed_by_host: false,
            },
            Refusal::Contradiction { found, unaltered } => {
                let mut says = found.to_string();
                if let Some(unaltered) = unaltered
                    && !matches!(found.finding, Finding::Checkpoint(_))
                {
                    says.push_str(&format!(
                        "; by older checkpoints the first {unaltered} leaves are as they were signed"
                    ));
                }
                Self {
                    name: found.name(),
                    leaf: found.leaf,
                    says,
                    signed_by_host: found.is_signed(),
                }
            }
        }
    }
}

//! `cryptlet status`: how the service is doing, and what waits for its operator.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use cryptlet_service::api::{BindingStatus, LedgerStatus, Status, WitnessStatus};

use super::client::Connection;
use crate::failure::Failure;
use crate::listing::{json, leaves};
use crate::terminal::{BAD, Cell, GOOD, Table, instant, printable};

/// Between two questions to a service that does not answer yet.
const PAUSE: Duration = Duration::from_millis(100);

const EXAMPLES: &str = "\
Examples:
  cryptlet status
  cryptlet status --wait 30 --check && echo all is well
  cryptlet status --json | jq '.bindings[].waiting'";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    service: Connection,
    /// Wait this long for a service that is about to start.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
    /// Fail if anything waits, the log is not published or cosigned, a node does not answer, or the service
    /// is about to stop.
    #[arg(long)]
    check: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let status = ask(&arguments.service, Duration::from_secs(arguments.wait))?;
    if arguments.json {
        json(&status, output)?;
    } else {
        print(&status, output)?;
    }
    match trouble(&status) {
        Some(trouble) if arguments.check => Err(Failure::Refused(trouble)),
        _ => Ok(()),
    }
}

/// Asks until there is an answer, or until `patience` is used up.
fn ask(service: &Connection, patience: Duration) -> Result<Status, Failure> {
    let started = Instant::now();
    loop {
        let asked = service.open().and_then(|client| client.get(&["status"]));
        match asked {
            Err(Failure::Refused(_)) if started.elapsed() < patience => thread::sleep(PAUSE),
            done => return done,
        }
    }
}

/// The first thing that is not as it should be, if there is one.
fn trouble(status: &Status) -> Option<String> {
    if status.draining {
        return Some("the service is about to stop and takes no new work".into());
    }
    if let Some(contradiction) = &status.contradiction {
        return Some(contradiction.clone());
    }
    if let Some(failure) = &status.publication.failure {
        return Some(failure.clone());
    }
    let witness = status.witnesses.iter().find_map(|witness| {
        let failure = witness.failure.as_ref()?;
        Some(format!("witness {}: {failure}", witness.name))
    });
    let ledger = status.ledgers.iter().find_map(|ledger| {
        let failure = ledger.failure.as_ref()?;
        Some(format!("ledger {}: {failure}", ledger.name))
    });
    let binding = || {
        status.bindings.iter().find_map(|binding| {
            let reason = binding.waiting.first()?;
            Some(format!("binding {} waits: {reason}", binding.name))
        })
    };
    witness.or(ledger).or_else(binding)
}

fn print(status: &Status, output: &mut impl Write) -> Result<(), Failure> {
    writeln!(
        output,
        "{}  serves since {}{}",
        printable(&status.origin),
        instant(status.started_at),
        if status.draining {
            format!(", {BAD}takes no new work{BAD:#}")
        } else {
            String::new()
        }
    )?;
    writeln!(
        output,
        "version {}, {} in the log; auditors trust {}",
        printable(&status.version),
        leaves(status.log_size),
        printable(&status.trusted_key)
    )?;
    if let Some(contradiction) = &status.contradiction {
        writeln!(
            output,
            "{BAD}takes no work:{BAD:#} {}",
            printable(contradiction)
        )?;
    }
    if let Some(failure) = &status.publication.failure {
        let published = leaves(status.publication.size);
        writeln!(
            output,
            "{BAD}published: {published};{BAD:#} {}",
            printable(failure)
        )?;
    }
    if !status.witnesses.is_empty() {
        writeln!(output)?;
        witnesses(&status.witnesses).print(output)?;
    }
    if !status.ledgers.is_empty() {
        writeln!(output)?;
        ledgers(&status.ledgers).print(output)?;
    }
    if !status.bindings.is_empty() {
        writeln!(output)?;
        bindings(&status.bindings).print(output)?;
    }
    Ok(())
}

fn ledgers(ledgers: &[LedgerStatus]) -> Table<4> {
    let mut table = Table::new(["LEDGER", "CHAIN", "HEAD", "NODE"]);
    for ledger in ledgers {
        let head = ledger.head.map_or_else(|| Cell::from(""), Cell::from);
        let node = match ledger.failure {
            None => Cell::from("answers").styled(GOOD),
            Some(_) => Cell::from("fails").styled(BAD),
        };
        table.row([(&ledger.name).into(), (&ledger.chain).into(), head, node]);
        if let Some(failure) = &ledger.failure {
            table.note(failure);
        }
    }
    table
}

fn witnesses(witnesses: &[WitnessStatus]) -> Table<3> {
    let mut table = Table::new(["WITNESS", "COSIGNED", "STATE"]);
    for witness in witnesses {
        let state = match witness.failure {
            None => Cell::from("cosigns").styled(GOOD),
            Some(_) => Cell::from("does not").styled(BAD),
        };
        table.row([(&witness.name).into(), witness.size.into(), state]);
        if let Some(failure) = &witness.failure {
            table.note(failure);
        }
    }
    table
}

fn bindings(bindings: &[BindingStatus]) -> Table<6> {
    let mut table = Table::new(["BINDING", "RUNS", "QUEUED", "EXECUTED", "OPEN", "STATE"]);
    for binding in bindings {
        let state = match binding.waiting.as_slice() {
            [] => Cell::from("well").styled(GOOD),
            _ => Cell::from("waits").styled(BAD),
        };
        table.row([
            (&binding.name).into(),
            format!("{} {}", binding.cryptlet, binding.active).into(),
            binding.queued.into(),
            binding.executed.into(),
            binding.open_deliveries.into(),
            state,
        ]);
        for reason in &binding.waiting {
            table.note(reason);
        }
    }
    table
}

//! `cryptlet ls` and `cryptlet tx`: what a host's journal holds.

use std::io::Write;

use clap::Args;
use cryptlet_fabric::journal::{DeliveryRow, Journal, VersionMove, VersionRow};
use serde::Serialize;

use crate::failure::Failure;
use crate::state::StateFolder;
use crate::terminal::printable;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    state: StateFolder,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listing {
    versions: Vec<VersionRow>,
    bindings: Vec<ListedBinding>,
    log: Log,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ListedBinding {
    name: String,
    id: String,
    version: String,
    cryptlet: String,
    active: String,
    counterparties: Vec<String>,
    moves: Vec<VersionMove>,
}

#[derive(Serialize)]
struct Log {
    size: u64,
    key: Option<String>,
    checkpoint: Option<String>,
}

/// Prints every version and every binding.
pub fn versions_and_bindings(
    arguments: &Arguments,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let journal = arguments.state.journal()?;
    let listing = Listing {
        versions: journal.versions()?,
        bindings: bindings(&journal)?,
        log: Log {
            size: journal.log_size()?,
            key: journal.trusted_key()?.map(|key| key.to_string()),
            checkpoint: journal.checkpoint()?,
        },
    };
    if arguments.json {
        return json(&listing, output);
    }
    writeln!(output, "VERSIONS")?;
    for row in &listing.versions {
        writeln!(
            output,
            "{}  {} {}",
            row.measurement, row.cryptlet, row.version
        )?;
    }
    for binding in &listing.bindings {
        writeln!(output)?;
        writeln!(output, "BINDING {}", printable(&binding.name))?;
        writeln!(output, "id              {}", binding.id)?;
        writeln!(output, "version         {}", binding.version)?;
        writeln!(
            output,
            "runs            {} {}",
            binding.cryptlet, binding.active
        )?;
        writeln!(
            output,
            "counterparties  {}",
            printable(&binding.counterparties.join(", "))
        )?;
        for moved in &binding.moves {
            writeln!(output, "                {} {}", moved.change, moved.version)?;
        }
    }
    writeln!(output)?;
    writeln!(output, "LOG")?;
    writeln!(output, "{} leaves", listing.log.size)?;
    if let Some(key) = &listing.log.key {
        writeln!(output, "auditors trust  {}", printable(key))?;
    }
    Ok(())
}

fn bindings(journal: &Journal) -> Result<Vec<ListedBinding>, Failure> {
    journal
        .bindings()?
        .into_iter()
        .map(|row| {
            let id = row.document.id();
            Ok(ListedBinding {
                id: id.to_string(),
                version: row.document.version().to_string(),
                moves: journal.version_moves(&id)?,
                counterparties: row
                    .document
                    .counterparties
                    .iter()
                    .map(|counterparty| format!("{} {}", counterparty.name, counterparty.address))
                    .collect(),
                name: row.document.binding.name,
                cryptlet: row.document.binding.cryptlet,
                active: row.active.to_string(),
            })
        })
        .collect()
}

#[derive(Serialize)]
struct ListedDelivery {
    #[serde(flatten)]
    delivery: DeliveryRow,
    transaction: Option<String>,
}

/// Prints every delivery.
pub fn deliveries(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let journal = arguments.state.journal()?;
    let mut listed = Vec::new();
    for binding in journal.bindings()? {
        for delivery in journal.deliveries(&binding.document.id())? {
            let transaction = journal
                .newest_attempt(&delivery)?
                .map(|attempt| format!("0x{}", hex::encode(attempt.hash)));
            listed.push(ListedDelivery {
                delivery,
                transaction,
            });
        }
    }
    if arguments.json {
        return json(&listed, output);
    }
    writeln!(
        output,
        "LEDGER  DELIVERY  INVOCATION  ACTION  STATUS  TRANSACTION"
    )?;
    for ListedDelivery {
        delivery,
        transaction,
    } in &listed
    {
        writeln!(
            output,
            "{}  {:>8}  {:>10}  {}  {}  {}",
            printable(&delivery.ledger),
            delivery.delivery,
            delivery.number,
            printable(&delivery.action),
            delivery.status,
            transaction.as_deref().unwrap_or("none yet"),
        )?;
        if let Some(refusal) = &delivery.refusal {
            writeln!(output, "        waits: {}", printable(refusal))?;
        }
    }
    Ok(())
}

/// Prints a value as JSON for programs.
pub fn json(value: &impl Serialize, output: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *output, value).map_err(std::io::Error::from)?;
    writeln!(output)?;
    Ok(())
}

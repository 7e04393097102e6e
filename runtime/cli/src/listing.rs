//! `cryptlet ls` and `cryptlet tx`: what a host's journal holds.

use std::io::Write;

use clap::Args;
use cryptlet_fabric::VersionMove;
use cryptlet_fabric::journal::{BindingRow, DeliveryRow, Journal, JournalError, VersionRow};
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::state::StateFolder;
use crate::terminal::{HEADING, Table, instant, printable};

/// How `cryptlet ls` is used.
pub const EXAMPLES: &str = "\
Examples:
  cryptlet ls
  cryptlet ls --state /var/lib/cryptlet
  cryptlet ls --json | jq '.bindings[].active'";

/// How `cryptlet tx` is used.
pub const DELIVERIES_EXAMPLES: &str = "\
Examples:
  cryptlet tx
  cryptlet tx --state /var/lib/cryptlet
  cryptlet tx --json";

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    state: StateFolder,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What `cryptlet ls --json` prints.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Listing {
    /// Every deployed version, by name and then by age.
    versions: Vec<ListedVersion>,
    /// Every binding, by name.
    bindings: Vec<ListedBinding>,
    /// The transparency log.
    log: ListedLog,
}

/// A deployed version.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ListedVersion {
    /// The cryptlet's name.
    cryptlet: String,
    /// Its version.
    version: String,
    /// What its bytes measure.
    measurement: String,
    /// When it was deployed; milliseconds since 1970.
    deployed_at: u64,
}

/// A binding.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ListedBinding {
    /// The operator's name for it.
    name: String,
    /// Its id, as the chain knows it.
    id: String,
    /// A hash of all parts of its document.
    version: String,
    /// The bound cryptlet.
    cryptlet: String,
    /// The version that new invocations run on.
    active: String,
    /// Names and wallets.
    counterparties: Vec<String>,
    /// The moves of its versions, oldest first.
    moves: Vec<ListedMove>,
}

/// A move of a version from one stage to another.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ListedMove {
    /// What happened: `activated`, `shadowed`, `canaried`, `promoted`, `rolled-back`, `withdrawn`,
    /// `draining`, `retained` or `retired`.
    change: String,
    /// Which version.
    version: String,
    /// Who decided on it: the name of a token, or `fabric`.
    by: String,
    /// Why.
    reason: String,
    /// When; milliseconds since 1970.
    at: u64,
}

/// The transparency log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ListedLog {
    /// How many leaves it has.
    size: u64,
    /// The verifier key that auditors trust.
    key: Option<String>,
    /// The newest checkpoint, a signed note.
    checkpoint: Option<String>,
}

/// Prints every version and every binding.
pub fn versions_and_bindings(
    arguments: &Arguments,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let journal = arguments.state.journal()?;
    let bindings = journal.bindings()?;
    let listing = Listing {
        versions: journal.versions()?.into_iter().map(Into::into).collect(),
        bindings: bindings
            .into_iter()
            .map(|row| ListedBinding::read(row, &journal))
            .collect::<Result<_, _>>()?,
        log: ListedLog {
            size: journal.log_size()?,
            key: journal.trusted_key()?.map(|key| key.to_string()),
            checkpoint: journal.checkpoint()?,
        },
    };
    if arguments.json {
        return json(&listing, output);
    }
    let mut table = Table::new(["CRYPTLET", "VERSION", "DEPLOYED", "MEASUREMENT"]);
    for version in &listing.versions {
        table.row([
            (&version.cryptlet).into(),
            (&version.version).into(),
            instant(version.deployed_at).into(),
            (&version.measurement).into(),
        ]);
    }
    table.print(output)?;
    for binding in &listing.bindings {
        writeln!(output)?;
        binding.print(output)?;
    }
    writeln!(output)?;
    writeln!(output, "{HEADING}LOG{HEADING:#}")?;
    writeln!(output, "{}", leaves(listing.log.size))?;
    if let Some(key) = &listing.log.key {
        writeln!(output, "auditors trust  {}", printable(key))?;
    }
    Ok(())
}

impl From<VersionRow> for ListedVersion {
    fn from(row: VersionRow) -> Self {
        Self {
            cryptlet: row.cryptlet,
            version: row.version.to_string(),
            measurement: row.measurement.to_string(),
            deployed_at: row.deployed_at,
        }
    }
}

impl From<VersionMove> for ListedMove {
    fn from(moved: VersionMove) -> Self {
        Self {
            change: moved.kind.to_string(),
            version: moved.version.to_string(),
            by: moved.by,
            reason: moved.reason,
            at: moved.at,
        }
    }
}

impl ListedBinding {
    fn read(row: BindingRow, journal: &Journal) -> Result<Self, JournalError> {
        let id = row.document.id();
        let moves = journal.version_moves(&id)?;
        Ok(Self {
            id: id.to_string(),
            version: row.document.version().to_string(),
            moves: moves.into_iter().map(Into::into).collect(),
            counterparties: row
                .document
                .counterparties
                .iter()
                .map(|counterparty| format!("{} {}", counterparty.name, counterparty.address))
                .collect(),
            name: row.document.binding.name.clone(),
            cryptlet: row.document.binding.cryptlet.clone(),
            active: row.active.to_string(),
        })
    }

    fn print(&self, output: &mut impl Write) -> Result<(), Failure> {
        let name = printable(&self.name);
        writeln!(output, "{HEADING}BINDING {name}{HEADING:#}")?;
        let runs = format!("{} {}", self.cryptlet, self.active);
        let parties = self.counterparties.join(", ");
        for (what, value) in [
            ("id", &self.id),
            ("version", &self.version),
            ("runs", &runs),
            ("counterparties", &parties),
        ] {
            writeln!(output, "{what:16}{}", printable(value))?;
        }
        for moved in &self.moves {
            writeln!(
                output,
                "{:16}{} {} at {} by {}: {}",
                "",
                printable(&moved.change),
                printable(&moved.version),
                instant(moved.at),
                printable(&moved.by),
                printable(&moved.reason)
            )?;
        }
        Ok(())
    }
}

/// A delivery as `cryptlet tx --json` shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ListedDelivery {
    /// The binding's id.
    binding: String,
    /// The ledger's name.
    ledger: String,
    /// Its number on that ledger.
    delivery: u64,
    /// The invocation it came from.
    number: u64,
    /// The number that the cryptlet knows it by.
    submission: u64,
    /// The function it calls.
    action: String,
    /// The binding's version when it was sealed.
    binding_version: String,
    /// The module that made it.
    measurement: String,
    /// Hash of the receipt's execution part.
    execution_hash: String,
    /// The receipt's log leaf hash.
    receipt_hash: String,
    /// `sealed`, `built`, `sent`, `included`, `finalized`, `callback-failed` or `skipped`.
    status: String,
    /// Why the ledger would not take it when last asked.
    refusal: Option<String>,
    /// The block that holds it.
    block: Option<u64>,
    /// What the transaction cost.
    gas_used: Option<u64>,
    /// The newest transaction, `0x…`.
    transaction: Option<String>,
}

/// Prints every delivery.
pub fn deliveries(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let journal = arguments.state.journal()?;
    let mut listed = Vec::new();
    for binding in journal.bindings()? {
        for delivery in journal.deliveries(&binding.document.id())? {
            listed.push(ListedDelivery::read(delivery, &journal)?);
        }
    }
    if arguments.json {
        return json(&listed, output);
    }
    let mut table = Table::new([
        "LEDGER",
        "DELIVERY",
        "INVOCATION",
        "ACTION",
        "STATUS",
        "TRANSACTION",
    ]);
    for delivery in &listed {
        table.row([
            (&delivery.ledger).into(),
            delivery.delivery.into(),
            delivery.number.into(),
            (&delivery.action).into(),
            (&delivery.status).into(),
            delivery.transaction.as_deref().unwrap_or("none yet").into(),
        ]);
        if let Some(refusal) = &delivery.refusal {
            table.note(&format!("waits: {refusal}"));
        }
    }
    table.print(output)?;
    Ok(())
}

impl ListedDelivery {
    fn read(row: DeliveryRow, journal: &Journal) -> Result<Self, JournalError> {
        let transaction = journal
            .newest_attempt(&row)?
            .map(|attempt| format!("0x{}", hex::encode(attempt.hash)));
        Ok(Self {
            binding: row.binding.to_string(),
            ledger: row.ledger,
            delivery: row.delivery,
            number: row.number,
            submission: row.submission,
            action: row.action,
            binding_version: row.binding_version.to_string(),
            measurement: row.measurement.to_string(),
            execution_hash: row.execution_hash.to_string(),
            receipt_hash: row.receipt_hash.to_string(),
            status: row.status.to_string(),
            refusal: row.refusal,
            block: row.block,
            gas_used: row.gas_used,
            transaction,
        })
    }
}

/// Refuses a name that no binding of the journal has.
pub fn check_binding(journal: &Journal, name: &str) -> Result<(), Failure> {
    let names: Vec<String> = journal
        .bindings()?
        .into_iter()
        .map(|row| row.document.binding.name.clone())
        .collect();
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "there is no binding {name}; there is {}",
        match names.as_slice() {
            [] => "none at all".to_owned(),
            names => names.join(", "),
        }
    )))
}

/// The size of a log, for people.
pub fn leaves(size: u64) -> String {
    match size {
        1 => "1 leaf".to_owned(),
        size => format!("{size} leaves"),
    }
}

/// Prints a value as JSON for programs.
pub fn json(value: &impl Serialize, output: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *output, value).map_err(std::io::Error::from)?;
    writeln!(output)?;
    Ok(())
}

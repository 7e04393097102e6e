//! `cryptlet inspect`: what a component asks for and deals in, before anybody trusts it.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cryptlet_container::{Cryptlet, Settings};
use cryptlet_schema::{Kind, Limits, Manifest, Message, solidity_interface};
use serde::Serialize;
use utoipa::ToSchema;

use super::bench::{self, Component};
use super::project::Choice;
use crate::failure::Failure;
use crate::terminal::{Cell, HEADING, Table, printable};

#[derive(Args)]
#[command(after_help = "Examples:
    cryptlet inspect
    cryptlet inspect target/cryptlets/invoice-0.1.0.wasm --json
    cryptlet inspect --solidity > contracts/IInvoiceCryptlet.sol")]
pub struct Arguments {
    /// The component; without it, the project's own, built if need be.
    #[arg(value_name = "COMPONENT")]
    component: Option<PathBuf>,
    #[command(flatten)]
    project: Choice,
    /// Print the interface that the bound contract inherits, and nothing else.
    #[arg(long, conflicts_with = "json")]
    solidity: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// What `cryptlet inspect --json` prints.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Inspection {
    /// The component.
    pub file: String,
    /// The cryptlet's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `contract` or `utility`.
    pub kind: String,
    /// What its author says that it does.
    pub description: String,
    /// Its size.
    pub bytes: usize,
    /// BLAKE3 of the component, in hex digits.
    pub measurement: String,
    /// What it imports, as WIT writes it.
    pub imports: Vec<String>,
    /// What it asks a binding for.
    pub capabilities: Vec<String>,
    /// Those of them that its code never uses.
    pub unused_capabilities: Vec<String>,
    /// How much one run may use.
    pub limits: Vec<LimitView>,
    /// The messages that it reads and writes.
    pub messages: Vec<MessageView>,
    /// The interface that the bound contract inherits; absent of a utility cryptlet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solidity: Option<String>,
}

/// One limit.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LimitView {
    /// Its name in `cryptlet.toml`.
    pub name: String,
    /// What the cryptlet asks for.
    pub asked: u64,
    /// The most that a host with ordinary settings gives.
    pub host: u64,
}

/// One message.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct MessageView {
    /// `contract-event`, `request`, `reply`, `action` or `topic`.
    pub part: String,
    /// Name and fields in Ethereum's human-readable ABI.
    pub schema: String,
    /// Topic 0 of a contract event, the selector of an action, in hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let component = Component::of(arguments.component.as_deref(), &arguments.project)?;
    let cryptlet = component.load(&bench::container()?)?;
    if arguments.solidity {
        return solidity(cryptlet.manifest(), output);
    }
    let inspection = inspect(&component, &cryptlet);
    if arguments.json {
        super::print_json(&inspection, output)
    } else {
        print(&inspection, cryptlet.manifest(), output)
    }
}

fn solidity(manifest: &Manifest, output: &mut impl Write) -> Result<(), Failure> {
    if manifest.cryptlet.kind == Kind::Utility {
        return Err(Failure::Refused(format!(
            "{} is a utility cryptlet: cryptlets ask it, contracts never do, so there is no \
             interface to inherit",
            manifest.cryptlet.name
        )));
    }
    write!(output, "{}", solidity_interface(manifest))?;
    Ok(())
}

fn inspect(component: &Component, cryptlet: &Cryptlet) -> Inspection {
    let manifest = cryptlet.manifest();
    let identity = &manifest.cryptlet;
    Inspection {
        file: super::shown(&component.path),
        name: identity.name.clone(),
        version: identity.version.to_string(),
        kind: identity.kind.to_string(),
        description: identity.description.clone(),
        bytes: cryptlet.size(),
        measurement: component.measurement().to_string(),
        imports: cryptlet.imports().to_vec(),
        capabilities: bench::asked(manifest),
        unused_capabilities: bench::unused(manifest, cryptlet.imports())
            .into_iter()
            .map(str::to_owned)
            .collect(),
        limits: limits(&manifest.limits, &Settings::default().limits),
        messages: messages(manifest),
        solidity: (identity.kind == Kind::Contract).then(|| solidity_interface(manifest)),
    }
}

fn limits(asked: &Limits, host: &Limits) -> Vec<LimitView> {
    let pairs = asked.entries().into_iter().zip(host.entries());
    pairs
        .map(|((name, asked), (_, host))| LimitView {
            name: name.to_owned(),
            asked,
            host,
        })
        .collect()
}

fn messages(manifest: &Manifest) -> Vec<MessageView> {
    let view = |part: &str, message: &Message, id: Option<String>| MessageView {
        part: part.to_owned(),
        schema: message.to_string(),
        id,
    };
    let all = &manifest.messages;
    let mut views = Vec::new();
    for event in &all.contract_events {
        let topic = hex::encode(event.topic());
        views.push(view("contract-event", event, Some(format!("0x{topic}"))));
    }
    for (part, message) in [("request", &all.request), ("reply", &all.reply)] {
        views.extend(message.iter().map(|message| view(part, message, None)));
    }
    for action in &all.actions {
        let selector = hex::encode(action.selector());
        views.push(view("action", action, Some(format!("0x{selector}"))));
    }
    views.extend(all.topics.iter().map(|topic| view("topic", topic, None)));
    views
}

fn print(
    inspection: &Inspection,
    manifest: &Manifest,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let Inspection { name, version, .. } = inspection;
    writeln!(output, "{HEADING}{name} {version}{HEADING:#}")?;
    let rows = [
        ("", inspection.description.clone()),
        ("kind", bench::meaning(manifest.cryptlet.kind).to_owned()),
        ("file", inspection.file.clone()),
        ("size", super::bytes(inspection.bytes as u64)),
        ("measurement", inspection.measurement.clone()),
        ("asks for", list(&inspection.capabilities)),
        ("never uses", list(&inspection.unused_capabilities)),
        ("imports", list(&inspection.imports)),
    ];
    for (label, text) in rows {
        if label != "never uses" || !inspection.unused_capabilities.is_empty() {
            writeln!(
                output,
                "  {}",
                printable(&format!("{label:<13}{text}")).trim_end()
            )?;
        }
    }
    writeln!(output)?;
    print_limits(&inspection.limits, output)?;
    if !inspection.messages.is_empty() {
        writeln!(output)?;
        print_messages(&inspection.messages, output)?;
    }
    if inspection.solidity.is_some() {
        writeln!(output)?;
        writeln!(
            output,
            "`cryptlet inspect --solidity` prints the interface that its contract inherits."
        )?;
    }
    Ok(())
}

fn print_limits(limits: &[LimitView], output: &mut impl Write) -> Result<(), Failure> {
    let mut table = Table::new(["LIMIT", "ASKED", "A HOST'S MOST"]);
    for limit in limits {
        table.row([
            Cell::from(&limit.name),
            Cell::from(limit.asked),
            Cell::from(limit.host),
        ]);
        if limit.asked > limit.host {
            table.note("a host with ordinary settings gives its own, lower limit");
        }
    }
    table.print(output)?;
    Ok(())
}

fn print_messages(messages: &[MessageView], output: &mut impl Write) -> Result<(), Failure> {
    let mut table = Table::new(["MESSAGE", "SCHEMA"]);
    for message in messages {
        table.row([Cell::from(&message.part), Cell::from(&message.schema)]);
        match (message.part.as_str(), &message.id) {
            ("action", Some(id)) => table.note(&format!("selector {id}")),
            (_, Some(id)) => table.note(&format!("topic 0 {id}")),
            (_, None) => {}
        }
    }
    table.print(output)?;
    Ok(())
}

fn list(words: &[String]) -> String {
    if words.is_empty() {
        "nothing".to_owned()
    } else {
        words.join(", ")
    }
}

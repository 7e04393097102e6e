//! `cryptlet bind new`: a binding document to begin with, filled from components.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use alloy_primitives::Address;
use clap::Args;
use cryptlet_attest::Measurement;
use cryptlet_build::read_manifest;
use cryptlet_container::DirectoryGrant;
use cryptlet_fabric::WhileChanging;
use cryptlet_schema::{Capabilities, Kind, Manifest, Message};
use cryptlet_vault::{OperatingSystem, Randomness as _};

use super::template::{Party, TO_FILL_IN, Template};
use crate::failure::Failure;
use crate::state::StateFolder;
use crate::terminal::printable;

const EXAMPLES: &str = "\
Examples:
  cryptlet bind new invoice-0.1.0.wasm --source exchange-rate=exchange-rate-0.1.0.wasm
  cryptlet bind new swap-1.0.0.wasm --name acme-globex-swap --output swap.toml \\
    --source reference-rate=reference-rate-1.0.0.wasm
  cryptlet bind new swap-1.0.0.wasm --template swap --consumer 0x… --output swap.toml \\
    --counterparty Acme=0x… --counterparty Globex=0x… \\
    --source reference-rate=reference-rate-1.0.0.wasm

Templates that ship: swap, oracle, message. A file may be one, too: TOML with the parts of [binding],
[contract] and [[counterparties]] that a template decides.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The contract cryptlet that is to be bound.
    #[arg(value_name = "COMPONENT")]
    component: PathBuf,
    /// A utility cryptlet that it asks, by the name it asks it under; may be repeated.
    #[arg(long = "source", value_name = "NAME=COMPONENT", value_parser = source)]
    sources: Vec<(String, PathBuf)>,
    /// Terms to begin with: a template that ships (swap, oracle, message), or a file. Ledger, chain and
    /// gateway then come from this host's configuration.
    #[arg(long, value_name = "NAME|FILE")]
    template: Option<String>,
    /// The ledger of fabric.toml that deliveries go to; by default the only one.
    #[arg(long, value_name = "NAME")]
    ledger: Option<String>,
    /// The contract that deliveries are forwarded to and whose events are read.
    #[arg(long, value_name = "ADDRESS")]
    consumer: Option<Address>,
    /// Who must agree, with their wallet; may be repeated.
    #[arg(long = "counterparty", value_name = "NAME=ADDRESS", value_parser = counterparty)]
    counterparties: Vec<Party>,
    /// Most gas that the contract may use for one delivery; by default the template's.
    #[arg(long, value_name = "GAS")]
    gas_limit: Option<u32>,
    #[command(flatten)]
    state: StateFolder,
    /// The binding's name on this host; by default the cryptlet's.
    #[arg(long)]
    name: Option<String>,
    /// File to write; one that exists is not overwritten. By default the standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn source(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), file.into()))
        }
        _ => Err("write NAME=COMPONENT, such as reference-rate=reference-rate-1.0.0.wasm".into()),
    }
}

fn counterparty(text: &str) -> Result<Party, String> {
    let (name, address) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("write NAME=ADDRESS, such as Acme=0x0000…")?;
    let address = address
        .parse()
        .map_err(|error| format!("\"{address}\" is no address: {error}"))?;
    Ok(Party {
        name: name.to_owned(),
        address,
    })
}

/// A component as far as a binding names it.
struct Part {
    manifest: Manifest,
    measurement: Measurement,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let bound = read(&arguments.component, Kind::Contract)?;
    let mut sources = Vec::new();
    for wanted in &bound.manifest.capabilities.sources {
        let given = arguments.sources.iter().find(|(name, _)| name == wanted);
        let file = given.map(|(_, file)| file).ok_or_else(|| {
            Failure::Usage(format!(
                "{} asks the source {wanted}; give its component with --source {wanted}=FILE.wasm",
                bound.manifest.cryptlet.name
            ))
        })?;
        sources.push((wanted.as_str(), read(file, Kind::Utility)?));
    }
    if let Some((name, _)) = arguments
        .sources
        .iter()
        .find(|(name, _)| !bound.manifest.capabilities.sources.contains(name))
    {
        return Err(Failure::Usage(format!(
            "{} asks no source {name}; leave --source {name} out",
            bound.manifest.cryptlet.name
        )));
    }
    let mut salt = [0; 32];
    OperatingSystem
        .fill(&mut salt)
        .map_err(|error| Failure::Refused(error.to_string()))?;
    let name = arguments
        .name
        .as_deref()
        .unwrap_or(&bound.manifest.cryptlet.name);
    let terms = terms(arguments)?;
    let document = document(name, &bound, &sources, &salt, &terms);
    let Some(path) = &arguments.output else {
        output.write_all(document.as_bytes())?;
        return Ok(());
    };
    File::create_new(path)
        .and_then(|mut file| file.write_all(document.as_bytes()))
        .map_err(|error| {
            Failure::Refused(format!(
                "cannot write {}: {error}; name another file with --output",
                path.display()
            ))
        })?;
    let shown = printable(&path.display().to_string());
    writeln!(output, "{shown} is written.\n\nNext:")?;
    if document.contains(&format!("\"{TO_FILL_IN}\"")) {
        writeln!(output, "  fill in what is marked {TO_FILL_IN}")?;
    }
    writeln!(output, "  cryptlet check binding {shown}")?;
    writeln!(
        output,
        "  cryptlet bind propose {shown} --output proposal.json"
    )?;
    Ok(())
}

/// The terms to begin with.
fn terms(arguments: &Arguments) -> Result<Template, Failure> {
    let mut terms = match &arguments.template {
        Some(name) => Template::named(name)?,
        None => Template::default(),
    };
    if arguments.template.is_some() || arguments.ledger.is_some() {
        terms.at(arguments.state.path(), arguments.ledger.as_deref())?;
    }
    terms.contract.consumer = arguments.consumer.or(terms.contract.consumer);
    if let Some(gas_limit) = arguments.gas_limit {
        terms.contract.gas_limit = gas_limit;
    }
    if !arguments.counterparties.is_empty() {
        terms.counterparties.clone_from(&arguments.counterparties);
    }
    Ok(terms)
}

fn read(file: &Path, kind: Kind) -> Result<Part, Failure> {
    let bytes = fs::read(file).map_err(|error| Failure::unreadable(file, &error))?;
    let refused = |reason: String| Failure::Refused(format!("{}: {reason}", file.display()));
    let text = read_manifest(&bytes).map_err(|error| refused(error.to_string()))?;
    let manifest = Manifest::parse(text).map_err(|error| {
        refused(format!(
            "its manifest, {}: {}; {}",
            error.key, error.reason, error.remedy
        ))
    })?;
    if manifest.cryptlet.kind != kind {
        return Err(refused(format!(
            "{} is a {} cryptlet; a contract cryptlet is bound, utility cryptlets are its sources",
            manifest.cryptlet.name, manifest.cryptlet.kind
        )));
    }
    Ok(Part {
        measurement: Measurement::of(&bytes),
        manifest,
    })
}

fn document(
    name: &str,
    bound: &Part,
    sources: &[(&str, Part)],
    salt: &[u8; 32],
    terms: &Template,
) -> String {
    let place = &terms.contract;
    let identity = &bound.manifest.cryptlet;
    let messages = &bound.manifest.messages;
    let measurement = bound.measurement;
    let cryptlet = &identity.name;
    let versions = format!("^{}.{}", identity.version.major, identity.version.minor);
    let salt = hex::encode(salt);
    let actions = list(&messages.actions);
    let events = list(&messages.contract_events);
    let names: Vec<_> = messages.contract_events.iter().map(Message::name).collect();
    let contract_events = quoted(&names);
    let requests = list(messages.request.as_slice());
    let keys = quoted(
        &bound
            .manifest
            .capabilities
            .keychain
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    let mut text = format!(
        r#"# A binding: which code may change which contract, and who agrees. Its counterparties sign
# all of it; change one key and they sign anew. Fill in what is marked {TO_FILL_IN}, then:
# `cryptlet check binding FILE`, `cryptlet bind propose FILE`.

[binding]
# Your name for it, unique on one host.
name = {name}
cryptlet = "{cryptlet}"
# Versions that an operator may promote without asking again.
versions = "{versions}"
# The version it begins with, as `cryptlet measure` prints it.
measurement = "{measurement}"
# Random; keeps bindings of the same counterparties apart.
salt = "0x{salt}"
# How many counterparties must sign a change. All of them sign the beginning.
threshold = {threshold}
{meanwhile}
[contract]
# The name of a ledger in fabric.toml, and its chain (CAIP-2).
ledger = {ledger}
chain = {chain}
# The CryptoDelegate, and the contract that it forwards to and whose events are read.
gateway = {gateway}
consumer = {consumer}
# The block of the contract's creation; no event before it is read.
from-block = {from_block}
# Whether deliveries must arrive one after the other.
ordered = {ordered}
signer-threshold = 1
# Seconds between the signing of a new version and its first use.
version-delay-seconds = {version_delay}
# Seconds for which a signed delivery stays valid.
validity-seconds = {validity}
# Most gas that the contract may use for one.
gas-limit = {gas_limit}
actions = {actions}
events = {events}

# In ascending order of address.
{counterparties}
[keys]
# A key of this host with the purpose delivery, for this binding alone.
delivery = {delivery}
# Keys that the cryptlet may sign messages with.
granted = {keys}

[triggers]
contract-events = {contract_events}
# Messages that callers may send.
messages = {requests}

[grants]
{grants}"#,
        name = quote(name),
        threshold = terms.binding.threshold,
        meanwhile = meanwhile(terms.binding.while_changing),
        ledger = filled(place.ledger.as_ref()),
        chain = filled(place.chain.as_ref()),
        gateway = filled(place.gateway.as_ref()),
        consumer = filled(place.consumer.as_ref()),
        from_block = place.from_block,
        ordered = place.ordered,
        version_delay = place.version_delay_seconds,
        validity = place.validity_seconds,
        gas_limit = place.gas_limit,
        counterparties = terms.counterparties(),
        delivery = quote(&format!("{name}-delivery")),
        grants = grants(&bound.manifest.capabilities),
    );
    for (name, source) in sources {
        let identity = &source.manifest.cryptlet;
        text.push_str(&format!(
            "\n[sources.{name}]\ncryptlet = \"{}\"\nversion = \"{}\"\nmeasurement = \"{}\"\n",
            identity.name, identity.version, source.measurement
        ));
        let granted = grants(&source.manifest.capabilities);
        if !granted.is_empty() {
            text.push_str(&format!("\n[sources.{name}.grants]\n{granted}"));
        }
    }
    text
}

/// A value in quotes, or the mark where only a person knows it.
fn filled<V: ToString>(value: Option<&V>) -> String {
    value.map_or_else(
        || format!("\"{TO_FILL_IN}\""),
        |value| quote(&value.to_string()),
    )
}

/// Says so if the binding pauses; that it runs need not be said.
fn meanwhile(while_changing: WhileChanging) -> &'static str {
    match while_changing {
        WhileChanging::Run => "",
        WhileChanging::Pause => {
            "# From the signing of another document until it is in force: nothing new is taken.\nwhile-changing = \"pause\"\n"
        }
    }
}

/// A line for each capability that the manifest asks for.
fn grants(asked: &Capabilities) -> String {
    let switches = [
        ("events", asked.events),
        ("state", asked.state),
        ("log", asked.log),
        ("wasi", asked.wasi),
    ];
    let mut text: String = switches
        .iter()
        .filter(|(_, asked)| *asked)
        .map(|(name, _)| format!("{name} = true\n"))
        .collect();
    if asked.http {
        text.push_str(&format!(
            "# Where it may fetch from; NAME is what its code calls `grant://NAME/…`.\n\
             http.NAME = {{ base = \"{TO_FILL_IN}\", methods = [\"GET\"] }}\n"
        ));
    }
    for name in &asked.directories {
        let bytes = DirectoryGrant::default().bytes;
        text.push_str(&format!(
            "# The most bytes of the host's directory that one run may read.\n\
             directories.{name} = {{ bytes = {bytes} }}\n"
        ));
    }
    text
}

fn list(messages: &[Message]) -> String {
    let texts: Vec<_> = messages.iter().map(ToString::to_string).collect();
    quoted(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

fn quoted(texts: &[&str]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| quote(text)).collect();
    format!("[{}]", texts.join(", "))
}

fn quote(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use cryptlet_fabric::Binding;

    use super::*;

    fn part(manifest: &str) -> Part {
        Part {
            manifest: Manifest::parse(manifest).unwrap(),
            measurement: Measurement::of(manifest.as_bytes()),
        }
    }

    fn swap() -> (Part, Part) {
        let swap = part(include_str!(
            "../../../../../cryptlets/interest-rate-swap/cryptlet.toml"
        ));
        let rate = part(include_str!(
            "../../../../../cryptlets/reference-rate/cryptlet.toml"
        ));
        (swap, rate)
    }

    #[test]
    fn what_is_filled_in_is_a_binding_that_fits_its_cryptlet() {
        let (swap, rate) = swap();
        let text = document(
            "acme \"swap\"",
            &swap,
            &[("reference-rate", rate)],
            &[7; 32],
            &Template::default(),
        )
        .replace("http.NAME", "http.rates")
        .replace("base = \"0x…\"", "base = \"https://rates.example/\"")
        .replace("ledger = \"0x…\"", "ledger = \"anvil\"")
        .replace("chain = \"0x…\"", "chain = \"eip155:31337\"")
        .replacen(
            "address = \"0x…\"",
            &format!("address = \"0x{:040x}\"", 1),
            1,
        )
        .replacen(
            "address = \"0x…\"",
            &format!("address = \"0x{:040x}\"", 2),
            1,
        )
        .replacen("\"0x…\"", &format!("\"0x{:040x}\"", 3), 1)
        .replace("\"0x…\"", &format!("\"0x{:040x}\"", 4));

        let binding = Binding::parse("swap.toml", &text).unwrap();

        assert_eq!(binding.binding.name, "acme \"swap\"");
        assert_eq!(binding.binding.measurement, swap.measurement);
        binding.check_messages(&swap.manifest).unwrap();
        assert!(binding.grants.events && binding.grants.log && !binding.grants.state);
        assert!(
            binding.sources["reference-rate"]
                .grants
                .http
                .contains_key("rates")
        );
    }

    #[test]
    fn directories_that_a_source_asks_for_are_granted_with_a_bound() {
        let notary = Manifest::parse(include_str!(
            "../../../../../cryptlets/file-notary/cryptlet.toml"
        ))
        .unwrap();
        let text = grants(&notary.capabilities);

        let granted: cryptlet_fabric::binding::Granted = toml::from_str(&text).unwrap();

        assert!(granted.wasi);
        assert_eq!(granted.directories["documents"].bytes, 1 << 20);
    }

    #[test]
    fn a_template_with_its_places_leaves_nothing_to_fill_in_but_what_sources_fetch() {
        let (swap, rate) = swap();
        let mut terms = Template::named("message").unwrap();
        let place = &mut terms.contract;
        place.ledger = Some("anvil".into());
        place.chain = Some("eip155:31337".into());
        place.gateway = Some(Address::repeat_byte(1));
        place.consumer = Some(Address::repeat_byte(2));
        terms.counterparties = [
            "Globex=0x00000000000000000000000000000000000000bb",
            "Acme=0x00000000000000000000000000000000000000aa",
        ]
        .map(|text| counterparty(text).unwrap())
        .to_vec();
        let sources = [("reference-rate", rate)];
        let text = document("swap", &swap, &sources, &[7; 32], &terms)
            .replace("http.NAME", "http.rates")
            .replace("base = \"0x…\"", "base = \"https://rates.example/\"");

        let binding = Binding::parse("swap.toml", &text).unwrap();

        assert_eq!(binding.binding.while_changing, WhileChanging::Pause);
        assert_eq!(binding.counterparties[0].name, "Acme");
    }

    #[test]
    fn what_is_not_filled_in_is_no_binding() {
        let (swap, rate) = swap();
        let text = document(
            "swap",
            &swap,
            &[("reference-rate", rate)],
            &[7; 32],
            &Template::default(),
        );
        let refusal = Binding::parse("swap.toml", &text).unwrap_err();
        assert!(refusal.to_string().contains("chain"), "{refusal}");
    }
}

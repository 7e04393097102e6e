//! `cryptlet bind new`: a binding document to begin with, filled from components.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use cryptlet_attest::Measurement;
use cryptlet_build::read_manifest;
use cryptlet_schema::{Capabilities, Kind, Manifest, Message};
use cryptlet_vault::{OperatingSystem, Randomness as _};

use crate::failure::Failure;
use crate::terminal::printable;

const EXAMPLES: &str = "\
Examples:
  cryptlet bind new invoice-0.1.0.wasm --source exchange-rate=exchange-rate-0.1.0.wasm
  cryptlet bind new swap-1.0.0.wasm --name acme-globex-swap --output swap.toml \\
    --source reference-rate=reference-rate-1.0.0.wasm";

/// Stands where only a person knows what belongs there; no document with it is accepted.
const TO_FILL_IN: &str = "0x…";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The contract cryptlet that is to be bound.
    #[arg(value_name = "COMPONENT")]
    component: PathBuf,
    /// A utility cryptlet that it asks, by the name it asks it under; may be repeated.
    #[arg(long = "source", value_name = "NAME=COMPONENT", value_parser = source)]
    sources: Vec<(String, PathBuf)>,
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
    let document = document(name, &bound, &sources, &salt);
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
    writeln!(output, "  fill in what is marked {TO_FILL_IN}")?;
    writeln!(output, "  cryptlet check binding {shown}")?;
    writeln!(
        output,
        "  cryptlet bind propose {shown} --output proposal.json"
    )?;
    Ok(())
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

fn document(name: &str, bound: &Part, sources: &[(&str, Part)], salt: &[u8; 32]) -> String {
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
threshold = 2

[contract]
# The name of a ledger in fabric.toml, and its chain (CAIP-2).
ledger = "{TO_FILL_IN}"
chain = "{TO_FILL_IN}"
# The CryptoDelegate, and the contract that it forwards to and whose events are read.
gateway = "{TO_FILL_IN}"
consumer = "{TO_FILL_IN}"
# The block of the contract's creation; no event before it is read.
from-block = 0
# Whether deliveries must arrive one after the other.
ordered = true
signer-threshold = 1
# Seconds between the signing of a new version and its first use.
version-delay-seconds = 3600
# Seconds for which a signed delivery stays valid.
validity-seconds = 600
# Most gas that the contract may use for one.
gas-limit = 300000
actions = {actions}
events = {events}

# In ascending order of address.
[[counterparties]]
name = "{TO_FILL_IN}"
address = "{TO_FILL_IN}"

[[counterparties]]
name = "{TO_FILL_IN}"
address = "{TO_FILL_IN}"

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
        .replace("\"0x…\"", &format!("\"0x{:040x}\"", 3));

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
    fn what_is_not_filled_in_is_no_binding() {
        let (swap, rate) = swap();
        let text = document("swap", &swap, &[("reference-rate", rate)], &[7; 32]);
        let refusal = Binding::parse("swap.toml", &text).unwrap_err();
        assert!(refusal.to_string().contains("chain"), "{refusal}");
    }
}

//! `cryptlet config init`: a configuration that holds as it stands, with every key explained in it.

use std::fmt::Write as _;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use alloy_primitives::Address;
use clap::Args;
use cryptlet_fabric::Configuration;
use cryptlet_ledger::{ChainId, Finality};
use cryptlet_vault::KeyName;
use url::Url;

use super::check::key_troubles;
use super::explain::{ExplainedKey, explained, toml_value};
use crate::failure::Failure;
use crate::state::StateFolder;
use crate::terminal::printable;

const EXAMPLES: &str = "\
Examples:
  cryptlet config init --origin fabric.example.com/log
  cryptlet config init --origin fabric.example.com/log --ledger sepolia --chain eip155:11155111 \\
    --rpc https://rpc.example.com --gateway 0x… --registry 0x…";

/// The log of a fabric that nobody audits.
const TRIAL: &str = "localhost/log";

/// What a ledger's section shows when there is none yet.
const EXAMPLE_LEDGER: [(&str, &str); 7] = [
    ("chain", "eip155:11155111"),
    ("rpc", "https://rpc.example.com"),
    ("gateway", "0x0000000000000000000000000000000000000001"),
    ("registry", "0x0000000000000000000000000000000000000002"),
    ("account", "account"),
    ("finality", "finalized"),
    ("max-fee-per-gas", "500000000000"),
];

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    state: StateFolder,
    /// Name of the log for all time, such as fabric.example.com/log.
    #[arg(long, value_name = "NAME", default_value = TRIAL)]
    origin: String,
    /// Name of the key that vouches for the log.
    #[arg(long, value_name = "KEY", default_value = "attestation")]
    attestation_key: KeyName,
    /// Address and port of the API; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Name of a ledger, as bindings call it.
    #[arg(long, value_name = "NAME", requires_all = ["chain", "rpc", "gateway", "registry"])]
    ledger: Option<String>,
    /// The ledger's chain (CAIP-2), such as eip155:1.
    #[arg(long, value_name = "CHAIN", requires = "ledger")]
    chain: Option<ChainId>,
    /// JSON-RPC address of the ledger's node.
    #[arg(long, value_name = "URL", requires = "ledger")]
    rpc: Option<Url>,
    /// Address of the CryptoDelegate.
    #[arg(long, value_name = "ADDRESS", requires = "ledger")]
    gateway: Option<Address>,
    /// Address of the SignerRegistry.
    #[arg(long, value_name = "ADDRESS", requires = "ledger")]
    registry: Option<Address>,
    /// Name of the key that pays for transactions.
    #[arg(
        long,
        value_name = "KEY",
        requires = "ledger",
        default_value = "account"
    )]
    account: KeyName,
    /// When a block counts as final: instant, depth:N, safe or finalized.
    #[arg(
        long,
        value_name = "WHEN",
        requires = "ledger",
        default_value = "finalized"
    )]
    finality: Finality,
    /// Most wei that a unit of gas may cost.
    #[arg(
        long,
        value_name = "WEI",
        requires = "ledger",
        default_value = "500000000000"
    )]
    max_fee_per_gas: u128,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let state = arguments.state.path();
    let path = Configuration::path(state);
    let text = document(arguments);
    let configuration = Configuration::parse("--origin or another option", &text)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    write(state, &path, &text).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::Refused(format!(
            "{} exists and stays as it is; edit it, or name another folder with --state",
            path.display()
        )),
        _ => Failure::Refused(format!("cannot write {}: {error}", path.display())),
    })?;
    writeln!(
        output,
        "{} is written.",
        printable(&path.display().to_string())
    )?;
    if arguments.origin == TRIAL {
        writeln!(
            output,
            "Its log is called {TRIAL}, which will do to try it out. It keeps its name for all time: for a fabric \
             that others audit, change log.origin before the first start."
        )?;
    }
    writeln!(output)?;
    writeln!(output, "Next:")?;
    let keys = arguments.state.vault()?.list()?;
    let missing = key_troubles(&configuration, &keys);
    let steps = missing
        .iter()
        .map(|trouble| trouble.remedy.as_str())
        .chain(["config check", "doctor", "serve"]);
    for step in steps {
        writeln!(output, "  {}", printable(&arguments.state.command(step)))?;
    }
    Ok(())
}

/// The file: what was chosen, and in comments everything else with its default.
fn document(arguments: &Arguments) -> String {
    let chosen = Chosen(arguments);
    let mut keys = explained();
    // A key that the operator names has no default that could stand in a comment.
    keys.retain(|explained| !explained.key.ends_with(".<name>"));
    let mut text = String::from(
        "# The configuration of one fabric. `cryptlet config explain` says more about every key;\n\
         # `cryptlet config check` says whether it is understood.\n",
    );
    let mut section = String::new();
    for explained in &keys {
        let (place, name) = explained
            .key
            .rsplit_once('.')
            .unwrap_or(("", &explained.key));
        if section != place {
            place.clone_into(&mut section);
            let commented = if chosen.has(place) { "" } else { "# " };
            let header = place.replace("<name>", &chosen.ledger());
            let _ = write!(text, "\n{commented}[{header}]\n");
        }
        chosen.key(explained, place, name, &mut text);
    }
    text
}

/// What the command line decides.
struct Chosen<'a>(&'a Arguments);

impl Chosen<'_> {
    /// Whether a section stands there and not only in comments.
    fn has(&self, section: &str) -> bool {
        section != "ledgers.<name>" || self.0.ledger.is_some()
    }

    fn ledger(&self) -> String {
        let name = self.0.ledger.as_deref().unwrap_or("sepolia");
        let bare = !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_');
        match bare {
            true => name.to_owned(),
            false => toml_value(&name.into()),
        }
    }

    fn key(&self, explained: &ExplainedKey, section: &str, name: &str, text: &mut String) {
        let value = self.value(section, name);
        let (commented, value) = match (value, &explained.default) {
            (Some(value), _) => ("", toml_value(&value.into())),
            (None, Some(default)) => ("# ", toml_value(default)),
            (None, None) => ("# ", toml_value(&example(name).into())),
        };
        let _ = write!(
            text,
            "# {}\n{commented}{name} = {value}\n",
            explained.meaning
        );
    }

    fn value(&self, section: &str, name: &str) -> Option<String> {
        let arguments = self.0;
        match (section, name) {
            ("fabric", "origin") => Some(arguments.origin.clone()),
            ("fabric", "attestation-key") => Some(arguments.attestation_key.to_string()),
            ("service", "listen") => arguments.listen.map(|listen| listen.to_string()),
            ("ledgers.<name>", name) => {
                arguments.ledger.as_ref()?;
                match name {
                    "chain" => arguments.chain.map(|chain| chain.to_string()),
                    "rpc" => arguments.rpc.as_ref().map(Url::to_string),
                    "gateway" => arguments.gateway.map(|gateway| gateway.to_string()),
                    "registry" => arguments.registry.map(|registry| registry.to_string()),
                    "account" => Some(arguments.account.to_string()),
                    "finality" => Some(arguments.finality.to_string()),
                    "max-fee-per-gas" => Some(arguments.max_fee_per_gas.to_string()),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

fn example(name: &str) -> &'static str {
    EXAMPLE_LEDGER
        .iter()
        .find(|(key, _)| *key == name)
        .map_or("", |(_, value)| value)
}

/// Node addresses often hold access keys, so the file is its owner's alone.
fn write(state: &Path, path: &Path, text: &str) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

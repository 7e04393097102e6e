//! `cryptlet key`: the keys of a host.

use std::io::{self, IsTerminal, Write};

use clap::{Args, Subcommand, ValueEnum};
use cryptlet_vault::{Algorithm, Cost, KeyInfo, KeyName, Purpose};
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::listing::json;
use crate::passphrase::PassphraseSource;
use crate::state::StateFolder;
use crate::terminal::{Table, printable, progress};

const NEW_EXAMPLES: &str = "\
Examples:
  cryptlet key new attestation --purpose attestation
  cryptlet key new acme --purpose counterparty --passphrase-file acme.passphrase";

const LIST_EXAMPLES: &str = "\
Examples:
  cryptlet key ls
  cryptlet key ls --state /var/lib/cryptlet --json";

#[derive(Subcommand)]
pub enum Command {
    /// Make a new key, encrypted under a passphrase.
    New(New),
    /// List all keys; needs no passphrase.
    Ls(List),
}

#[derive(Args)]
#[command(after_help = NEW_EXAMPLES)]
pub struct New {
    /// Name of the key: lower-case letters, digits and hyphens.
    name: KeyName,
    /// What the key may sign: attestation, delivery, account, guest, counterparty or witness.
    #[arg(long)]
    purpose: Purpose,
    /// ed25519 or secp256k1; by default what suits the purpose.
    #[arg(long)]
    algorithm: Option<Algorithm>,
    /// How dear it is to guess the passphrase; `light` is for throw-away keys.
    #[arg(long, value_enum, default_value_t = GuessingCost::Standard)]
    cost: GuessingCost,
    #[command(flatten)]
    state: StateFolder,
    #[command(flatten)]
    passphrase: PassphraseSource,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(after_help = LIST_EXAMPLES)]
pub struct List {
    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: StateFolder,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum GuessingCost {
    Standard,
    Light,
}

impl From<GuessingCost> for Cost {
    fn from(cost: GuessingCost) -> Self {
        match cost {
            GuessingCost::Standard => Self::Standard,
            GuessingCost::Light => Self::Light,
        }
    }
}

pub fn run(command: Command, output: &mut impl Write) -> Result<(), Failure> {
    match command {
        Command::New(new) => create(&new, output),
        Command::Ls(list) => self::list(&list, output),
    }
}

fn create(new: &New, output: &mut impl Write) -> Result<(), Failure> {
    // The service could not open a key that another user made in its folder.
    if new.state.path().exists() {
        cryptlet_fabric::journal::check_owner(new.state.path())?;
    }
    let vault = new.state.vault()?;
    let algorithm = new
        .algorithm
        .unwrap_or_else(|| new.purpose.default_algorithm());
    // Before anybody is asked to think of a passphrase.
    vault.check_new(&new.name, algorithm, new.purpose)?;
    let passphrase = new.passphrase.choose(&format!("key `{}`", new.name))?;
    let waiting = progress(format!("making key {}", new.name));
    let key = vault.create(
        &new.name,
        algorithm,
        new.purpose,
        &passphrase,
        new.cost.into(),
    )?;
    drop(waiting);
    let key = KeyView::from(&key);
    if new.json {
        return json(&key, output);
    }
    writeln!(
        output,
        "{}  {}  {}  {}",
        key.name,
        key.purpose,
        key.algorithm,
        key.shown()
    )?;
    // Advice is for people; programs know what they are doing.
    if io::stderr().is_terminal() {
        eprintln!("{}", next_step(new.purpose, &key));
    }
    Ok(())
}

fn next_step(purpose: Purpose, key: &KeyView) -> String {
    let name = &key.name;
    let shown = key.shown();
    match purpose {
        Purpose::Attestation => {
            format!("Next: name it in fabric.toml: fabric.attestation-key = \"{name}\"")
        }
        Purpose::Account => format!(
            "Next: send {shown} what transactions will cost, and name the key in fabric.toml: ledgers.<name>.account = \"{name}\""
        ),
        Purpose::Delivery => format!(
            "Next: name it in one binding: keys.delivery = \"{name}\"; the counterparties admit {shown} at the SignerRegistry"
        ),
        Purpose::Guest => format!("Next: grant it in a binding: keys.granted = [\"{name}\"]"),
        Purpose::Counterparty => format!(
            "Next: list {shown} among a binding's [[counterparties]], and sign with `cryptlet bind sign --key {name}`"
        ),
        Purpose::Witness => {
            "Next: `cryptlet witness init` makes a witness with a key of its own".to_owned()
        }
    }
}

fn list(list: &List, output: &mut impl Write) -> Result<(), Failure> {
    let keys = list.state.vault()?.list()?;
    let keys: Vec<KeyView> = keys.iter().map(KeyView::from).collect();
    if list.json {
        return json(&keys, output);
    }
    if keys.is_empty() {
        if let Err(absent) = list.state.existing() {
            eprintln!("{}", printable(&absent.to_string()));
        }
        return Ok(());
    }
    let mut table = Table::new(["NAME", "PURPOSE", "ALGORITHM", "ACCOUNT OR PUBLIC KEY"]);
    for key in &keys {
        table.row([
            (&key.name).into(),
            (&key.purpose).into(),
            (&key.algorithm).into(),
            key.shown().into(),
        ]);
    }
    table.print(output)?;
    Ok(())
}

/// A key as `cryptlet key ls --json` shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct KeyView {
    /// Its name in the vault.
    name: String,
    /// What it signs: attestation, delivery, account, guest, counterparty or witness.
    purpose: String,
    /// ed25519 or secp256k1.
    algorithm: String,
    /// Hex digits: 32 bytes of Ed25519, 33 bytes of secp256k1 (compressed).
    public: String,
    /// The account of a secp256k1 key, with the checksum of EIP-55.
    address: Option<String>,
}

impl From<&KeyInfo> for KeyView {
    fn from(key: &KeyInfo) -> Self {
        Self {
            name: key.name.to_string(),
            purpose: key.purpose.to_string(),
            algorithm: key.algorithm.to_string(),
            public: hex::encode(&key.public),
            address: key.address.map(|address| address.to_string()),
        }
    }
}

impl KeyView {
    /// The account of a secp256k1 key, the public key of another.
    fn shown(&self) -> &str {
        self.address.as_deref().unwrap_or(&self.public)
    }
}

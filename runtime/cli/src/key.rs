//! `cryptlet key`: the keys of a host.

use std::io::Write;

use clap::{Args, Subcommand, ValueEnum};
use cryptlet_vault::{Algorithm, Cost, KeyInfo, KeyName, Purpose};
use serde::Serialize;

use crate::failure::Failure;
use crate::passphrase::PassphraseSource;
use crate::state::StateFolder;

#[derive(Subcommand)]
pub enum Command {
    /// Make a new key, encrypted under a passphrase.
    New(New),
    /// List all keys; needs no passphrase.
    Ls(List),
}

#[derive(Args)]
pub struct New {
    /// Name of the key: lower-case letters, digits and hyphens.
    name: KeyName,
    /// What the key may sign: attestation, delivery, account, guest or counterparty.
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
}

#[derive(Args)]
pub struct List {
    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: StateFolder,
}

#[derive(Clone, Copy, ValueEnum)]
enum GuessingCost {
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
    let vault = new.state.vault()?;
    let algorithm = new
        .algorithm
        .unwrap_or_else(|| new.purpose.default_algorithm());
    // Before anybody is asked to think of a passphrase.
    vault.check_new(&new.name, algorithm, new.purpose)?;
    let passphrase = new.passphrase.choose(&format!("key `{}`", new.name))?;
    let key = vault.create(
        &new.name,
        algorithm,
        new.purpose,
        &passphrase,
        new.cost.into(),
    )?;
    print_table(&[key], output)
}

fn list(list: &List, output: &mut impl Write) -> Result<(), Failure> {
    let keys = list.state.vault()?.list()?;
    if list.json {
        print_json(&keys, output)
    } else {
        print_table(&keys, output)
    }
}

/// One key a line: name, purpose, algorithm, then the account of a secp256k1
/// key or the public key of another.
fn print_table(keys: &[KeyInfo], output: &mut impl Write) -> Result<(), Failure> {
    let width = keys.iter().map(|key| key.name.as_str().len()).max();
    let width = width.unwrap_or_default();
    for key in keys {
        let shown = match key.address {
            Some(address) => address.to_string(),
            None => hex::encode(&key.public),
        };
        writeln!(
            output,
            "{:width$}  {:12}  {:9}  {shown}",
            key.name.as_str(),
            key.purpose,
            key.algorithm,
        )?;
    }
    Ok(())
}

/// A key as `cryptlet key ls --json` shows it.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a KeyName,
    purpose: Purpose,
    algorithm: Algorithm,
    /// Hex digits: 32 bytes of Ed25519, 33 bytes of secp256k1 (compressed).
    public: String,
    /// The account of a secp256k1 key, with the checksum of EIP-55.
    address: Option<String>,
}

fn print_json(keys: &[KeyInfo], output: &mut impl Write) -> Result<(), Failure> {
    let shown: Vec<Shown> = keys
        .iter()
        .map(|key| Shown {
            name: &key.name,
            purpose: key.purpose,
            algorithm: key.algorithm,
            public: hex::encode(&key.public),
            address: key.address.map(|address| address.to_string()),
        })
        .collect();
    let text = serde_json::to_string_pretty(&shown).expect("strings can always be written as JSON");
    writeln!(output, "{text}")?;
    Ok(())
}

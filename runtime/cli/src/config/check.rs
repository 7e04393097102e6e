//! `cryptlet config check`: all that can be said about a configuration without a network.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use cryptlet_fabric::{Configuration, Directories};
use cryptlet_vault::{KeyInfo, Purpose};

use crate::failure::Failure;
use crate::state::StateFolder;
use crate::terminal::{count, printable};

const EXAMPLES: &str = "\
Examples:
  cryptlet config check
  cryptlet config check new-fabric.toml
  cryptlet config check --state /var/lib/cryptlet";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The file; by default fabric.toml in the state folder.
    file: Option<PathBuf>,
    #[command(flatten)]
    state: StateFolder,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let state = &arguments.state;
    let file = arguments
        .file
        .clone()
        .unwrap_or_else(|| Configuration::path(state.path()));
    let text = fs::read_to_string(&file).map_err(|error| match arguments.file {
        None if error.kind() == io::ErrorKind::NotFound => Failure::Usage(format!(
            "there is no {}; name a file, or write one with `{}`",
            file.display(),
            state.command("config init")
        )),
        _ => Failure::unreadable(&file, &error),
    })?;
    let configuration = Configuration::parse(&file.display().to_string(), &text)
        .map_err(|error| Failure::Refused(error.to_string()))?;
    let ledgers = count(configuration.ledgers.len(), "ledger");
    writeln!(
        output,
        "{}: ok, log {} with {ledgers}",
        printable(&file.display().to_string()),
        printable(&configuration.fabric.origin)
    )?;
    let directories = Directories::new(configuration.directories.clone());
    if let Err(error) = directories.check() {
        eprintln!("warning: {}", printable(&error.to_string()));
    }
    let keys = state.vault()?.list()?;
    for trouble in key_troubles(&configuration, &keys) {
        eprintln!(
            "warning: {}; {}",
            printable(&trouble.finding),
            printable(&state.command(&trouble.remedy))
        );
    }
    Ok(())
}

/// A key that a configuration names and that cannot do what it is named for.
pub struct KeyTrouble {
    /// What is wrong.
    pub finding: String,
    /// The command that helps, without the program's name.
    pub remedy: String,
}

/// What is wrong with the keys that a configuration names.
pub fn key_troubles(configuration: &Configuration, keys: &[KeyInfo]) -> Vec<KeyTrouble> {
    named_keys(configuration)
        .into_iter()
        .filter_map(|(place, name, purpose)| {
            let remedy = format!("key new {name} --purpose {purpose}");
            match keys.iter().find(|key| key.name.as_str() == name) {
                None => Some(KeyTrouble {
                    finding: format!("{place} names the key {name}, which is not there"),
                    remedy,
                }),
                Some(key) if key.purpose != purpose => Some(KeyTrouble {
                    finding: format!(
                        "{place} names the key {name}, which is for {} and not for {purpose}",
                        key.purpose
                    ),
                    remedy: format!("key new another-name --purpose {purpose}"),
                }),
                Some(_) => None,
            }
        })
        .collect()
}

/// Where a configuration names keys, and what for.
pub fn named_keys(configuration: &Configuration) -> Vec<(String, &str, Purpose)> {
    let attestation = (
        "fabric.attestation-key".to_owned(),
        configuration.fabric.attestation_key.as_str(),
        Purpose::Attestation,
    );
    let accounts = configuration.ledgers.iter().map(|(name, ledger)| {
        (
            format!("ledgers.{name}.account"),
            ledger.account.as_str(),
            Purpose::Account,
        )
    });
    std::iter::once(attestation).chain(accounts).collect()
}

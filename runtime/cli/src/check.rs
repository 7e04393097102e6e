//! `cryptlet check`: one clear error before anything happens, or none.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cryptlet_fabric::Binding;
use cryptlet_schema::Manifest;
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{GOOD, printable};

#[derive(Subcommand)]
pub enum Command {
    /// A cryptlet's manifest, `cryptlet.toml`.
    #[command(after_help = "Examples:
  cryptlet check manifest cryptlet.toml")]
    Manifest(Document),
    /// A binding, as counterparties sign it; prints its id, version and the digest to sign.
    #[command(after_help = "Examples:
  cryptlet check binding swap.toml
  cryptlet check binding swap.toml --json")]
    Binding(Document),
}

#[derive(Args)]
pub struct Document {
    /// The file.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What a manifest is the manifest of.
#[derive(Serialize, ToSchema)]
pub struct CheckedManifest {
    /// The cryptlet's name.
    cryptlet: String,
    /// Its version.
    version: String,
}

/// What a binding comes to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CheckedBinding {
    /// The operator's name for it.
    binding: String,
    /// Its id, `0x…`.
    id: String,
    /// Hash of the whole document, `0x…`.
    version: String,
    /// The digest that counterparties sign, `0x…`.
    to_sign: String,
}

pub fn run(command: &Command, output: &mut impl Write) -> Result<(), Failure> {
    match command {
        Command::Manifest(document) => manifest(document, output),
        Command::Binding(document) => binding(document, output),
    }
}

fn manifest(document: &Document, output: &mut impl Write) -> Result<(), Failure> {
    let manifest = Manifest::parse(&read(&document.file)?).map_err(|error| {
        Failure::Refused(format!(
            "{}:{}:{}: {}: {}; {}",
            document.file.display(),
            error.line,
            error.column,
            error.key,
            error.reason,
            error.remedy
        ))
    })?;
    let checked = CheckedManifest {
        cryptlet: manifest.cryptlet.name,
        version: manifest.cryptlet.version.to_string(),
    };
    if document.json {
        return json(&checked, output);
    }
    writeln!(
        output,
        "{GOOD}ok:{GOOD:#} manifest of {} {}",
        checked.cryptlet, checked.version
    )?;
    Ok(())
}

fn binding(document: &Document, output: &mut impl Write) -> Result<(), Failure> {
    let name = document.file.display().to_string();
    let binding = Binding::parse(&name, &read(&document.file)?)
        .map_err(|error| Failure::Refused(error.to_string()))?;
    let checked = CheckedBinding {
        id: binding.id().to_string(),
        version: binding.version().to_string(),
        to_sign: binding.terms_digest().to_string(),
        binding: binding.binding.name,
    };
    if document.json {
        return json(&checked, output);
    }
    writeln!(
        output,
        "{GOOD}ok:{GOOD:#} binding {}",
        printable(&checked.binding)
    )?;
    writeln!(output, "id       {}", checked.id)?;
    writeln!(output, "version  {}", checked.version)?;
    writeln!(output, "to sign  {}", checked.to_sign)?;
    Ok(())
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))
}

//! `cryptlet check`: one clear error before anything happens, or none.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use cryptlet_fabric::Binding;
use cryptlet_schema::Manifest;

use crate::failure::Failure;
use crate::terminal::printable;

#[derive(Subcommand)]
pub enum Command {
    /// A cryptlet's manifest, `cryptlet.toml`.
    Manifest {
        /// The file.
        file: PathBuf,
    },
    /// A binding, as counterparties sign it; prints its id, version and the digest to sign.
    Binding {
        /// The file.
        file: PathBuf,
    },
}

pub fn run(command: &Command, output: &mut impl Write) -> Result<(), Failure> {
    match command {
        Command::Manifest { file } => {
            let manifest = Manifest::parse(&read(file)?).map_err(|error| {
                Failure::Refused(format!(
                    "{}:{}:{}: {}: {}; {}",
                    file.display(),
                    error.line,
                    error.column,
                    error.key,
                    error.reason,
                    error.remedy
                ))
            })?;
            let identity = manifest.cryptlet;
            writeln!(output, "{} {}", identity.name, identity.version)?;
        }
        Command::Binding { file } => {
            let binding = Binding::parse(&file.display().to_string(), &read(file)?)
                .map_err(|error| Failure::Refused(error.to_string()))?;
            writeln!(output, "binding  {}", printable(&binding.binding.name))?;
            writeln!(output, "id       {}", binding.id())?;
            writeln!(output, "version  {}", binding.version())?;
            writeln!(output, "to sign  {}", binding.terms_digest())?;
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))
}

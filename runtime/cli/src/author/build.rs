//! `cryptlet build`: from sources to a component that a host takes.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use cryptlet_build::{Freshness, Stored};
use serde::Serialize;
use utoipa::ToSchema;

use super::bench::{container, explained, unused};
use super::project::{Choice, Project};
use crate::failure::Failure;
use crate::terminal::{HEADING, printable};

#[derive(Args)]
#[command(after_help = "Examples:
    cryptlet build
    cryptlet build --locked --output dist
    cryptlet build --manifest-path cryptlets/invoice/cryptlet.toml --json
    cryptlet build --component made-by-another-toolchain.wasm")]
pub struct Arguments {
    #[command(flatten)]
    project: Choice,
    /// Where the component goes; without it, `target/cryptlets`.
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Compile nothing: embed the manifest into this component, which another toolchain made.
    #[arg(long, value_name = "FILE", conflicts_with = "locked")]
    component: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// What `cryptlet build --json` prints.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct BuiltComponent {
    /// The cryptlet's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The component.
    pub file: String,
    /// With `--locked`, what it was built from and with, as an in-toto statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
    /// Its size.
    pub bytes: usize,
    /// BLAKE3 of the component, in hex digits: what a binding and a receipt call it.
    pub measurement: String,
    /// What it imports, as WIT writes it.
    pub imports: Vec<String>,
    /// Whether it had to be compiled, or was there as the build would give it.
    pub compiled: bool,
    /// What an author should look at, in sentences.
    pub warnings: Vec<String>,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let project = Project::find(&arguments.project)?;
    let folder = arguments.output.as_deref();
    let (stored, provenance) = if let Some(component) = &arguments.component {
        (project.adopt(component, folder)?, None)
    } else if project.is_locked() {
        let proven = project.build_with_provenance(folder)?;
        (proven.stored, Some(proven.path))
    } else {
        (project.build(folder)?, None)
    };
    let built = describe(&stored, provenance.as_deref())?;
    if arguments.json {
        return super::print_json(&built, output);
    }
    print(&built, output)?;
    super::warn(&built.warnings);
    Ok(())
}

fn describe(stored: &Stored, provenance: Option<&Path>) -> Result<BuiltComponent, Failure> {
    let Stored {
        path,
        built,
        freshness,
    } = stored;
    Ok(BuiltComponent {
        name: built.manifest.cryptlet.name.clone(),
        version: built.manifest.cryptlet.version.to_string(),
        file: super::shown(path),
        provenance: provenance.map(super::shown),
        bytes: built.component.len(),
        measurement: built.measurement.to_string(),
        imports: built.imports.clone(),
        compiled: *freshness == Freshness::Compiled,
        warnings: warnings(stored)?,
    })
}

/// What a host would say of it: better heard now than when it is deployed.
fn warnings(stored: &Stored) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    if let Err(error) = container()?.load(&stored.built.component) {
        warnings.push(format!(
            "no host takes this component: {}",
            explained(&error)
        ));
    }
    let unused = unused(&stored.built.manifest, &stored.built.imports);
    warnings.extend(unused.into_iter().map(|name| {
        format!(
            "cryptlet.toml asks for `{name}`, which the code never uses; remove it from \
             [capabilities], so that nobody grants it for nothing"
        )
    }));
    Ok(warnings)
}

fn print(built: &BuiltComponent, output: &mut impl Write) -> Result<(), Failure> {
    let state = if built.compiled { "" } else { " (unchanged)" };
    writeln!(
        output,
        "{HEADING}{} {}{HEADING:#}{state}",
        built.name, built.version
    )?;
    writeln!(output, "  file         {}", printable(&built.file))?;
    writeln!(
        output,
        "  size         {}",
        super::bytes(built.bytes as u64)
    )?;
    writeln!(output, "  measurement  {}", built.measurement)?;
    if let Some(provenance) = &built.provenance {
        writeln!(output, "  provenance   {}", printable(provenance))?;
    }
    let mut label = "imports";
    if built.imports.is_empty() {
        writeln!(output, "  {label:<13}nothing")?;
    }
    for import in &built.imports {
        writeln!(output, "  {label:<13}{}", printable(import))?;
        label = "";
    }
    Ok(())
}

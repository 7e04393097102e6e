//! `cryptlet documentation`: what a release and the book hold of the command
//! line, made from the command line itself.

mod markdown;
mod schemas;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;
use serde_json::json;

use crate::failure::Failure;
use crate::grammar;

#[derive(Args)]
#[group(required = true, multiple = true)]
#[command(after_help = "Examples:
  cryptlet documentation --man target/man
  cryptlet documentation --markdown docs/reference/commands.md --schemas docs/reference/schemas")]
pub struct Arguments {
    /// Write a manual page for each command.
    #[arg(long, value_name = "DIR")]
    man: Option<PathBuf>,
    /// Write the book's reference of all commands.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write a JSON Schema for what each command prints with `--json`.
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,
    /// Write the OpenAPI description of the service.
    #[arg(long, value_name = "FILE")]
    openapi: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, _output: &mut impl Write) -> Result<(), Failure> {
    if let Some(folder) = &arguments.man {
        written(folder, manual_pages(folder))?;
    }
    if let Some(file) = &arguments.markdown {
        written(
            file,
            fs::write(file, markdown::reference(&grammar::command())),
        )?;
    }
    if let Some(folder) = &arguments.schemas {
        written(folder, schema_files(folder))?;
    }
    if let Some(file) = &arguments.openapi {
        written(file, fs::write(file, description()))?;
    }
    Ok(())
}

fn written(path: &Path, outcome: io::Result<()>) -> Result<(), Failure> {
    outcome.map_err(|error| Failure::Refused(format!("cannot write {}: {error}", path.display())))
}

fn description() -> String {
    format!("{:#}\n", json!(cryptlet_service::description()))
}

fn manual_pages(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    manual_page(&grammar::command(), folder)
}

/// The page of a command, and of those below it. clap's own walk has pages on
/// every `help`, too.
fn manual_page(command: &Command, folder: &Path) -> io::Result<()> {
    let mut shown = command.clone();
    if shown.find_subcommand("help").is_some() {
        shown = shown.mut_subcommand("help", |help| help.hide(true));
    }
    Man::new(shown)
        .source(concat!("cryptlet ", env!("CARGO_PKG_VERSION")))
        .manual("Cryptlet Fabric")
        .generate_to(folder)?;
    command
        .get_subcommands()
        .filter(|below| !below.is_hide_set() && below.get_name() != "help")
        .try_for_each(|below| manual_page(below, folder))
}

fn schema_files(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for output in schemas::OUTPUTS {
        let text = format!("{:#}\n", output.schema());
        fs::write(folder.join(output.file()), text)?;
    }
    Ok(())
}

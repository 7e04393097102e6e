//! `cryptlet receipt`: from a host's journal to an auditor's desk.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::listing::json;
use crate::state::StateFolder;
use crate::terminal::printable;

#[derive(Subcommand)]
pub enum Command {
    /// List every execution with its receipt's place in the log.
    Ls(List),
    /// Write a receipt to a file, with the proof that it is in the log.
    Export(Export),
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    state: StateFolder,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Export {
    /// The receipt's place in the log, as `cryptlet receipt ls` shows it.
    #[arg(value_name = "LEAF")]
    leaf: u64,
    #[command(flatten)]
    state: StateFolder,
    /// File to write; one that exists is not overwritten.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

pub fn run(command: &Command, output: &mut impl Write) -> Result<(), Failure> {
    match command {
        Command::Ls(list) => print(list, output),
        Command::Export(export) => write(export, output),
    }
}

fn print(list: &List, output: &mut impl Write) -> Result<(), Failure> {
    let executions = list.state.journal()?.executions()?;
    if list.json {
        return json(&executions, output);
    }
    writeln!(output, "LEAF  INVOCATION  CRYPTLET  FUEL  OUTCOME")?;
    for execution in executions {
        let indent = if execution.ordinal == 0 {
            ""
        } else {
            "  asked: "
        };
        writeln!(
            output,
            "{:>4}  {:>10}  {indent}{} {}  {}  {}",
            execution.leaf,
            execution.number,
            printable(&execution.cryptlet),
            execution.version,
            execution.fuel,
            printable(&execution.outcome),
        )?;
        if let Some(explanation) = execution.explanation {
            writeln!(output, "      {}", printable(&explanation))?;
        }
    }
    Ok(())
}

fn write(export: &Export, output: &mut impl Write) -> Result<(), Failure> {
    let journal = export.state.journal()?;
    let execution = journal
        .executions()?
        .into_iter()
        .find(|execution| execution.leaf == export.leaf)
        .ok_or_else(|| {
            Failure::Usage(format!(
                "leaf {} is no receipt; `cryptlet receipt ls` shows those there are",
                export.leaf
            ))
        })?;
    let receipt = journal.receipt(&execution)?;
    let path = export.output.display();
    std::fs::File::create_new(&export.output)
        .and_then(|mut file| file.write_all(&receipt.to_bytes()))
        .map_err(|error| Failure::Refused(format!("cannot write {path}: {error}")))?;
    writeln!(
        output,
        "{path}: {} {}, invocation {}",
        execution.cryptlet, execution.version, execution.number
    )?;
    Ok(())
}

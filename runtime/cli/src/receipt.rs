//! `cryptlet receipt`: from a host's journal to an auditor's desk.

mod export;

use std::io::Write;

use clap::{Args, Subcommand};
use cryptlet_fabric::journal::{ExecutionRow, Journal};
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::listing::{check_binding, json};
use crate::state::StateFolder;
use crate::terminal::{Cell, GOOD, Table};

#[derive(Subcommand)]
pub enum Command {
    /// List every execution with its receipt's place in the log.
    Ls(List),
    /// Write receipts, or the whole log, to files for an auditor.
    Export(export::Arguments),
}

#[derive(Args)]
#[command(after_help = "Examples:
  cryptlet receipt ls
  cryptlet receipt ls --binding acme-globex-swap
  cryptlet receipt ls --json | jq '.[] | select(.outcome != \"ok\")'")]
pub struct List {
    /// Only those of this binding.
    #[arg(long, value_name = "NAME")]
    binding: Option<String>,
    #[command(flatten)]
    state: StateFolder,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(command: &Command, output: &mut impl Write) -> Result<(), Failure> {
    match command {
        Command::Ls(list) => print(list, output),
        Command::Export(arguments) => export::run(arguments, output),
    }
}

/// One line of `cryptlet receipt ls --json`: an execution and where its receipt is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ListedReceipt {
    /// The receipt's place in the log.
    leaf: u64,
    /// The binding's name.
    binding: String,
    /// The invocation's number.
    invocation: u64,
    /// 0 for the bound cryptlet; the sources that it asked count from 1.
    ordinal: u32,
    /// What ran.
    cryptlet: String,
    /// In which version.
    version: String,
    /// How it ended.
    outcome: String,
    /// What the guest or the host said when it did not end well.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
    /// Deterministic units of work.
    fuel: u64,
    /// Bytes.
    peak_memory: u64,
    /// How many.
    host_calls: u64,
}

impl From<ExecutionRow> for ListedReceipt {
    fn from(row: ExecutionRow) -> Self {
        Self {
            leaf: row.leaf,
            binding: row.binding,
            invocation: row.number,
            ordinal: row.ordinal,
            cryptlet: row.cryptlet,
            version: row.version,
            outcome: row.outcome,
            explanation: row.explanation,
            fuel: row.fuel,
            peak_memory: row.peak_memory,
            host_calls: row.host_calls,
        }
    }
}

fn print(list: &List, output: &mut impl Write) -> Result<(), Failure> {
    let journal = list.state.journal()?;
    let executions = executions(&journal, list.binding.as_deref())?;
    if list.json {
        let listed: Vec<ListedReceipt> = executions.into_iter().map(Into::into).collect();
        return json(&listed, output);
    }
    let mut table = Table::new([
        "LEAF",
        "BINDING",
        "INVOCATION",
        "CRYPTLET",
        "VERSION",
        "FUEL",
        "OUTCOME",
    ]);
    for execution in executions {
        let cryptlet = if execution.ordinal == 0 {
            execution.cryptlet
        } else {
            format!("asked {}", execution.cryptlet)
        };
        let outcome = Cell::from(&execution.outcome);
        table.row([
            execution.leaf.into(),
            execution.binding.into(),
            execution.number.into(),
            cryptlet.into(),
            execution.version.into(),
            execution.fuel.into(),
            if execution.outcome == "ok" {
                outcome.styled(GOOD)
            } else {
                outcome
            },
        ]);
        if let Some(explanation) = execution.explanation {
            table.note(&explanation);
        }
    }
    table.print(output)?;
    Ok(())
}

/// The executions of one binding, or of all.
fn executions(journal: &Journal, binding: Option<&str>) -> Result<Vec<ExecutionRow>, Failure> {
    if let Some(name) = binding {
        check_binding(journal, name)?;
    }
    let mut executions = journal.executions()?;
    executions.retain(|execution| binding.is_none_or(|name| execution.binding == name));
    Ok(executions)
}

//! The `cryptlet` command: a thin front door to the rooms of the fabric.
//!
//! Results go to standard output, everything else to standard error. The exit
//! status is 0 when all is well, 1 when a check failed or the work could not be
//! done, and 2 when the command line cannot be followed as it stands.

#![forbid(unsafe_code)]

mod audit;
mod check;
mod failure;
mod key;
mod listing;
mod measure;
mod passphrase;
mod receipt;
mod state;
mod terminal;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Host cryptlets, and check what hosts say about them.
#[derive(Parser)]
#[command(name = "cryptlet", version, propagate_version = true)]
#[command(
    after_help = "Exit status: 0 all is well; 1 a check failed or the work could not be \
    done; 2 the command line cannot be followed as it stands."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find out what may be believed of what a host says.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Say whether a document that a person wrote is understood.
    #[command(subcommand)]
    Check(check::Command),
    /// Make and list the keys of a host.
    #[command(subcommand)]
    Key(key::Command),
    /// List versions and bindings, and which version each binding runs.
    Ls(listing::Arguments),
    /// Print the measurement of components, as `b3sum` prints it.
    Measure(measure::Arguments),
    /// List receipts, and write one to a file for an auditor.
    #[command(subcommand)]
    Receipt(receipt::Command),
    /// List deliveries, and how far each is on its way to its ledger.
    Tx(listing::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = io::stdout().lock();
    let done = match arguments.command {
        Command::Audit(command) => audit::run(command, &mut output),
        Command::Check(command) => check::run(&command, &mut output),
        Command::Key(command) => key::run(command, &mut output),
        Command::Ls(arguments) => listing::versions_and_bindings(&arguments, &mut output),
        Command::Measure(arguments) => measure::run(arguments, &mut output),
        Command::Receipt(command) => receipt::run(&command, &mut output),
        Command::Tx(arguments) => listing::deliveries(&arguments, &mut output),
    };
    match done.and_then(|()| output.flush().map_err(Failure::from)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

//! `cryptlet config`: the operator's one file, `fabric.toml` in the state folder.

mod check;
mod explain;
mod init;

use std::io::Write;

use clap::{Args, Subcommand};

pub use check::key_troubles;
pub use explain::ExplainedKey;

use crate::failure::Failure;

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a configuration to begin with; one that exists stays as it is.
    Init(Box<init::Arguments>),
    /// Say whether a configuration is understood, and whether the keys that it names are there.
    Check(check::Arguments),
    /// Say what the keys of a configuration mean.
    Explain(explain::Arguments),
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    match &arguments.command {
        Command::Init(arguments) => init::run(arguments, output),
        Command::Check(arguments) => check::run(arguments, output),
        Command::Explain(arguments) => explain::run(arguments, output),
    }
}

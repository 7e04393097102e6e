//! `cryptlet audit`: what may be believed of what a host says.

pub mod compare;
pub mod export;
mod file;
mod log;
pub mod module;
pub mod receipt;
pub mod replay;
mod shown;
pub mod trail;
mod trust;
pub mod verify;

use std::io::Write;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Subcommand)]
pub enum Command {
    /// Write everything that an auditor needs about one run to one file.
    Export(export::Arguments),
    /// Verify such a file, offline.
    Verify(verify::Arguments),
    /// Verify a receipt, offline.
    Receipt(receipt::Arguments),
    /// Verify everything that a log says of one binding, offline.
    Trail(trail::Arguments),
    /// Build a module again from its source, and compare.
    Module(module::Arguments),
    /// Run again what was recorded, and compare all that came of it, offline.
    Replay(replay::Arguments),
    /// Compare what a log says with what a chain holds; asks the node at --rpc.
    Compare(compare::Arguments),
}

pub fn run(command: &Command, output: &mut impl Write) -> Result<(), Failure> {
    match command {
        Command::Export(arguments) => export::run(arguments, output),
        Command::Verify(arguments) => verify::run(arguments, output),
        Command::Receipt(arguments) => receipt::run(arguments, output),
        Command::Trail(arguments) => trail::run(arguments, output),
        Command::Module(arguments) => module::run(arguments, output),
        Command::Replay(arguments) => replay::run(arguments, output),
        Command::Compare(arguments) => compare::run(arguments, output),
    }
}

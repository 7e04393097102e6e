//! `cryptlet bind`: from a document to a binding that all its counterparties have signed.

mod activate;
mod new;
mod proposal;
mod propose;
mod show;
mod sign;

use std::io::Write;

use clap::{Args, Subcommand};

pub use proposal::Proposal;

use crate::failure::Failure;

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a binding document to begin with, filled from components; needs no service.
    New(new::Arguments),
    /// Make a proposal of a binding document, to be sent around for signatures; needs no service.
    Propose(propose::Arguments),
    /// Show what a proposal says and who has signed it; needs no service.
    Show(show::Arguments),
    /// Add a counterparty's signature to a proposal; needs no service.
    Sign(sign::Arguments),
    /// Have the service run the binding, once every counterparty has signed.
    Activate(activate::Arguments),
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    match &arguments.command {
        Command::New(arguments) => new::run(arguments, output),
        Command::Propose(arguments) => propose::run(arguments, output),
        Command::Show(arguments) => show::run(arguments, output),
        Command::Sign(arguments) => sign::run(arguments, output),
        Command::Activate(arguments) => activate::run(arguments, output),
    }
}

//! `cryptlet bind`: from a document to a binding that all its counterparties have signed, and from
//! there to another one.

mod activate;
mod allow;
mod asking;
mod changes;
mod changing;
mod file;
mod new;
mod proposal;
mod propose;
mod revoke;
mod show;
mod sign;
mod template;
mod typed_data;
mod written;

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
    /// Make a proposal of a binding document, to be sent around for signatures; needs no service
    /// unless the document changes a binding.
    Propose(propose::Arguments),
    /// Propose that one more module may run under a binding.
    Allow(allow::Arguments),
    /// Propose that a module may not run under a binding any more; one counterparty signs.
    Revoke(revoke::Arguments),
    /// Show what a proposal says and who has signed it; needs no service.
    Show(show::Arguments),
    /// Add a counterparty's signature to a proposal; needs no service.
    Sign(sign::Arguments),
    /// Have the service run the binding, or change it, once its counterparties have signed.
    Activate(activate::Arguments),
    /// List the changes of a binding, and how far each is.
    Changes(changes::Arguments),
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    match &arguments.command {
        Command::New(arguments) => new::run(arguments, output),
        Command::Propose(arguments) => propose::run(arguments, output),
        Command::Allow(arguments) => allow::run(arguments, output),
        Command::Revoke(arguments) => revoke::run(arguments, output),
        Command::Show(arguments) => show::run(arguments, output),
        Command::Sign(arguments) => sign::run(arguments, output),
        Command::Activate(arguments) => activate::run(arguments, output),
        Command::Changes(arguments) => changes::run(arguments, output),
    }
}

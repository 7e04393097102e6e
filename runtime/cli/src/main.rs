//! The `cryptlet` command: a thin front door to the rooms of the fabric.
//!
//! Results go to standard output, everything else to standard error. The exit
//! status is 0 when all is well, 1 when a check failed or the work could not be
//! done, and 2 when the command line cannot be followed as it stands.

#![forbid(unsafe_code)]

mod audit;
mod author;
mod check;
mod compiler;
mod completions;
mod config;
mod documentation;
mod failure;
mod grammar;
mod key;
mod listing;
mod measure;
mod operator;
mod passphrase;
mod receipt;
mod serve;
mod state;
mod terminal;
mod witness;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;

use crate::failure::Failure;
use crate::terminal::Colour;

/// A host's entries are allocated by threads that run and freed by the one that writes.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Write, host and audit cryptlets.
#[derive(Parser)]
#[command(name = "cryptlet", version)]
struct Arguments {
    /// When to colour what is printed.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    color: Colour,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    // What authors use.
    /// Make a project for a new cryptlet.
    New(author::new::Arguments),
    /// Compile a project to a component.
    Build(author::build::Arguments),
    /// Write what toolchains of other languages build a component against.
    Wit(author::wit::Arguments),
    /// Run a project's native tests and its cases in the sandbox.
    Test(author::test::Arguments),
    /// Run one invocation here, and show what it cost.
    Run(author::run::Arguments),
    /// Show what a component asks for and deals in.
    Inspect(author::inspect::Arguments),
    /// Show what another version changes, and who must agree to it.
    Diff(author::diff::Arguments),
    // What operators use.
    /// Host cryptlets: run the service on one state folder.
    Serve(serve::Arguments),
    /// Make, check and explain a host's configuration.
    Config(config::Arguments),
    /// Give a component to the running service.
    Deploy(operator::deploy::Arguments),
    /// Propose, sign and activate a binding.
    Bind(operator::bind::Arguments),
    /// Send a message to a binding and print the reply.
    Invoke(operator::invoke::Arguments),
    /// Make another version the one that a binding runs.
    Promote(operator::promote::Arguments),
    /// Go back to the version that a binding ran before.
    Rollback(operator::rollback::Arguments),
    /// Try a version beside the active one, on live runs or on recorded ones.
    Shadow(operator::shadow::Arguments),
    /// Give a version a share of an unordered binding's new invocations.
    #[command(after_help = operator::moves::CANARY_EXAMPLES)]
    Canary(operator::moves::CanaryArguments),
    /// Take a version out of shadow or canary.
    #[command(after_help = operator::moves::WITHDRAW_EXAMPLES)]
    Withdraw(operator::moves::Arguments),
    /// End a version's life under a binding: it never runs there again.
    #[command(after_help = operator::moves::RETIRE_EXAMPLES)]
    Retire(operator::moves::Arguments),
    /// Show where a binding's versions stand, and who moved them and why.
    Versions(operator::versions::Arguments),
    /// Run a failed invocation once more.
    RunAgain(operator::run_again::Arguments),
    /// Go on past a contract event whose run failed.
    PassOver(operator::pass_over::Arguments),
    /// Give up a delivery that its ledger will never take.
    Skip(operator::skip::Arguments),
    /// Say how the service and its bindings are doing.
    Status(operator::status::Arguments),
    /// Show what the service logged.
    Logs(operator::logs::Arguments),
    /// Make and list the tokens that the service's API asks for.
    Token(operator::token::Arguments),
    /// Make and list the keys of a host.
    #[command(subcommand)]
    Key(key::Command),
    /// List versions and bindings, and which version each binding runs.
    #[command(after_help = listing::EXAMPLES)]
    Ls(listing::Arguments),
    /// List deliveries, and how far each is on its way to its ledger.
    #[command(after_help = listing::DELIVERIES_EXAMPLES)]
    Tx(listing::Arguments),
    /// Write everything that a host must not lose to one file.
    Backup(operator::backup::Arguments),
    /// Make a state folder of a backup.
    Restore(operator::restore::Arguments),
    /// Check toolchain, nodes, clock, disk and keys, and say the remedy.
    Doctor(operator::doctor::Arguments),
    // What auditors use.
    /// Find out what may be believed of what a host says.
    #[command(subcommand)]
    Audit(audit::Command),
    /// List receipts, and write one to a file for an auditor.
    #[command(subcommand)]
    Receipt(receipt::Command),
    /// Print the measurement of components, as `b3sum` prints it.
    Measure(measure::Arguments),
    /// Cosign the logs of hosts, and never two histories of one.
    #[command(subcommand)]
    Witness(witness::Command),
    // What everybody uses.
    /// Say whether a document that a person wrote is understood.
    #[command(subcommand)]
    Check(check::Command),
    /// Print a script that completes this command in a shell.
    Completions(completions::Arguments),
    /// Write manual pages, the book's reference and JSON schemas; for releases.
    #[command(hide = true)]
    Documentation(documentation::Arguments),
    /// Compile the component that the host of this process asks for.
    #[command(name = compiler::COMMAND, hide = true)]
    CompileComponent,
}

fn main() -> ExitCode {
    let arguments = grammar::arguments();
    arguments.color.decide();
    let mut output = terminal::output();
    let done = carry_out(arguments.command, &mut output);
    match done.and_then(|()| output.flush().map_err(Failure::from)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn carry_out(command: Command, output: &mut impl Write) -> Result<(), Failure> {
    match command {
        Command::New(arguments) => author::new::run(&arguments, output),
        Command::Build(arguments) => author::build::run(&arguments, output),
        Command::Wit(arguments) => author::wit::run(&arguments, output),
        Command::Test(arguments) => author::test::run(&arguments, output),
        Command::Run(arguments) => author::run::run(&arguments, output),
        Command::Inspect(arguments) => author::inspect::run(&arguments, output),
        Command::Diff(arguments) => author::diff::run(&arguments, output),
        Command::Serve(arguments) => serve::run(&arguments, output),
        Command::Config(arguments) => config::run(&arguments, output),
        Command::Deploy(arguments) => operator::deploy::run(&arguments, output),
        Command::Bind(arguments) => operator::bind::run(&arguments, output),
        Command::Invoke(arguments) => operator::invoke::run(&arguments, output),
        Command::Promote(arguments) => operator::promote::run(&arguments, output),
        Command::Rollback(arguments) => operator::rollback::run(&arguments, output),
        Command::Shadow(arguments) => operator::shadow::run(&arguments, output),
        Command::Canary(arguments) => operator::moves::canary(&arguments, output),
        Command::Withdraw(arguments) => operator::moves::withdraw(&arguments, output),
        Command::Retire(arguments) => operator::moves::retire(&arguments, output),
        Command::Versions(arguments) => operator::versions::run(&arguments, output),
        Command::RunAgain(arguments) => operator::run_again::run(&arguments, output),
        Command::PassOver(arguments) => operator::pass_over::run(&arguments, output),
        Command::Skip(arguments) => operator::skip::run(&arguments, output),
        Command::Status(arguments) => operator::status::run(&arguments, output),
        Command::Logs(arguments) => operator::logs::run(&arguments, output),
        Command::Token(arguments) => operator::token::run(&arguments, output),
        Command::Key(command) => key::run(command, output),
        Command::Ls(arguments) => listing::versions_and_bindings(&arguments, output),
        Command::Tx(arguments) => listing::deliveries(&arguments, output),
        Command::Backup(arguments) => operator::backup::run(&arguments, output),
        Command::Restore(arguments) => operator::restore::run(&arguments, output),
        Command::Doctor(arguments) => operator::doctor::run(&arguments, output),
        Command::Audit(command) => audit::run(&command, output),
        Command::Receipt(command) => receipt::run(&command, output),
        Command::Measure(arguments) => measure::run(arguments, output),
        Command::Witness(command) => witness::run(&command, output),
        Command::Check(command) => check::run(&command, output),
        Command::Completions(arguments) => completions::run(&arguments, output),
        Command::Documentation(arguments) => documentation::run(&arguments, output),
        Command::CompileComponent => compiler::run(),
    }
}

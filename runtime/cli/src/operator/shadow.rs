//! `cryptlet shadow`: a candidate beside the active version, on live runs and on recorded ones.

mod history;
mod live;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::client::Connection;
use crate::failure::Failure;
use crate::state::StateFolder;
pub use history::ShadowReplay;

#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  cryptlet shadow start acme-globex-swap 1.1.0 --reason 'before the promotion in May'
  cryptlet shadow --replay 7d acme-globex-swap 1.1.0"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Try the candidate on the runs of so long a time, as `shadow replay --since` does: 90m, 12h, 7d.
    #[arg(long, value_name = "TIME", value_parser = history::time)]
    replay: Option<u64>,
    #[command(flatten)]
    past: Past,
}

#[derive(Subcommand)]
enum Command {
    /// Let a deployed version run beside the active one; nothing of it leaves.
    Start(Move),
    /// Take a version out of shadow.
    Stop(Move),
    /// Show how a version does beside the active one, and what it does otherwise.
    Show(Show),
    /// Try a version, or a component that is not deployed, on recorded runs; no host is asked.
    Replay(Replay),
}

#[derive(Args)]
#[command(after_help = "Examples:
  cryptlet shadow start acme-globex-swap 1.1.0 --reason 'before the promotion in May'
  cryptlet shadow stop acme-globex-swap 1.1.0 --reason 'it rounds otherwise'")]
struct Move {
    /// The binding's name.
    binding: String,
    /// The version.
    version: semver::Version,
    /// Why, in one line: the log keeps it beside the name of your token.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    service: Connection,
}

#[derive(Args)]
#[command(after_help = "Examples:
  cryptlet shadow show acme-globex-swap 1.1.0
  cryptlet shadow show acme-globex-swap 1.1.0 --json")]
struct Show {
    /// The binding's name.
    binding: String,
    /// The version.
    version: semver::Version,
    #[command(flatten)]
    service: Connection,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(after_help = "Examples:
  cryptlet shadow replay acme-globex-swap 1.1.0 --since 7d
  cryptlet shadow replay acme-globex-swap target/swap.wasm --state /var/lib/cryptlet
  cryptlet shadow replay acme-globex-swap 1.1.0 --max-fuel 120 --json")]
struct Replay {
    /// Only runs that were accepted within so long a time before now: 90m, 12h, 7d.
    #[arg(long, value_name = "TIME", value_parser = history::time)]
    since: Option<u64>,
    #[command(flatten)]
    past: Past,
}

#[derive(Args)]
struct Past {
    /// The binding's name.
    #[arg(required = true)]
    binding: Option<String>,
    /// A deployed version, or a component file.
    #[arg(required = true, value_name = "VERSION|COMPONENT.wasm")]
    candidate: Option<PathBuf>,
    /// Fuel beyond so many percent of what was used then is a difference.
    #[arg(long, value_name = "PERCENT", default_value_t = 150)]
    max_fuel: u32,
    #[command(flatten)]
    state: StateFolder,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    match &arguments.command {
        Some(Command::Start(wanted)) => live::start(wanted, output),
        Some(Command::Stop(wanted)) => live::stop(wanted, output),
        Some(Command::Show(wanted)) => live::show(wanted, output),
        Some(Command::Replay(wanted)) => history::run(&wanted.past, wanted.since, output),
        None if arguments.replay.is_none() => Err(Failure::Usage(
            "say what to try the candidate on: --replay 7d for recorded runs, or `cryptlet shadow start` for live ones".into(),
        )),
        None => history::run(&arguments.past, arguments.replay, output),
    }
}

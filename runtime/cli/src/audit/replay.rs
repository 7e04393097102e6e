//! `cryptlet audit replay`: what was recorded is computed again; no host is asked and no network is
//! used.

mod bundle;
mod journal;
mod shown;
pub mod workers;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cryptlet_fabric::replay::Replayer;

use super::trust::{Trust, trust};
use crate::compiler;
use crate::failure::Failure;
use crate::state::StateFolder;
pub use shown::AuditedReplay;

#[derive(Args)]
#[command(after_help = "Examples:
  cryptlet audit replay run.bundle --trust example.org/log+3f1c2a77+AU…
  cryptlet audit replay run.bundle --trust KEY --module swap.wasm --module rates.wasm
  cryptlet audit replay --all --state /var/lib/cryptlet
  cryptlet audit replay --all --binding acme-globex-swap --json")]
pub struct Arguments {
    /// The run, with input, transcript and agreement opened: a file that ends in `.bundle`.
    #[arg(value_name = "BUNDLE", required_unless_present = "all")]
    bundle: Option<PathBuf>,
    /// A component that the run or one of its sources ran on, if the bundle has it not; may be
    /// repeated.
    #[arg(long, value_name = "COMPONENT.wasm")]
    module: Vec<PathBuf>,
    /// Verify the bundle first, with this key of its log: `name+id+key`, or a file that holds keys,
    /// one a line, as CRYPTLET_TRUST may name one; may be repeated.
    #[arg(long, value_name = "KEY", value_parser = trust)]
    trust: Vec<Trust>,
    /// Replay every run of a host's journal, on all processors.
    #[arg(long, conflicts_with = "bundle")]
    all: bool,
    /// Only runs of this binding.
    #[arg(long, value_name = "NAME", requires = "all")]
    binding: Option<String>,
    #[command(flatten)]
    state: StateFolder,
    /// Print what came of it as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    match &arguments.bundle {
        Some(file) => bundle::run(arguments, file, output),
        None if !arguments.trust.is_empty() || !arguments.module.is_empty() => {
            Err(Failure::Usage(
                "--trust and --module speak of a bundle, and --all replays a journal, which has its modules; leave them out".into(),
            ))
        }
        None => journal::run(arguments, output),
    }
}

pub fn replayer() -> Result<Replayer, Failure> {
    Replayer::with_compiler(compiler::usual()?)
        .map_err(|error| Failure::Refused(format!("replays cannot start on this machine: {error}")))
}

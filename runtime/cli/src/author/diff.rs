//! `cryptlet diff`: what another version of a cryptlet changes, and who must agree to it.

mod agreement;
mod dependencies;
mod report;
mod subject;

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use cryptlet_fabric::Binding;

use self::subject::Subject;
use crate::failure::Failure;
use crate::state::StateFolder;

pub use self::report::VersionDifference;

#[derive(Args)]
#[command(after_help = "Examples:
  cryptlet diff swap-1.0.0.wasm swap-1.1.0.wasm
  cryptlet diff interest-rate-swap@1.0.0 target/cryptlets/interest-rate-swap-1.1.0.wasm
  cryptlet diff swap-1.0.0.wasm swap-1.1.0.wasm --binding swap.toml --json")]
pub struct Arguments {
    /// The earlier version: a component's file, or NAME@VERSION of the host.
    #[arg(value_name = "BEFORE")]
    before: OsString,
    /// The later version: a component's file, or NAME@VERSION of the host.
    #[arg(value_name = "AFTER")]
    after: OsString,
    /// Say what the counterparties of this binding must agree to; by default those of the host's
    /// bindings, if a version is the host's.
    #[arg(long, value_name = "FILE")]
    binding: Option<PathBuf>,
    #[command(flatten)]
    state: StateFolder,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let before = Subject::read(&arguments.before, &arguments.state)?;
    let after = Subject::read(&arguments.after, &arguments.state)?;
    let bindings = bindings(arguments, before.deployed || after.deployed)?;
    let difference = VersionDifference::of(&before, &after, bindings.as_deref())?;
    if arguments.json {
        super::print_json(&difference, output)
    } else {
        difference.print(output)
    }
}

/// Those whose counterparties may have to agree, if any are to be looked at.
fn bindings(
    arguments: &Arguments,
    of_the_host: bool,
) -> Result<Option<Vec<Arc<Binding>>>, Failure> {
    if let Some(path) = &arguments.binding {
        let text = fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
        let binding = Binding::parse(&path.display().to_string(), &text)
            .map_err(|error| Failure::Refused(error.to_string()))?;
        return Ok(Some(vec![Arc::new(binding)]));
    }
    if !of_the_host {
        return Ok(None);
    }
    let rows = arguments.state.journal()?.bindings()?;
    Ok(Some(rows.into_iter().map(|row| row.document).collect()))
}

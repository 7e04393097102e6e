//! `cryptlet rollback`: the version before takes over again.

use std::io::Write;

use clap::Args;
use cryptlet_service::api::Rollback;
use reqwest::Method;

use super::client::{CHANGE, Connection};
use super::promote;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  cryptlet rollback acme-globex-swap --reason '1.1.0 rounds the wrong way'
  cryptlet rollback acme-globex-swap --reason 'rehearsal' --json
  cryptlet rollback acme-globex-margin --reason 'balances are wrong' --drop-state-changes";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The binding's name.
    binding: String,
    /// Why, in one line: the log keeps it beside the name of your token.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Go back to the state before a migration although runs have changed it since: what they
    /// changed is lost.
    #[arg(long)]
    drop_state_changes: bool,
    #[command(flatten)]
    service: Connection,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let client = arguments.service.open()?;
    let request = client
        .request(Method::POST, &["bindings", &arguments.binding, "rollback"])
        .timeout(CHANGE)
        .json(&Rollback {
            reason: arguments.reason.clone(),
            drop_state_changes: arguments.drop_state_changes,
        });
    let active = client.send(request)?.read()?;
    promote::print(&active, arguments.json, output)
}

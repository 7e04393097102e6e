//! `cryptlet rollback`: the version before takes over again.

use std::io::Write;

use clap::Args;
use reqwest::Method;

use super::client::{CHANGE, Connection};
use super::promote;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  cryptlet rollback acme-globex-swap
  cryptlet rollback acme-globex-swap --json";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The binding's name.
    binding: String,
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
        .timeout(CHANGE);
    let active = client.send(request)?.read()?;
    promote::print(&active, arguments.json, output)
}

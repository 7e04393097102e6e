//! `cryptlet run-again`: a failed invocation gets another chance, as a new one.

use std::io::Write;

use clap::Args;
use cryptlet_service::api::InvocationView;
use reqwest::Method;

use super::client::{CHANGE, Connection};
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::printable;

const EXAMPLES: &str = "\
Examples:
  cryptlet run-again acme-globex-swap 12
  cryptlet run-again acme-globex-swap 12 --json";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The binding's name.
    binding: String,
    /// The invocation, as `cryptlet receipt ls` counts them.
    #[arg(value_name = "INVOCATION")]
    number: u64,
    #[command(flatten)]
    service: Connection,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let client = arguments.service.open()?;
    let number = arguments.number.to_string();
    let path = [
        "bindings",
        &arguments.binding,
        "invocations",
        &number,
        "run-again",
    ];
    let request = client.request(Method::POST, &path).timeout(CHANGE);
    let again: InvocationView = client.send(request)?.read()?;
    if arguments.json {
        return json(&again, output);
    }
    writeln!(
        output,
        "{}: invocation {number} runs again as invocation {}",
        printable(&again.binding),
        again.number
    )?;
    Ok(())
}

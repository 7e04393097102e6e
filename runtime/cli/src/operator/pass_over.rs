//! `cryptlet pass-over`: a binding goes on without an answer to one event.

use std::io::Write;

use clap::Args;
use reqwest::Method;

use super::client::{CHANGE, Connection};
use crate::failure::Failure;
use crate::terminal::printable;

const EXAMPLES: &str = "\
Examples:
  cryptlet pass-over acme-globex-swap 12";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The binding's name.
    binding: String,
    /// The failed invocation, as `cryptlet receipt ls` counts them.
    #[arg(value_name = "INVOCATION")]
    number: u64,
    #[command(flatten)]
    service: Connection,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let client = arguments.service.open()?;
    let number = arguments.number.to_string();
    let path = [
        "bindings",
        &arguments.binding,
        "invocations",
        &number,
        "pass-over",
    ];
    client.send(client.request(Method::POST, &path).timeout(CHANGE))?;
    writeln!(
        output,
        "{} goes on past invocation {number}",
        printable(&arguments.binding)
    )?;
    Ok(())
}

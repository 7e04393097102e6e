//! `cryptlet skip`: a binding goes on without one of its deliveries.

use std::io::Write;

use clap::Args;
use reqwest::Method;

use super::client::{CHANGE, Connection};
use crate::failure::Failure;
use crate::terminal::printable;

const EXAMPLES: &str = "\
Examples:
  cryptlet skip acme-globex-swap 7";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The binding's name.
    binding: String,
    /// The delivery's number, as `cryptlet tx` shows it.
    #[arg(value_name = "DELIVERY")]
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
        "deliveries",
        &number,
        "skip",
    ];
    client.send(client.request(Method::POST, &path).timeout(CHANGE))?;
    writeln!(
        output,
        "{} gives delivery {number} up; `cryptlet tx` shows when its gateway has heard",
        printable(&arguments.binding)
    )?;
    Ok(())
}

//! `cryptlet run-again`.

use std::io::Write;

use clap::Args;

use crate::failure::Failure;

#[derive(Args)]
pub struct Arguments {}

pub fn run(_arguments: &Arguments, _output: &mut impl Write) -> Result<(), Failure> {
    Err(Failure::Refused("not there yet".into()))
}

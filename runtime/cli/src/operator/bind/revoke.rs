//! `cryptlet bind revoke`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cryptlet_attest::{BindingVersion, Measurement};
use cryptlet_fabric::change::Change;

use super::asking::InForce;
use super::written;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  cryptlet bind revoke acme-globex-swap 8d4bd66f… --output revoke.json
  cryptlet bind revoke acme-globex-swap 8d4bd66f… --in-force swap.toml --nonce 0

Any one counterparty signs it, and it counts at once: the gateway takes no delivery of the module
any more.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The binding's name.
    binding: String,
    /// The module that may not run any more, as `cryptlet measure` prints it.
    measurement: Measurement,
    /// The version of the binding that it may not run under any more; by default the one in force.
    #[arg(long, value_name = "VERSION")]
    version: Option<BindingVersion>,
    #[command(flatten)]
    in_force: InForce,
    /// File to write; one that exists is not overwritten. By default the standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let known = arguments.in_force.of(&arguments.binding)?;
    let version = arguments
        .version
        .unwrap_or_else(|| known.document.version());
    let measurement = arguments.measurement;
    let nonce = known.allowed_by(&version.to_string(), &measurement.to_string())?;
    let change = Change::revoke(known.document, version, measurement, nonce);
    written::change(&change, arguments.output.as_ref(), output)
}

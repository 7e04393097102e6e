//! `cryptlet bind allow`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cryptlet_attest::Measurement;
use cryptlet_fabric::change::Change;

use super::asking::InForce;
use super::written;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  cryptlet bind allow acme-globex-swap 8d4bd66f… --output allow-1.1.0.json
  cryptlet bind allow acme-globex-swap \"$(cryptlet measure swap-1.1.0.wasm | cut -d ' ' -f 1)\" --output allow.json
  cryptlet bind allow acme-globex-swap 8d4bd66f… --in-force swap.toml --nonce 1

Have as many counterparties sign it as the binding asks for, with `cryptlet bind sign`; then
`cryptlet bind activate` hands it to the service, which carries it to the chain. The module can be
promoted when the agreed delay is over.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The binding's name.
    binding: String,
    /// The module that may run under the document in force, as `cryptlet measure` prints it.
    measurement: Measurement,
    #[command(flatten)]
    in_force: InForce,
    /// File to write; one that exists is not overwritten. By default the standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let known = arguments.in_force.of(&arguments.binding)?;
    let nonce = known.next_nonce()?;
    let change = Change::allow(known.document, arguments.measurement, nonce);
    written::change(&change, arguments.output.as_ref(), output)
}

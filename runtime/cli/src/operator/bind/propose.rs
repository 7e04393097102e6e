//! `cryptlet bind propose`.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cryptlet_fabric::Binding;
use cryptlet_fabric::change::Change;

use super::asking::InForce;
use super::{Proposal, written};
use crate::failure::Failure;
use crate::terminal::printable;

const EXAMPLES: &str = "\
Examples:
  cryptlet bind propose acme-globex-swap.toml --output proposal.json
  cryptlet bind propose acme-globex-swap.toml | jq '.\"typed-data\"'
  cryptlet bind propose acme-globex-swap.toml --change --output change.json

With --change the document is to take the place of the one in force: the service is asked for that
one, unless --in-force and --nonce give it.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The binding document.
    #[arg(value_name = "BINDING.toml")]
    document: PathBuf,
    /// Propose it in place of the document in force, for a binding that there is.
    #[arg(long)]
    change: bool,
    #[command(flatten)]
    in_force: InForce,
    /// File to write; one that exists is not overwritten. By default the standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let name = arguments.document.display().to_string();
    let document = fs::read_to_string(&arguments.document)
        .map_err(|error| Failure::unreadable(&arguments.document, &error))?;
    let binding =
        Binding::parse(&name, &document).map_err(|error| Failure::Refused(error.to_string()))?;
    if arguments.change {
        let known = arguments.in_force.of(&binding.binding.name)?;
        let nonce = known.next_nonce()?;
        let change = Change::to(known.document, binding, nonce)
            .map_err(|error| Failure::Refused(error.to_string()))?;
        return written::change(&change, arguments.output.as_ref(), output);
    }
    let proposal = Proposal::new(document, &binding);
    let Some(path) = &arguments.output else {
        output.write_all(proposal.to_json().as_bytes())?;
        return Ok(());
    };
    File::create_new(path)
        .and_then(|mut file| file.write_all(proposal.to_json().as_bytes()))
        .map_err(|error| {
            Failure::Refused(format!(
                "cannot write {}: {error}; name another file with --output",
                path.display()
            ))
        })?;
    writeln!(
        output,
        "{} proposes {}; {} must sign {}",
        printable(&path.display().to_string()),
        printable(&proposal.binding),
        binding.counterparties.len(),
        proposal.digest
    )?;
    Ok(())
}

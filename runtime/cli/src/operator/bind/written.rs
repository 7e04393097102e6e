//! A new proposal, into a file or to the standard output.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use cryptlet_fabric::change::Change;

use super::changing::ChangeProposal;
use crate::failure::Failure;
use crate::terminal::printable;

/// Writes the proposal of a change; a file that exists is not overwritten.
pub fn change(
    change: &Change,
    path: Option<&PathBuf>,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let proposal = ChangeProposal::new(change);
    let mut text =
        serde_json::to_string_pretty(&proposal).expect("a proposal's texts have a JSON form");
    text.push('\n');
    let Some(path) = path else {
        output.write_all(text.as_bytes())?;
        return Ok(());
    };
    File::create_new(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| {
            Failure::Refused(format!(
                "cannot write {}: {error}; name another file with --output",
                path.display()
            ))
        })?;
    writeln!(
        output,
        "{} proposes a change of {}; {} of {} must sign {}",
        printable(&path.display().to_string()),
        printable(&proposal.binding),
        change.required(),
        change.in_force.counterparties.len(),
        proposal.digests.join(" and ")
    )?;
    Ok(())
}

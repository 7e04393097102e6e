//! `cryptlet bind activate`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use cryptlet_service::api::{Activation, BindingStatus, ChangeView};
use reqwest::Method;

use super::changing::UnderstoodChange;
use super::file::Proposed;
use super::proposal::Understood;
use crate::failure::Failure;
use crate::listing::json;
use crate::operator::client::{CHANGE, Connection};
use crate::terminal::{printable, progress};

/// The chain may have to be told of the binding before the service answers.
const CHAIN: Duration = Duration::from_secs(600);

const EXAMPLES: &str = "\
Examples:
  cryptlet bind activate proposal.json
  cryptlet bind activate from-acme.json from-globex.json

Counterparties may sign copies of one proposal: name all of them. A change may come with too few
signatures: the service keeps them until the rest is there.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The proposal, or several copies of it with different signatures.
    #[arg(value_name = "PROPOSAL", required = true)]
    proposals: Vec<PathBuf>,
    #[command(flatten)]
    service: Connection,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    match joined(&arguments.proposals)? {
        Proposed::Creation(understood) => create(arguments, understood, output),
        Proposed::Change(understood) => change(arguments, *understood, output),
    }
}

fn create(
    arguments: &Arguments,
    understood: Box<Understood>,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let name = understood.proposal.binding.clone();
    let proposed = Proposed::Creation(understood);
    let missing = proposed.missing();
    let Proposed::Creation(understood) = proposed else {
        return Ok(());
    };
    if !missing.is_empty() {
        return Err(Failure::Refused(format!(
            "{name} is not signed by {}; have them sign with `cryptlet bind sign`",
            missing.join(", ")
        )));
    }
    let client = arguments.service.open()?;
    let waiting = progress(format!("activating {name}"));
    let activation = Activation {
        document: understood.proposal.document,
        approvals: understood.proposal.approvals,
    };
    let request = client
        .request(Method::POST, &["bindings"])
        .timeout(CHAIN)
        .json(&activation);
    let status: BindingStatus = client.send(request)?.read()?;
    drop(waiting);
    if arguments.json {
        return json(&status, output);
    }
    writeln!(
        output,
        "{} is active and runs {} {}",
        printable(&status.name),
        printable(&status.cryptlet),
        printable(&status.active)
    )?;
    writeln!(output, "id {}", printable(&status.id))?;
    Ok(())
}

fn change(
    arguments: &Arguments,
    understood: UnderstoodChange,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let binding = &understood.proposal.binding;
    let client = arguments.service.open()?;
    let request = client
        .request(Method::POST, &["bindings", binding, "changes"])
        .timeout(CHANGE)
        .json(&understood.proposal.change);
    let view: ChangeView = client.send(request)?.read()?;
    if arguments.json {
        return json(&view, output);
    }
    let shown = printable(binding);
    match view.status.as_str() {
        "proposed" => writeln!(
            output,
            "change {} of {shown} has {} of {} signatures; the service waits for the rest",
            view.number,
            view.signed.len(),
            view.required
        )?,
        _ => writeln!(
            output,
            "change {} of {shown} is signed and on its way to the chain; follow it with `cryptlet bind changes {shown}`",
            view.number
        )?,
    }
    Ok(())
}

/// One proposal with the signatures of all copies.
fn joined(paths: &[PathBuf]) -> Result<Proposed, Failure> {
    let mut copies = paths.iter().map(|path| (path, Proposed::read(path)));
    let (first, proposed) = copies
        .next()
        .ok_or_else(|| Failure::Usage("name a proposal".into()))?;
    let mut proposed = proposed?;
    for (path, copy) in copies {
        proposed.join(copy?).map_err(|reason| {
            Failure::Refused(format!(
                "{} and {}: {reason}",
                first.display(),
                path.display()
            ))
        })?;
    }
    Ok(proposed)
}

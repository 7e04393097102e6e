//! `cryptlet bind activate`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use cryptlet_service::api::{Activation, BindingStatus};
use reqwest::Method;

use super::proposal::Understood;
use crate::failure::Failure;
use crate::listing::json;
use crate::operator::client::Connection;
use crate::terminal::{printable, progress};

/// The chain may have to be told of the binding before the service answers.
const CHAIN: Duration = Duration::from_secs(600);

const EXAMPLES: &str = "\
Examples:
  cryptlet bind activate proposal.json
  cryptlet bind activate from-acme.json from-globex.json

Counterparties may sign copies of one proposal: name all of them.";

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
    let understood = joined(&arguments.proposals)?;
    let missing = understood.missing();
    if !missing.is_empty() {
        return Err(Failure::Refused(format!(
            "{} is not signed by {}; have them sign with `cryptlet bind sign`",
            understood.proposal.binding,
            missing.join(", ")
        )));
    }
    let client = arguments.service.open()?;
    let waiting = progress(format!("activating {}", understood.proposal.binding));
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

/// One proposal with the signatures of all copies.
fn joined(paths: &[PathBuf]) -> Result<Understood, Failure> {
    let mut copies = paths.iter().map(|path| (path, Understood::read(path)));
    let (first, understood) = copies
        .next()
        .ok_or_else(|| Failure::Usage("name a proposal".into()))?;
    let mut understood = understood?;
    for (path, copy) in copies {
        let copy = copy?;
        if copy.proposal.digest != understood.proposal.digest {
            return Err(Failure::Refused(format!(
                "{} and {} propose different bindings; activate them one after the other",
                first.display(),
                path.display()
            )));
        }
        for approval in copy.approvals {
            understood.add(approval);
        }
    }
    Ok(understood)
}

//! `cryptlet bind show`.

use std::io::Write;
use std::path::PathBuf;

use alloy_primitives::B256;
use clap::Args;
use cryptlet_fabric::binding::Http;
use cryptlet_fabric::change::{Change, ChangeKind};
use cryptlet_fabric::{Binding, WhileChanging};

use super::asking::OwnCopy;
use super::file::Proposed;
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{BAD, Cell, GOOD, Table, printable};

const EXAMPLES: &str = "\
Examples:
  cryptlet bind show proposal.json
  cryptlet bind show change.json --in-force swap.toml
  cryptlet bind show proposal.json --json | jq '.\"typed-data\"'";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The proposal.
    proposal: PathBuf,
    #[command(flatten)]
    own: OwnCopy,
    /// Print the proposal as it was read and found genuine.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let proposed = Proposed::read(&arguments.proposal)?;
    arguments.own.check(&proposed)?;
    match &proposed {
        Proposed::Creation(understood) if arguments.json => {
            return json(&understood.proposal, output);
        }
        Proposed::Change(understood) if arguments.json => {
            return json(&understood.proposal, output);
        }
        Proposed::Creation(understood) => {
            let digest = understood.binding.terms_digest();
            terms(&understood.binding, Some(digest), output)?;
        }
        Proposed::Change(understood) => change(&understood.change, output)?,
    }
    writeln!(output)?;
    let mut table = Table::new(["COUNTERPARTY", "ADDRESS", "SIGNATURE"]);
    for party in &proposed.binding().counterparties {
        let signature = match proposed.has_signed(party.address) {
            true if proposed.is_contract(party.address) => {
                Cell::from("a contract's, for the chain to check")
            }
            true => Cell::from("genuine").styled(GOOD),
            false => Cell::from("missing").styled(BAD),
        };
        table.row([
            (&party.name).into(),
            party.address.to_string().into(),
            signature,
        ]);
    }
    table.print(output)?;
    Ok(())
}

/// What somebody agrees to who signs a change.
fn change(change: &Change, output: &mut impl Write) -> Result<(), Failure> {
    let binding = &change.in_force;
    let what = match change.kind {
        ChangeKind::Change => "another document of the binding",
        ChangeKind::Allow => "one more module may run, under the document in force",
        ChangeKind::Revoke => "a module may not run any more, at once",
    };
    let mut lines = vec![
        ("binding", binding.binding.name.clone()),
        ("id", binding.id().to_string()),
        ("what", what.to_owned()),
        ("in force", binding.version().to_string()),
        ("version", change.version.to_string()),
        ("measurement", change.measurement.to_string()),
    ];
    lines.extend(
        change
            .digests()
            .iter()
            .map(|digest| ("to sign", digest.to_string())),
    );
    let (required, parties) = (change.required(), binding.counterparties.len());
    let counts = match change.kind {
        ChangeKind::Revoke => "signed by any one, at once".to_owned(),
        _ => format!(
            "signed by {required} of {parties}, in force {} s later",
            binding.contract.version_delay_seconds
        ),
    };
    lines.push(("counts", counts));
    if change.kind == ChangeKind::Change {
        let meanwhile = match binding.binding.while_changing {
            WhileChanging::Run => "the old document stays in force",
            WhileChanging::Pause => "the binding takes nothing new",
        };
        lines.push(("until then", meanwhile.to_owned()));
    }
    for (what, value) in lines {
        writeln!(output, "{what:13}{}", printable(&value))?;
    }
    let differences = change.differences();
    if !differences.is_empty() {
        writeln!(output)?;
        let mut table = Table::new(["CHANGES", "FROM", "TO"]);
        for difference in differences {
            let shown = |value: Option<String>| value.unwrap_or_else(|| "-".into());
            table.row([
                difference.key.into(),
                shown(difference.before).into(),
                shown(difference.after).into(),
            ]);
        }
        table.print(output)?;
    }
    if change.kind == ChangeKind::Change {
        // Its hash is what is signed: what it differs from is the proposal's own word.
        writeln!(output)?;
        terms(&change.document, None, output)?;
    }
    Ok(())
}

/// What somebody agrees to who signs this digest, or a change to this document.
fn terms(binding: &Binding, to_sign: Option<B256>, output: &mut impl Write) -> Result<(), Failure> {
    let contract = &binding.contract;
    let agreement = &binding.binding;
    let order = match contract.ordered {
        true => "one after the other",
        false => "in any order",
    };
    let mut lines = vec![
        ("binding", agreement.name.clone()),
        ("id", binding.id().to_string()),
        ("version", binding.version().to_string()),
    ];
    lines.extend(to_sign.map(|digest| ("to sign", digest.to_string())));
    lines.extend([
        (
            "cryptlet",
            format!("{} {}", agreement.cryptlet, agreement.versions),
        ),
        ("measurement", agreement.measurement.to_string()),
        (
            "changes",
            format!(
                "signed by {} of {}, in force {} s later",
                agreement.threshold,
                binding.counterparties.len(),
                contract.version_delay_seconds
            ),
        ),
        (
            "chain",
            format!("{} (ledger {})", contract.chain, contract.ledger),
        ),
        ("gateway", contract.gateway.to_string()),
        ("consumer", contract.consumer.to_string()),
        (
            "deliveries",
            format!(
                "{order}, valid for {} s, up to {} gas",
                contract.validity_seconds, contract.gas_limit
            ),
        ),
    ]);
    lines.extend(
        contract
            .actions
            .iter()
            .map(|action| ("may call", action.to_string())),
    );
    let (triggers, grants) = (&binding.triggers, &binding.grants);
    lines.extend(
        triggers
            .contract_events
            .iter()
            .map(|event| ("woken by", format!("contract event {event}"))),
    );
    lines.extend(
        triggers
            .messages
            .iter()
            .map(|message| ("woken by", format!("message {message}"))),
    );
    lines.extend(binding.sources.iter().map(|(name, source)| {
        let text = format!(
            "{name}: {} {} {}",
            source.cryptlet, source.version, source.measurement
        );
        ("asks", text)
    }));
    let granted = [
        ("events", grants.events),
        ("state", grants.state),
        ("log", grants.log),
        ("wasi", grants.wasi),
    ];
    let granted: Vec<&str> = granted
        .into_iter()
        .filter_map(|(name, is_granted)| is_granted.then_some(name))
        .collect();
    if !granted.is_empty() {
        lines.push(("may use", granted.join(", ")));
    }
    let keys = binding.keys.granted.iter();
    lines.extend(keys.map(|key| ("signs with", key.clone())));
    let bound = grants.http.iter();
    let sources = binding.sources.values();
    lines.extend(
        bound
            .chain(sources.flat_map(|source| source.grants.http.iter()))
            .map(|(name, http)| ("fetches", fetched(name, http))),
    );
    let sources = binding.sources.values().map(|source| &source.grants);
    let granted = std::iter::once(&binding.grants).chain(sources);
    lines.extend(
        granted
            .flat_map(|grants| &grants.directories)
            .map(|(name, directory)| {
                let text = format!("{name}: at most {} bytes a run", directory.bytes);
                ("reads", text)
            }),
    );
    for (what, value) in lines {
        writeln!(output, "{what:13}{}", printable(&value))?;
    }
    Ok(())
}

/// A grant with those of its bounds that its counterparties wrote.
fn fetched(name: &str, http: &Http) -> String {
    let written = [
        ("requests", http.requests),
        ("request-bytes", http.request_bytes),
        ("response-bytes", http.response_bytes),
        ("timeout-milliseconds", http.timeout_milliseconds),
    ];
    let bounds = written
        .into_iter()
        .filter_map(|(bound, value)| Some(format!(", {bound} {}", value?)));
    format!(
        "{name}: {} {}{}",
        http.methods.join(" "),
        http.base,
        bounds.collect::<String>()
    )
}

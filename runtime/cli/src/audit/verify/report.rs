//! The verdict on a bundle, on paper and as JSON.

use std::io::Write;

use cryptlet_attest::bundle::{BundleClaim, Standing};
use serde::Serialize;
use utoipa::ToSchema;

use super::Audited;
use super::opened::{ShownInput, ShownOpening, openings};
use crate::audit::receipt::{Run, ShownDoubt};
use crate::audit::shown::{ShownCheckpoint, ShownClaim, print_claim};
use crate::failure::Failure;
use crate::terminal::{BAD, GOOD, HEADING, printable};

/// `cryptlet audit verify --json`: what was verified, or the first reason for doubt.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AuditedBundle<'a> {
    /// Whether the bundle is verified.
    verified: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<&'a ShownDoubt>,
    /// What may be said, always in the same order; nothing if the file itself is not to be believed.
    claims: Vec<ShownBundleClaim>,
    /// What the receipt states.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Run>,
    /// What the receipts of the sources state, in the order of asking.
    sources: Vec<Run>,
    /// What was put in, if it was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a ShownInput>,
    /// Everything that was opened.
    openings: Vec<ShownOpening>,
    /// The checkpoint to which everything is proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<ShownCheckpoint>,
    /// The earlier checkpoint that it extends.
    #[serde(skip_serializing_if = "Option::is_none")]
    extends: Option<ShownCheckpoint>,
    /// The trusted witnesses that have cosigned it, as `name+id`.
    cosigned: Vec<String>,
}

/// A claim, and how much of what it is about the file shows.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownBundleClaim {
    /// The claim.
    #[serde(flatten)]
    claim: ShownClaim,
    /// `shown`, `withheld` or `hosts-word`.
    standing: &'static str,
}

impl<'a> AuditedBundle<'a> {
    pub fn of(audited: Option<&'a Audited>, doubt: Option<&'a ShownDoubt>) -> Self {
        let Some(Audited { verdict, input }) = audited else {
            return Self {
                verified: false,
                doubt,
                claims: Vec::new(),
                run: None,
                sources: Vec::new(),
                input: None,
                openings: Vec::new(),
                checkpoint: None,
                extends: None,
                cosigned: Vec::new(),
            };
        };
        Self {
            verified: doubt.is_none(),
            doubt,
            claims: verdict.claims.iter().map(ShownBundleClaim::from).collect(),
            run: Some(Run::of(
                &verdict.statement,
                verdict.index,
                &verdict.leaf_hash,
            )),
            sources: verdict
                .sources
                .iter()
                .zip(&verdict.bundle.sources)
                .map(|(source, proven)| Run::of(source, proven.index, &proven.leaf_hash()))
                .collect(),
            input: input.as_ref(),
            openings: openings(verdict),
            checkpoint: Some(ShownCheckpoint::from(&verdict.checkpoint)),
            extends: verdict.extended.as_ref().map(ShownCheckpoint::from),
            cosigned: verdict
                .cosigned
                .iter()
                .map(|cosigned| cosigned.witness.clone())
                .collect(),
        }
    }
}

impl From<&BundleClaim> for ShownBundleClaim {
    fn from(claim: &BundleClaim) -> Self {
        Self {
            claim: ShownClaim::from(&claim.claim),
            standing: claim.standing.name(),
        }
    }
}

/// The verdict for people: a paragraph for each claim, then what was put in, if it is shown.
pub fn print(audited: &Audited, verified: bool, output: &mut impl Write) -> Result<(), Failure> {
    if verified {
        writeln!(output, "{GOOD}verified{GOOD:#}")?;
    } else {
        writeln!(output, "{BAD}not verified{BAD:#}")?;
    }
    for claim in &audited.verdict.claims {
        let remark = match claim.standing {
            Standing::Shown => " (shown)",
            Standing::Withheld => " (withheld)",
            Standing::HostsWord => " (the host's word)",
        };
        print_claim(&claim.claim, remark, output)?;
    }
    if let Some(input) = &audited.input {
        print_input(input, output)?;
    }
    for opening in &audited.verdict.bundle.openings {
        let is_answer = opening.field == "reply" || opening.field.starts_with("event/");
        if let (true, Ok(text)) = (is_answer, std::str::from_utf8(&opening.value)) {
            let whose = match opening.ordinal {
                0 => String::new(),
                ordinal => format!(" of source {ordinal}"),
            };
            writeln!(output)?;
            writeln!(
                output,
                "{HEADING}{}{whose}:{HEADING:#} {}",
                printable(&opening.field),
                printable(text)
            )?;
        }
    }
    Ok(())
}

fn print_input(input: &ShownInput, output: &mut impl Write) -> Result<(), Failure> {
    let name = input.name.as_deref().unwrap_or_default();
    let sender = input
        .sender
        .as_ref()
        .map(|sender| format!(" from {sender}"))
        .unwrap_or_default();
    writeln!(output)?;
    writeln!(
        output,
        "{HEADING}what was put in:{HEADING:#} {} {}{}, at {}",
        input.trigger,
        printable(name),
        printable(&sender),
        input.instant
    )?;
    if let Some(fields) = &input.fields {
        for line in format!("{fields:#}").lines() {
            writeln!(output, "  {}", printable(line))?;
        }
    }
    Ok(())
}

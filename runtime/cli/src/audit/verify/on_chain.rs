//! Whether the chain has the deliveries of a run as its receipt seals them.

use std::collections::BTreeSet;

use cryptlet_attest::Basis;
use cryptlet_attest::bundle::{BundleVerdict, Standing};
use cryptlet_attest::comparison::{ChainRecord, Compared, Fate, compare_run};
use cryptlet_fabric::Binding;
use url::Url;

use super::Arguments;
use crate::audit::compare::{Query, ask};
use crate::audit::receipt::ShownDoubt;
use crate::failure::Failure;

/// Asks the node; what it says is added to the claim `chain`. Gives the doubt, if it says something
/// else than the receipt.
pub fn check(
    arguments: &Arguments,
    rpc: &Url,
    verdict: &mut BundleVerdict,
    document: Option<&Binding>,
) -> Result<Option<ShownDoubt>, Failure> {
    let gateway = arguments
        .gateway
        .or_else(|| document.map(|document| document.contract.gateway))
        .ok_or_else(|| {
            Failure::Usage(
                "a receipt does not name the gateway, and the file has no document that does; give its address with --gateway".into(),
            )
        })?;
    let run = verdict.run();
    let binding = verdict.statement.execution.binding;
    let answer = ask(&Query {
        rpc,
        gateway,
        finality: arguments.finality,
        from_block: arguments
            .from_block
            .or_else(|| document.map(|document| document.contract.from_block))
            .unwrap_or_default(),
        binding,
        pairs: BTreeSet::new(),
    })?;
    let doubt = |says: String| ShownDoubt {
        name: "other-on-chain",
        says,
    };
    let Some(chain) = answer else {
        return Ok(Some(doubt(format!(
            "the gateway {gateway} has no binding {binding}: this is another gateway, or another chain"
        ))));
    };
    let compared = match compare_run(&run, &chain) {
        Ok(compared) => compared,
        Err(difference) => return Ok(Some(doubt(difference.to_string()))),
    };
    if let Some(claim) = verdict.claim_mut("chain") {
        claim.claim.says = format!("{}; {}", claim.claim.says, says(&compared, &chain));
        // Nobody asked for the trigger: without deliveries the claim is still the host's alone.
        if !compared.is_empty() {
            claim.standing = Standing::Shown;
            claim.claim.rests_on = Basis::Node {
                endpoint: chain.endpoint.clone(),
            };
            claim.claim.broken_by = "another node of the chain that shows something else";
        }
    }
    Ok(None)
}

/// Says with the claim `chain` that its word is the host's alone.
pub fn leave_out(verdict: &mut BundleVerdict) {
    if let Some(claim) = verdict.claim_mut("chain") {
        claim.claim.says.push_str("; no node was asked");
    }
}

fn says(compared: &[Compared], chain: &ChainRecord) -> String {
    if compared.is_empty() {
        return format!(
            "the gateway {} was asked and has nothing to show",
            chain.gateway
        );
    }
    let told: Vec<String> = compared
        .iter()
        .map(|compared| match (compared.fate, compared.block) {
            (Fate::Absent, _) | (_, None) => format!("does not have delivery {}", compared.number),
            (fate, Some(block)) => format!(
                "has delivery {} with this receipt hash in block {block} ({}, {})",
                compared.number,
                fate.name(),
                if compared.is_final {
                    "final"
                } else {
                    "not yet final"
                }
            ),
        })
        .collect();
    format!(
        "the gateway {} on {} {}",
        chain.gateway,
        chain.chain,
        told.join(" and ")
    )
}

//! What a trail without contradiction supports, and what each claim rests on.

use std::collections::BTreeMap;

use super::{Invocation, Trail};
use crate::{Basis, Claim, VersionChange};

pub(super) fn claims(trail: &Trail, has_terms: bool) -> Vec<Claim> {
    vec![
        whole(trail),
        history(trail),
        numbered(trail),
        accepted(trail),
        chained(trail),
        versions(trail, has_terms),
        sources(trail),
        deliveries(trail),
        keys(trail),
        truth(),
    ]
}

fn signed(trail: &Trail) -> Basis {
    Basis::Signature {
        key: trail.checkpoint.signer.clone(),
    }
}

fn whole(trail: &Trail) -> Claim {
    Claim {
        name: "whole-log",
        says: format!(
            "these are the {} leaves of the log {} that the newest checkpoint signs, and every one can be read",
            trail.checkpoint.size, trail.checkpoint.origin
        ),
        rests_on: signed(trail),
        broken_by: "another checkpoint by the same key that this one does not extend: then the host shows different logs",
    }
}

fn history(trail: &Trail) -> Claim {
    let (says, rests_on) = match &trail.since {
        Some(since) => (
            format!(
                "the log extends the checkpoint of {} leaves that you kept: nothing before it was rewritten",
                since.size
            ),
            Basis::Computed,
        ),
        None => (
            "no earlier checkpoint was given, so that the host may have written all of this anew; keep this checkpoint, and give it next time".to_owned(),
            Basis::Host,
        ),
    };
    Claim {
        name: "history",
        says,
        rests_on,
        broken_by: "an older checkpoint, a receipt or a receipt hash on a chain that is not in this log",
    }
}

fn numbered(trail: &Trail) -> Claim {
    let waiting: Vec<&Invocation> = trail
        .invocations
        .iter()
        .filter(|invocation| invocation.run.is_none())
        .collect();
    let ran = trail.invocations.len() - waiting.len();
    let waits = match waiting.as_slice() {
        [] => "none waits".to_owned(),
        waiting => {
            let numbers: Vec<String> = waiting
                .iter()
                .map(|invocation| invocation.number.to_string())
                .collect();
            format!("still waiting: {}", numbers.join(", "))
        }
    };
    let says = match trail.invocations.len() {
        0 => "the binding was never woken".to_owned(),
        count => format!(
            "invocations 1 to {count} are numbered without gaps; {ran} of them ran, each exactly once; {waits}"
        ),
    };
    Claim {
        name: "invocations",
        says,
        rests_on: Basis::Computed,
        broken_by: "an event of the contract, or a message whose sender holds a number, that this log never accepted",
    }
}

fn accepted(_trail: &Trail) -> Claim {
    Claim {
        name: "fixed-before",
        says: "every run had the trigger, input, instant, seed and module that a leaf before it had fixed: the host did not run until it liked the answer".to_owned(),
        rests_on: Basis::Computed,
        broken_by: "a receipt of this binding that is not in this log",
    }
}

fn chained(_trail: &Trail) -> Claim {
    Claim {
        name: "chain",
        says: "every receipt names the one before it, and every run began with the state that the one before it left".to_owned(),
        rests_on: Basis::Computed,
        broken_by: "a receipt of this binding that is not in this log",
    }
}

fn versions(trail: &Trail, has_terms: bool) -> Claim {
    let first = match (trail.invocations.first(), has_terms) {
        (_, true) => "at first the module that the binding's document names".to_owned(),
        (None, false) => "nothing ran".to_owned(),
        (Some(first), false) => format!(
            "at first {}, by the host's word, as no document of the binding was given",
            first.measurement
        ),
    };
    let moves: String = trail
        .moves
        .iter()
        .filter_map(|change| {
            let word = match change.change {
                VersionChange::RolledBack => "rolled back to".to_owned(),
                VersionChange::Promoted => "promoted to".to_owned(),
                _ => format!("{} of the invocations to the canary", share(change.share?)),
            };
            let by = match &change.by {
                Some(by) => format!(" by {by}"),
                None => String::new(),
            };
            Some(format!(
                "; {word} {} at leaf {}{by}",
                change.version, change.leaf
            ))
        })
        .collect();
    Claim {
        name: "versions",
        says: format!(
            "what ran is what was active, or the canary, when its invocation was accepted: {first}{moves}"
        ),
        rests_on: Basis::Computed,
        broken_by: "a promotion that the counterparties never allowed: compare the versions that the chain allows",
    }
}

/// Thousandths as people write them.
fn share(thousandths: u16) -> String {
    match thousandths % 10 {
        0 => format!("{} %", thousandths / 10),
        tenth => format!("{}.{tenth} %", thousandths / 10),
    }
}

fn sources(trail: &Trail) -> Claim {
    let asked: usize = trail
        .invocations
        .iter()
        .filter_map(|invocation| invocation.run.as_ref())
        .map(|run| run.sources.len())
        .sum();
    Claim {
        name: "sources",
        says: format!(
            "{asked} receipts of sources are in the log before the runs that asked them, none is missing and none belongs to no run"
        ),
        rests_on: Basis::Computed,
        broken_by: "a replay that asks a source which has no receipt",
    }
}

fn deliveries(trail: &Trail) -> Claim {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    let sealed = trail
        .invocations
        .iter()
        .filter_map(|invocation| invocation.run.as_ref())
        .flat_map(|run| &run.deliveries);
    for delivery in sealed {
        last.insert(&delivery.ledger, delivery.number);
    }
    let says = if last.is_empty() {
        "nothing was sealed for a ledger".to_owned()
    } else {
        let ranges: Vec<String> = last
            .iter()
            .map(|(ledger, number)| format!("1 to {number} for {ledger}"))
            .collect();
        format!(
            "deliveries are numbered without gaps: {}; whether they arrived is for `cryptlet audit compare`",
            ranges.join(", ")
        )
    };
    Claim {
        name: "deliveries",
        says,
        rests_on: Basis::Computed,
        broken_by: "a delivery on the chain whose receipt hash is not in this log",
    }
}

fn keys(trail: &Trail) -> Claim {
    let keys: Vec<String> = trail
        .keys
        .iter()
        .map(|key| format!("{} ({}) at leaf {}", key.name, key.purpose, key.leaf))
        .collect();
    Claim {
        name: "keys",
        says: format!(
            "receipts name only keys that the log announced before and that you trust; it announced {}",
            keys.join(", ")
        ),
        rests_on: signed(trail),
        broken_by: "whoever else holds one of these keys",
    }
}

fn truth() -> Claim {
    Claim {
        name: "results",
        says: "the runs came out as their receipts state".to_owned(),
        rests_on: Basis::HostUntilReplayed,
        broken_by: "a replay from module and transcript that gives another execution hash; what sources answered and when triggers came stays the host's word",
    }
}

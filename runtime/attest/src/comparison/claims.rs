//! What follows when log and chain agree.

use super::{ChainRecord, Compared, Fate};
use crate::trail::Trail;
use crate::{Basis, Claim};

pub(super) fn claims(
    trail: &Trail,
    chain: &ChainRecord,
    deliveries: &[Compared],
    has_journal: bool,
) -> Vec<Claim> {
    let node = || Basis::Node {
        endpoint: chain.endpoint.clone(),
    };
    let on_chain = deliveries.iter().filter(|it| it.fate != Fate::Absent);
    let absent: Vec<String> = deliveries
        .iter()
        .filter(|it| it.fate == Fate::Absent)
        .map(|it| it.number.to_string())
        .collect();
    let waiting = match absent.as_slice() {
        [] => "nothing that the log seals is missing on the chain".to_owned(),
        absent => format!("sealed, and not on the chain yet: {}", absent.join(", ")),
    };
    vec![
        Claim {
            name: "log",
            says: format!(
                "the log {} holds together for the binding, as `cryptlet audit trail` says claim by claim",
                trail.checkpoint.origin
            ),
            rests_on: Basis::Signature {
                key: trail.checkpoint.signer.clone(),
            },
            broken_by: "another checkpoint by the same key that this one does not extend",
        },
        Claim {
            name: "chain",
            says: format!(
                "the node serves {}, whose newest block is {}; blocks up to {} count as final ({}), and the gateway is {}",
                chain.chain, chain.block, chain.final_block, chain.finality, chain.gateway
            ),
            rests_on: node(),
            broken_by: "another node of the chain that shows other blocks: this one is believed without proof, so run your own or ask a second",
        },
        Claim {
            name: "delivered",
            says: format!(
                "{} deliveries are on the chain since block {}, no number twice; each has its receipt in the log, with the same receipt hash, execution hash, module, binding version and call",
                on_chain.count(),
                chain.from_block
            ),
            rests_on: node(),
            broken_by: "a delivery that another node shows and this one hides",
        },
        Claim {
            name: "complete",
            says: if has_journal {
                format!("every delivery that the host calls final is in a final block; {waiting}")
            } else {
                format!("which deliveries the host calls final a log does not say; {waiting}")
            },
            rests_on: node(),
            broken_by: "a final block without one of them, by another node's word",
        },
        Claim {
            name: "versions",
            says: versions(chain, deliveries),
            rests_on: node(),
            broken_by: "the gateway at a block of another node that allows something else",
        },
    ]
}

fn versions(chain: &ChainRecord, deliveries: &[Compared]) -> String {
    let pairs: Vec<String> = chain
        .allowances
        .iter()
        .map(|pair| match pair.usable_from {
            Some(instant) => format!(
                "{} from {}",
                pair.measurement,
                crate::view::instant(instant.saturating_mul(1_000))
            ),
            None => format!("not, or not any more, {}", pair.measurement),
        })
        .collect();
    match (pairs.as_slice(), deliveries) {
        ([], _) => "nothing ran".to_owned(),
        (pairs, _) => format!(
            "of the modules that ran the counterparties allow {}; the gateway took deliveries of allowed ones only",
            pairs.join(", ")
        ),
    }
}

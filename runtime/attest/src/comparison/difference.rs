//! In what log and chain differ.

use thiserror::Error;

use crate::LeafHash;

/// The first thing in which log and chain differ.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Difference {
    /// The log's deliveries are for another chain.
    #[error(
        "the log seals deliveries for {expected}, but the node serves {found}; name a node of that chain"
    )]
    OtherChain {
        /// What the log names.
        expected: String,
        /// What the node serves.
        found: String,
    },
    /// The chain has a delivery that no receipt of the log seals.
    #[error(
        "delivery {number} is on the chain (block {block}, receipt hash {receipt_hash}), but no receipt in the log seals it"
    )]
    NotInLog {
        /// Its number.
        number: u64,
        /// Where it is.
        block: u64,
        /// What the chain has.
        receipt_hash: LeafHash,
    },
    /// Log and chain have the delivery, but not the same.
    #[error(
        "the {field} of delivery {number} is {found} on the chain, but {expected} in the log (leaf {leaf})"
    )]
    OtherDelivery {
        /// Its number.
        number: u64,
        /// What differs.
        field: &'static str,
        /// The leaf of its receipt.
        leaf: u64,
        /// What the log has.
        expected: String,
        /// What the chain has.
        found: String,
    },
    /// One number was used twice.
    #[error(
        "the node shows delivery {number} twice, in blocks {first} and {second}, which no gateway allows: do not believe this node"
    )]
    Doubled {
        /// The number.
        number: u64,
        /// Where it is first.
        first: u64,
        /// Where it is again.
        second: u64,
    },
    /// The gateway's count and its events differ.
    #[error(
        "the gateway has consumed numbers up to {last}, but its events since block {from_block} show {shown}; read them from an earlier block with --from-block"
    )]
    OtherCount {
        /// The gateway's count.
        last: u64,
        /// The highest number among its events.
        shown: u64,
        /// From where they were read.
        from_block: u64,
    },
    /// The host says that a delivery is final, but the chain does not have it in a final block.
    #[error("the host calls delivery {number} (leaf {leaf}) final, but the chain {}", held(.block))]
    NotOnChain {
        /// Its number.
        number: u64,
        /// The leaf of its receipt.
        leaf: u64,
        /// The block that holds it, if one does.
        block: Option<u64>,
    },
}

impl Difference {
    /// A stable name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OtherChain { .. } => "other-chain",
            Self::NotInLog { .. } => "not-in-log",
            Self::OtherDelivery { .. } => "other-delivery",
            Self::Doubled { .. } => "doubled",
            Self::OtherCount { .. } => "other-count",
            Self::NotOnChain { .. } => "not-on-chain",
        }
    }
}

fn held(block: &Option<u64>) -> String {
    block.map_or_else(
        || "does not have it".to_owned(),
        |block| format!("has it in block {block}, which is not final"),
    )
}

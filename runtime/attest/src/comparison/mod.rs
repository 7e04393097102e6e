//! What a log says of a binding's deliveries, held against what a chain shows.
//!
//! The chain's side is whatever a node answered, so every finding here rests on that node as well
//! as on the log. Reading the node is the caller's business.

mod claims;
mod difference;

pub use difference::Difference;

use std::collections::{BTreeMap, BTreeSet};

use crate::trail::{Run, Sealed, Trail};
use crate::{BindingVersion, Claim, Digest, LeafHash, Measurement};

/// What a chain shows of one binding, by the word of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainRecord {
    /// The node, without anything secret.
    pub endpoint: String,
    /// CAIP-2 id of the chain that it serves.
    pub chain: String,
    /// The gateway contract.
    pub gateway: String,
    /// The newest block when it was asked.
    pub block: u64,
    /// The newest block that counts as final, and by which rule.
    pub final_block: u64,
    /// The rule, such as `finalized` or `depth:12`.
    pub finality: String,
    /// First block whose events were read.
    pub from_block: u64,
    /// The highest number that the gateway calls consumed.
    pub last_delivery: u64,
    /// What the gateway accepted, oldest first.
    pub delivered: Vec<Delivered>,
    /// Numbers that were given up.
    pub skipped: Vec<Skipped>,
    /// Whether the pairs that were delivered or ran are allowed.
    pub allowances: Vec<Allowance>,
}

/// A delivery as the gateway recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its number.
    pub number: u64,
    /// The block that holds it.
    pub block: u64,
    /// The transaction that brought it.
    pub transaction: [u8; 32],
    /// The binding's version that the keys signed.
    pub binding_version: BindingVersion,
    /// The module that the keys signed.
    pub measurement: Measurement,
    /// Hash of the execution part that the keys signed.
    pub execution_hash: Digest,
    /// The receipt hash that the keys signed.
    pub receipt_hash: LeafHash,
    /// Hash of the call.
    pub output_hash: [u8; 32],
    /// Whether the consumer took it, then or at a later attempt.
    pub succeeded: bool,
}

/// A number that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The number.
    pub number: u64,
    /// The block that holds it.
    pub block: u64,
    /// The receipt whose output was given up.
    pub receipt_hash: LeafHash,
}

/// Whether the counterparties allow a module under a version of the binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The binding's version.
    pub binding_version: BindingVersion,
    /// The module.
    pub measurement: Measurement,
    /// Chain time from which it may deliver; none if it may not, or not any more.
    pub usable_from: Option<u64>,
}

/// Log and chain agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Every delivery that the log seals for this chain, by number.
    pub deliveries: Vec<Compared>,
    /// One after the other, what may now be said.
    pub claims: Vec<Claim>,
}

/// One delivery on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Its number.
    pub number: u64,
    /// The leaf of its receipt.
    pub leaf: u64,
    /// The version that made it.
    pub version: String,
    /// What became of it on the chain.
    pub fate: Fate,
    /// The block that holds it.
    pub block: Option<u64>,
    /// Whether that block counts as final.
    pub is_final: bool,
}

/// What became of a delivery on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The consumer took it.
    Succeeded,
    /// The gateway took it, the consumer failed.
    CallbackFailed,
    /// The number was given up.
    Skipped,
    /// The chain does not show it.
    Absent,
}

impl Fate {
    /// The name in tables and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::CallbackFailed => "callback-failed",
            Self::Skipped => "skipped",
            Self::Absent => "absent",
        }
    }
}

/// Compares both sides. `settled` are the numbers that the host calls final, where its own
/// journal is at hand; a log alone does not say.
///
/// # Errors
///
/// The first thing in which they differ.
pub fn compare(
    trail: &Trail,
    chain: &ChainRecord,
    settled: Option<&BTreeSet<u64>>,
) -> Result<Comparison, Difference> {
    let sealed = sealed(trail, chain)?;
    let mut shown: BTreeMap<u64, (Fate, u64)> = BTreeMap::new();
    let mut show = |number: u64, fate: Fate, block: u64| match shown.insert(number, (fate, block)) {
        None => Ok(()),
        Some((_, first)) => Err(Difference::Doubled {
            number,
            first,
            second: block,
        }),
    };
    for delivered in &chain.delivered {
        check(delivered, sealed.get(&delivered.number).copied())?;
        let fate = match delivered.succeeded {
            true => Fate::Succeeded,
            false => Fate::CallbackFailed,
        };
        show(delivered.number, fate, delivered.block)?;
    }
    for skipped in &chain.skipped {
        let (number, block) = (skipped.number, skipped.block);
        let Some((run, _)) = sealed.get(&number) else {
            return Err(Difference::NotInLog {
                number,
                block,
                receipt_hash: skipped.receipt_hash,
            });
        };
        same(
            "receipt hash",
            number,
            run,
            &run.leaf_hash,
            &skipped.receipt_hash,
        )?;
        show(number, Fate::Skipped, block)?;
    }
    let last = shown.keys().last().copied().unwrap_or_default();
    if last != chain.last_delivery {
        return Err(Difference::OtherCount {
            last: chain.last_delivery,
            shown: last,
            from_block: chain.from_block,
        });
    }
    let deliveries: Vec<Compared> = sealed
        .iter()
        .map(|(number, (run, _))| {
            let shown = shown.get(number).copied();
            Compared {
                number: *number,
                leaf: run.leaf,
                version: run.version.clone(),
                fate: shown.map_or(Fate::Absent, |(fate, _)| fate),
                block: shown.map(|(_, block)| block),
                is_final: shown.is_some_and(|(_, block)| block <= chain.final_block),
            }
        })
        .collect();
    let unsettled = deliveries.iter().find(|compared| {
        !compared.is_final && settled.is_some_and(|settled| settled.contains(&compared.number))
    });
    if let Some(compared) = unsettled {
        return Err(Difference::NotOnChain {
            number: compared.number,
            leaf: compared.leaf,
            block: compared.block,
        });
    }
    Ok(Comparison {
        claims: claims::claims(trail, chain, &deliveries, settled.is_some()),
        deliveries,
    })
}

/// Compares the deliveries of one run with what the chain shows of them. What else the gateway has
/// is not looked at: for that, [`compare`] a whole trail.
///
/// # Errors
///
/// The first thing in which they differ.
pub fn compare_run(run: &Run, chain: &ChainRecord) -> Result<Vec<Compared>, Difference> {
    run.deliveries
        .iter()
        .map(|sealed| compare_delivery(run, sealed, chain))
        .collect()
}

fn compare_delivery(
    run: &Run,
    sealed: &Sealed,
    chain: &ChainRecord,
) -> Result<Compared, Difference> {
    let number = sealed.number;
    if sealed.ledger != chain.chain {
        return Err(Difference::OtherChain {
            expected: sealed.ledger.clone(),
            found: chain.chain.clone(),
        });
    }
    let mut shown = None;
    if let Some(delivered) = chain.delivered.iter().find(|taken| taken.number == number) {
        check(delivered, Some((run, sealed)))?;
        let fate = match delivered.succeeded {
            true => Fate::Succeeded,
            false => Fate::CallbackFailed,
        };
        shown = Some((fate, delivered.block));
    } else if let Some(skipped) = chain
        .skipped
        .iter()
        .find(|given_up| given_up.number == number)
    {
        let found = &skipped.receipt_hash;
        same("receipt hash", number, run, &run.leaf_hash, found)?;
        shown = Some((Fate::Skipped, skipped.block));
    }
    Ok(Compared {
        number,
        leaf: run.leaf,
        version: run.version.clone(),
        fate: shown.map_or(Fate::Absent, |(fate, _)| fate),
        block: shown.map(|(_, block)| block),
        is_final: shown.is_some_and(|(_, block)| block <= chain.final_block),
    })
}

/// What the log seals, by number, if it is for this chain.
fn sealed<'a>(
    trail: &'a Trail,
    chain: &ChainRecord,
) -> Result<BTreeMap<u64, (&'a Run, &'a Sealed)>, Difference> {
    let runs = trail
        .invocations
        .iter()
        .filter_map(|invocation| invocation.run.as_ref());
    let mut sealed = BTreeMap::new();
    for run in runs {
        for delivery in &run.deliveries {
            if delivery.ledger != chain.chain {
                return Err(Difference::OtherChain {
                    expected: delivery.ledger.clone(),
                    found: chain.chain.clone(),
                });
            }
            sealed.insert(delivery.number, (run, delivery));
        }
    }
    Ok(sealed)
}

fn check(delivered: &Delivered, sealed: Option<(&Run, &Sealed)>) -> Result<(), Difference> {
    let number = delivered.number;
    let Some((run, delivery)) = sealed else {
        return Err(Difference::NotInLog {
            number,
            block: delivered.block,
            receipt_hash: delivered.receipt_hash,
        });
    };
    same(
        "receipt hash",
        number,
        run,
        &run.leaf_hash,
        &delivered.receipt_hash,
    )?;
    same(
        "execution hash",
        number,
        run,
        &run.execution_hash,
        &delivered.execution_hash,
    )?;
    same(
        "measurement",
        number,
        run,
        &run.measurement,
        &delivered.measurement,
    )?;
    same(
        "binding version",
        number,
        run,
        &run.binding_version,
        &delivered.binding_version,
    )?;
    let hashes = [delivery.output_hash, delivered.output_hash].map(Digest::from_bytes);
    same("output hash", number, run, &hashes[0], &hashes[1])
}

fn same<T: PartialEq + ToString>(
    field: &'static str,
    number: u64,
    run: &Run,
    expected: &T,
    found: &T,
) -> Result<(), Difference> {
    if expected == found {
        return Ok(());
    }
    Err(Difference::OtherDelivery {
        number,
        field,
        leaf: run.leaf,
        expected: expected.to_string(),
        found: found.to_string(),
    })
}

//! Whether the sources' receipts are those of the chain of calls, all of them and no others.

use super::document::Bundle;
use super::doubt::BundleDoubt;
use crate::fit::other_than_asked;
use crate::{Execution, LeafHash, Statement};
use std::collections::BTreeMap;

pub(super) fn check(
    bundle: &Bundle,
    run: &Execution,
    sources: &[Statement],
) -> Result<(), BundleDoubt> {
    let indexes = bundle.sources.iter().map(|proven| proven.index);
    let hashes = bundle.sources.iter().map(|proven| proven.leaf_hash());
    let executions = sources.iter().map(|statement| &statement.execution);
    let mut unclaimed: BTreeMap<LeafHash, u64> = hashes.clone().zip(indexes.clone()).collect();
    let by_hash: BTreeMap<LeafHash, (u64, &Execution)> = hashes
        .zip(indexes.clone().zip(executions.clone()))
        .collect();

    let askers = std::iter::once((bundle.run.index, run)).chain(indexes.zip(executions));
    for (asker, execution) in askers {
        for child in &execution.children {
            let Some((index, source)) = by_hash.get(child) else {
                return Err(BundleDoubt::MissingChild {
                    asker,
                    child: *child,
                });
            };
            let is_first = unclaimed.remove(child).is_some();
            if !is_first || source.ordinal <= execution.ordinal {
                return Err(BundleDoubt::Cyclic { index: *index });
            }
            if let Some(field) = other_than_asked(run, &execution.seed, source) {
                return Err(BundleDoubt::OtherChild {
                    index: *index,
                    field,
                });
            }
        }
    }
    match unclaimed.into_values().min() {
        None => Ok(()),
        Some(index) => Err(BundleDoubt::UnlistedChild { index }),
    }
}

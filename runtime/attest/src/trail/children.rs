//! Receipts of sources, until the run that asked them claims them.

use std::collections::BTreeMap;

use super::Finding;
use crate::fit::other_than_asked;
use crate::{Execution, LeafHash, Output};

#[derive(Default)]
pub(super) struct Children {
    waiting: BTreeMap<LeafHash, (u64, Execution)>,
}

impl Children {
    /// Keeps a source's receipt: the log has it before the run that asked.
    pub(super) fn keep(
        &mut self,
        leaf: u64,
        hash: LeafHash,
        execution: Execution,
    ) -> Result<(), Finding> {
        let delivers = |output: &Output| matches!(output, Output::Delivery { .. });
        if execution.outputs.iter().any(delivers) {
            return Err(Finding::SourceDelivered);
        }
        match self.waiting.insert(hash, (leaf, execution)) {
            Some(_) => Err(Finding::UnlistedChild { child: leaf }),
            None => Ok(()),
        }
    }

    /// Gives a run the sources that it asked, and those they asked: the leaves of their receipts
    /// in the order of asking. None may be left that belongs to the same invocation.
    pub(super) fn of(&mut self, run: &Execution) -> Result<Vec<u64>, Finding> {
        let mut found = BTreeMap::new();
        let mut askers = vec![(run.seed, run.children.clone())];
        let mut is_replayable = run.outcome.is_replayable();
        while let Some((seed, asked)) = askers.pop() {
            for hash in asked {
                let (leaf, child) = self
                    .waiting
                    .remove(&hash)
                    .ok_or(Finding::MissingChild { child: hash })?;
                if let Some(field) = other_than_asked(run, &seed, &child) {
                    return Err(other(leaf, field));
                }
                is_replayable &= child.outcome.is_replayable();
                if found.insert(child.ordinal, leaf).is_some() {
                    return Err(other(leaf, "ordinal"));
                }
                askers.push((child.seed, child.children));
            }
        }
        if let Some((leaf, _)) = self
            .waiting
            .values()
            .find(|(_, child)| child.invocation == run.invocation)
        {
            return Err(Finding::UnlistedChild { child: *leaf });
        }
        // An interruption can cost a source its receipt after its number was given out.
        let gap = (1..)
            .zip(&found)
            .find(|(expected, (ordinal, _))| expected != *ordinal);
        match gap {
            Some((_, (_, leaf))) if is_replayable => Err(other(*leaf, "ordinal")),
            _ => Ok(found.into_values().collect()),
        }
    }

    /// The leaf of some receipt that no run has claimed.
    pub(super) fn any(&self) -> Option<u64> {
        self.waiting.values().map(|(leaf, _)| *leaf).min()
    }
}

fn other(child: u64, field: &'static str) -> Finding {
    Finding::OtherChild { child, field }
}

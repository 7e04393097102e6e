use super::document::Bundle;
use crate::log::{Checkpoint, Cosigned};
use crate::trail::{Run, Sealed};
use crate::{Appraisal, Claim, Digest, LeafHash, Output, Statement};

/// A bundle that verified. Not that it tells the truth: see [`Claim::rests_on`].
#[derive(Clone, Debug)]
pub struct BundleVerdict {
    /// What may now be said, always the same ten names in the same order.
    pub claims: Vec<BundleClaim>,
    /// What the run's receipt states.
    pub statement: Statement,
    /// What the sources' receipts state, by ascending ordinal.
    pub sources: Vec<Statement>,
    /// The hash of the run's log entry; on a chain, the receipt hash.
    pub leaf_hash: LeafHash,
    /// The hash of the run's execution part.
    pub execution_hash: Digest,
    /// The run's index in the log.
    pub index: u64,
    /// The checkpoint to which all proofs lead.
    pub checkpoint: Checkpoint,
    /// The trusted witnesses that have cosigned it.
    pub cosigned: Vec<Cosigned>,
    /// An earlier checkpoint that this one extends, as shown.
    pub extended: Option<Checkpoint>,
    /// What the evidence amounts to.
    pub appraisals: Vec<Appraisal>,
    /// The bundle itself, every part of it checked.
    pub bundle: Bundle,
}

impl BundleVerdict {
    /// The run as a trail through the whole log would tell of it, for a
    /// [comparison](crate::comparison::compare_run) with a chain.
    pub fn run(&self) -> Run {
        let execution = &self.statement.execution;
        let deliveries = execution.outputs.iter().filter_map(|output| match output {
            Output::Delivery {
                ledger,
                delivery,
                output_hash,
            } => Some(Sealed {
                ledger: ledger.clone(),
                number: *delivery,
                output_hash: *output_hash,
            }),
            Output::Event { .. } => None,
        });
        Run {
            leaf: self.index,
            leaf_hash: self.leaf_hash,
            execution_hash: self.execution_hash,
            binding_version: execution.binding_version,
            cryptlet: execution.cryptlet.clone(),
            version: execution.version.clone(),
            measurement: execution.measurement,
            outcome: execution.outcome.clone(),
            fuel: execution.fuel,
            deliveries: deliveries.collect(),
            sources: self
                .bundle
                .sources
                .iter()
                .map(|source| source.index)
                .collect(),
        }
    }

    /// The claim of that name, for whoever has found out more about it.
    pub fn claim_mut(&mut self, name: &str) -> Option<&mut BundleClaim> {
        self.claims
            .iter_mut()
            .find(|claim| claim.claim.name == name)
    }
}

/// One thing that may be said about a run, and how much of it the bundle shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleClaim {
    /// The claim.
    pub claim: Claim,
    /// Whether what it is about is in the file.
    pub standing: Standing,
}

/// How a bundle stands to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What the claim is about is in the file and was checked.
    Shown,
    /// The exporter kept it back; its digest or hash is all there is.
    Withheld,
    /// Nothing but the host's word.
    HostsWord,
}

impl Standing {
    /// A stable name, for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Withheld => "withheld",
            Self::HostsWord => "hosts-word",
        }
    }
}

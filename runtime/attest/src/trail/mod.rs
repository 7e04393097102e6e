//! Everything that a log says of one binding: whether it holds together, and what follows.
//!
//! [`follow`] reads every leaf of a log. Either they hash to a checkpoint that a trusted key has
//! signed and tell one story of the binding, a [`Trail`]; or it names the first leaf that does not
//! fit, a [`Contradiction`], and says whether the host has signed it or somebody altered it later.
//!
//! # What a trail does not prove
//!
//! That the host accepted everything that should have woken the cryptlet, that its clock and its
//! sources were right, or that the runs came out as stated: for these compare the chain, and
//! replay. Without an earlier checkpoint ([`Question::since`]) not even that the log was not
//! written anew, all of it, since somebody last looked. Each [`Claim`] says what it rests on.

mod children;
mod claims;
mod contradiction;
mod reader;
mod versions;

pub use contradiction::{Contradiction, Finding};

use crate::log::{self, Checkpoint, TrustedKey};
use crate::{
    BindingId, BindingVersion, Claim, Digest, LeafHash, Measurement, Outcome, TriggerStatement,
    VersionChange,
};

/// What an auditor asks of a log.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The binding to follow.
    pub binding: BindingId,
    /// What its counterparties signed, if the auditor has it: for each version of the document that
    /// was ever in force one, in any order; empty to hold the log against none.
    pub terms: Vec<Terms>,
    /// A checkpoint of the same log that the auditor has kept, a signed note.
    pub since: Option<&'a str>,
}

/// What of a binding's document a trail is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The document's hash.
    pub version: BindingVersion,
    /// The bound cryptlet.
    pub cryptlet: String,
    /// The module that runs when the binding is activated.
    pub measurement: Measurement,
}

/// The story of one binding, told by a log without contradiction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    /// The binding.
    pub binding: BindingId,
    /// The checkpoint to which the whole log hashes.
    pub checkpoint: Checkpoint,
    /// The earlier checkpoint that the log extends, if one was given.
    pub since: Option<Checkpoint>,
    /// When the binding came into force, in each version of its document.
    pub activations: Vec<Activation>,
    /// Moves of its versions from one stage to another, oldest first.
    pub moves: Vec<Move>,
    /// Keys that came into use on this host, oldest first.
    pub keys: Vec<Key>,
    /// Every invocation, by number from 1.
    pub invocations: Vec<Invocation>,
    /// One after the other, what may now be said.
    pub claims: Vec<Claim>,
}

/// The binding came into force, in one version of its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activation {
    /// The leaf that says so.
    pub leaf: u64,
    /// Hash of the document.
    pub version: BindingVersion,
}

/// A module went from one stage to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The leaf that says so.
    pub leaf: u64,
    /// What happened.
    pub change: VersionChange,
    /// The cryptlet.
    pub cryptlet: String,
    /// Its version.
    pub version: String,
    /// What it is.
    pub measurement: Measurement,
    /// Who decided on it; none if the host kept no stages then.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The share of new invocations that a canary gets, in thousandths.
    pub share: Option<u16>,
}

/// A key came into use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The leaf that says so.
    pub leaf: u64,
    /// Its name.
    pub name: String,
    /// What it may sign.
    pub purpose: String,
    /// The public key.
    pub public: Vec<u8>,
}

/// One invocation, from its acceptance on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Counts the binding's invocations from 1.
    pub number: u64,
    /// The leaf that accepted it.
    pub leaf: u64,
    /// Why it runs.
    pub trigger: TriggerStatement,
    /// Its only clock: milliseconds since 1970.
    pub instant: u64,
    /// The module, fixed at acceptance.
    pub measurement: Measurement,
    /// What became of it; none while it waits.
    pub run: Option<Run>,
}

/// What became of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The leaf of its receipt.
    pub leaf: u64,
    /// The receipt's hash; on a chain, the receipt hash.
    pub leaf_hash: LeafHash,
    /// Hash of the execution part.
    pub execution_hash: Digest,
    /// The binding's version under which it ran.
    pub binding_version: BindingVersion,
    /// The cryptlet.
    pub cryptlet: String,
    /// Its version.
    pub version: String,
    /// What it is.
    pub measurement: Measurement,
    /// How it ended.
    pub outcome: Outcome,
    /// What it cost.
    pub fuel: u64,
    /// What it sent on its way to a ledger.
    pub deliveries: Vec<Sealed>,
    /// The leaves of the sources that were asked, in their order.
    pub sources: Vec<u64>,
}

/// A delivery, as its receipt seals it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// CAIP-2 id of the chain.
    pub ledger: String,
    /// Its number.
    pub number: u64,
    /// Hash of the encoded call.
    pub output_hash: [u8; 32],
}

/// Follows one binding through a whole log, whose leaves are given from the first on.
///
/// Memory is needed for 64 bytes a leaf and for the binding's own invocations.
///
/// # Errors
///
/// The first thing that does not fit.
pub fn follow<L: AsRef<[u8]>>(
    leaves: impl IntoIterator<Item = L>,
    checkpoint: &str,
    trust: &[TrustedKey],
    question: &Question<'_>,
) -> Result<Trail, Contradiction> {
    let open = |note| {
        log::open_checkpoint(note, trust)
            .map_err(Finding::Checkpoint)
            .map_err(|finding| Contradiction {
                leaf: None,
                altered: Some(finding.clone()),
                finding,
            })
    };
    let checkpoint = open(checkpoint)?;
    let since = question.since.map(open).transpose()?;
    let mut reader = reader::Reader::new(question);
    for leaf in leaves {
        reader.read(leaf.as_ref());
    }
    reader.finish(checkpoint, since, trust)
}

/// The first leaves, up to which number one can be sure: those under the newest of `notes` that
/// the leaves at hand still hash to. What was altered comes after.
///
/// For a log that does not hash to its newest checkpoint, when older checkpoints are at hand.
pub fn unaltered<L: AsRef<[u8]>>(
    leaves: impl IntoIterator<Item = L>,
    notes: &[impl AsRef<str>],
    trust: &[TrustedKey],
) -> u64 {
    let hashes = reader::hashes(leaves);
    notes
        .iter()
        .filter_map(|note| log::open_checkpoint(note.as_ref(), trust).ok())
        .filter(|checkpoint| {
            log::root(checkpoint.size, &hashes).is_ok_and(|root| root == checkpoint.root)
        })
        .map(|checkpoint| checkpoint.size)
        .max()
        .unwrap_or_default()
}

//! What verification found out, and what each finding rests on.

use crate::log::Checkpoint;
use crate::{Digest, EncodingError, LeafHash, Measurement, Outcome, Statement, view};
use serde::Serialize;
use std::fmt;
use thiserror::Error;

/// A receipt that verified. Not that it tells the truth: see [`Claim::rests_on`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// One after the other, what may now be said.
    pub claims: Vec<Claim>,
    /// What the receipt states: execution and host.
    pub statement: Statement,
    /// The hash of its log entry; on a chain, the receipt hash.
    pub leaf_hash: LeafHash,
    /// The hash of its execution part.
    pub execution_hash: Digest,
    /// The entry's index in the log.
    #[serde(serialize_with = "crate::view::decimal")]
    pub index: u64,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
}

/// One thing that may be said about a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// A stable name, for programs.
    pub name: &'static str,
    /// The claim, for people.
    pub says: String,
    /// Why one should believe it.
    pub rests_on: Basis,
    /// What would show that it is false.
    pub broken_by: &'static str,
}

/// Why a claim should be believed, from the strongest reason to the weakest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "basis", rename_all = "kebab-case")]
pub enum Basis {
    /// Computed here from the bytes at hand; nobody needs to be trusted.
    Computed,
    /// The signature of a key that the auditor trusts.
    Signature {
        /// The key, as `name+id`.
        key: String,
    },
    /// A node of a chain says so; another node may be asked.
    Node {
        /// The node, without anything secret.
        endpoint: String,
    },
    /// The host says so. Anyone with module and transcript can find out by replay.
    HostUntilReplayed,
    /// The host says so, and replay cannot tell.
    Host,
}

impl Basis {
    /// A stable name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Computed => "computed",
            Self::Signature { .. } => "signature",
            Self::Node { .. } => "node",
            Self::HostUntilReplayed => "host-until-replayed",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Computed => formatter.write_str("computed here from the bytes at hand"),
            Self::Signature { key } => write!(formatter, "the signature of {key}, which you trust"),
            Self::Node { endpoint } => write!(formatter, "the word of the node at {endpoint}"),
            Self::HostUntilReplayed => formatter
                .write_str("the host's word, until the run is replayed from its transcript"),
            Self::Host => formatter.write_str("the host's word; replay cannot tell"),
        }
    }
}

/// Why a receipt was not verified.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Doubt {
    /// Not a receipt, or not a whole one, or one that a newer program wrote.
    #[error("{}", unreadable(.0))]
    Unreadable(#[source] EncodingError),
    /// The checkpoint is not one.
    #[error("the receipt's checkpoint is not one: {reason}")]
    MalformedCheckpoint {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No trusted key has signed the checkpoint.
    #[error("the log is signed by {}, which you do not trust; give the log's key if you do", .signers.join(", "))]
    UnknownSigner {
        /// Who claims to have signed, each as `name+id`.
        signers: Vec<String>,
    },
    /// The checkpoint was altered, or never signed by the key that it names.
    #[error(
        "the signature by {key} is false: the checkpoint was altered, or was never signed by that key"
    )]
    BadSignature {
        /// The trusted key, as `name+id`.
        key: String,
    },
    /// A trusted key has signed, but for another log.
    #[error("{key} has signed, but the checkpoint is that of the log {origin}")]
    OtherOrigin {
        /// The log's name.
        origin: String,
        /// The trusted key, as `name+id`.
        key: String,
    },
    /// The proof does not lead from the entry to the checkpoint.
    #[error(
        "the entry is not number {index} of the log of {size} entries that was signed: entry or proof was altered, or comes from another log"
    )]
    NotInLog {
        /// The index that the receipt states.
        index: u64,
        /// The size that the checkpoint states.
        size: u64,
    },
    /// A genuine entry of the log, but not about a run.
    #[error("the log has this entry, but it is {found}, not the receipt of a run")]
    NotAReceipt {
        /// What it is.
        found: &'static str,
    },
    /// A genuine receipt, but of another module.
    #[error("another module ran: the receipt is for {found}, you expected {expected}")]
    OtherMeasurement {
        /// What the auditor expected.
        expected: Measurement,
        /// What ran.
        found: Measurement,
    },
    /// A genuine receipt that contradicts itself; no honest host signs such a thing.
    #[error("the receipt contradicts itself: {reason}")]
    Inconsistent {
        /// The contradiction.
        reason: &'static str,
    },
}

impl Doubt {
    /// A stable name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unreadable(error) => error.name(),
            Self::MalformedCheckpoint { .. } => "malformed-checkpoint",
            Self::UnknownSigner { .. } => "unknown-signer",
            Self::BadSignature { .. } => "bad-signature",
            Self::OtherOrigin { .. } => "other-origin",
            Self::NotInLog { .. } => "not-in-log",
            Self::NotAReceipt { .. } => "not-a-receipt",
            Self::OtherMeasurement { .. } => "other-measurement",
            Self::Inconsistent { .. } => "inconsistent",
        }
    }
}

impl From<EncodingError> for Doubt {
    fn from(error: EncodingError) -> Self {
        Self::Unreadable(error)
    }
}

fn unreadable(error: &EncodingError) -> String {
    match error {
        EncodingError::UnsupportedVersion { .. } => error.to_string(),
        _ => format!("this is not a whole and unaltered receipt: {error}"),
    }
}

/// The claims that a verified statement supports.
pub(crate) fn claims(
    statement: &Statement,
    leaf_hash: &LeafHash,
    index: u64,
    checkpoint: &Checkpoint,
    expected: Option<&Measurement>,
) -> Vec<Claim> {
    let execution = &statement.execution;
    let host = &statement.host;
    let signed = Basis::Signature {
        key: checkpoint.signer.clone(),
    };
    let replayed = if execution.outcome.is_replayable() {
        Basis::HostUntilReplayed
    } else {
        Basis::Host
    };
    let mut claims = vec![
        Claim {
            name: "intact",
            says: format!("the receipt is whole and unaltered; its hash is {leaf_hash}"),
            rests_on: Basis::Computed,
            broken_by: "a collision of SHA-256",
        },
        Claim {
            name: "logged",
            says: format!(
                "it is entry {index} of the log {} as it stood with {} entries. That everybody is shown the same log is not proven by this: compare the checkpoint with an earlier one, a cosignature, or a receipt hash on a chain",
                checkpoint.origin, checkpoint.size,
            ),
            rests_on: signed,
            broken_by: "another checkpoint by the same key that this one does not extend: then the host shows different logs",
        },
        Claim {
            name: "module",
            says: format!(
                "{} {}, module {}, ran as invocation {} of binding {}; {}",
                execution.cryptlet,
                execution.version,
                execution.measurement,
                execution.invocation,
                execution.binding,
                if expected.is_some() {
                    "it is the module that you expected"
                } else {
                    "nobody checked here which module was expected: compare it with the one that the binding names"
                },
            ),
            rests_on: replayed.clone(),
            broken_by: BROKEN_BY_REPLAY,
        },
        Claim {
            name: "execution",
            says: format!(
                "{}, with {}, {} fuel, {} bytes of memory and {}",
                ended(&execution.outcome),
                counted(execution.outputs.len() as u64, "output"),
                execution.fuel,
                execution.peak_memory,
                counted(execution.host_calls, "host call"),
            ),
            rests_on: replayed,
            broken_by: BROKEN_BY_REPLAY,
        },
        Claim {
            name: "circumstances",
            says: format!(
                "the trigger was of the kind {}, the instant {}, and sources and other host functions answered what the transcript says",
                execution.trigger.kind,
                view::instant(execution.instant),
            ),
            rests_on: Basis::Host,
            broken_by: "the acceptance in the same log, if it fixes another trigger or instant; the chain or the source, if it shows something else",
        },
        Claim {
            name: "host",
            says: format!(
                "fabric {} with wasmtime {} and the key {} ran it, in software: no hardware vouches",
                host.fabric_version, host.wasmtime, host.key,
            ),
            rests_on: Basis::Host,
            broken_by: "whoever else holds the key, or a host that admits to another executable",
        },
    ];
    if !execution.children.is_empty() {
        claims.push(Claim {
            name: "sources",
            says: format!(
                "it asked {}; each has a receipt of its own to verify",
                counted(execution.children.len() as u64, "source"),
            ),
            rests_on: Basis::Host,
            broken_by: "a source's receipt that is not in the log, or is not among the children here",
        });
    }
    claims
}

/// Module, limits, outcome and cost follow from module and transcript.
pub(crate) const BROKEN_BY_REPLAY: &str =
    "a replay from module and transcript that gives another execution hash";

pub(crate) fn counted(count: u64, what: &str) -> String {
    match count {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

pub(crate) fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ok => "it answered".to_owned(),
        Outcome::Failure { code } => format!("it failed with the code {code:?}"),
        Outcome::Trap { kind } => format!("it trapped ({kind})"),
        Outcome::Limit { which, allowed } => {
            format!("it was stopped at its limit of {allowed} for {which}")
        }
        Outcome::Interrupted { which } => {
            format!("it was interrupted by {which}, which depends on the machine")
        }
    }
}

//! A bundle to test with: a swap's run that asked a source, which asked another, in a log of
//! twelve entries by a real key.

use crate::scene::{Log, ORIGIN, failed, key, settled};
use cryptlet_attest::bundle::{Agreement, Bundle, Expectations, FieldOpening, Proven};
use cryptlet_attest::{
    Accepted, BindingChange, BindingEntry, Digest, Evidence, KeyEntry, LogEntry, Measurement,
    Outcome, Output, Salt, State, StateChange, Statement, TriggerKind, TriggerStatement,
    VersionChange, VersionEntry, digest,
};
use sha2::{Digest as _, Sha256};

pub const SWAP: &[u8] = b"\0asm the swap";
pub const RATE: &[u8] = b"\0asm the rate";
pub const DOCUMENT: &[u8] = br#"{"binding":{"name":"acme-globex-swap"}}"#;
pub const INPUT: &[u8] = b"an invocation";

const KEY: u64 = 0;
const DEPLOYED: u64 = 1;
const ACTIVATED: u64 = 3;
pub const PREVIOUS: u64 = 5;
pub const PROMOTED: u64 = 6;
pub const ACCEPTED: u64 = 7;
pub const INNER: u64 = 8;
pub const SOURCE: u64 = 9;
pub const RUN: u64 = 10;

/// What a log is made of.
pub struct Story {
    pub key: KeyEntry,
    pub previous: Statement,
    pub inner: Statement,
    pub source: Statement,
    pub run: Statement,
    /// Whether the acceptance stands where it fixes what ran.
    pub accepted: Option<Accepted>,
    /// What the promotion before the acceptance made of the state.
    pub migrated: Option<StateChange>,
}

pub fn salt(ordinal: u32) -> Salt {
    Salt::from_bytes([0x50 + u8::try_from(ordinal).unwrap(); 32])
}

pub fn state() -> State {
    State::from([
        ("period".to_owned(), vec![7]),
        ("a longer key".to_owned(), vec![1, 2]),
    ])
}

fn executable() -> Digest {
    digest("test-executable", &[])
}

/// A run of `component` under the binding.
fn ran(mut statement: Statement, component: &[u8], ordinal: u32) -> Statement {
    let salt = salt(ordinal);
    let execution = &mut statement.execution;
    execution.binding_version =
        cryptlet_attest::BindingVersion::from_bytes(digest("binding version", &[DOCUMENT]).into());
    execution.measurement = Measurement::of(component);
    execution.sha256 = Sha256::digest(component).into();
    execution.ordinal = ordinal;
    execution.input = salt.digest("input", INPUT);
    execution.transcript = salt.digest("transcript", b"calls");
    execution.instant = settled().execution.instant;
    execution.invocation = 42;
    execution.state_before = State::default().root();
    execution.state_after = State::default().root();
    execution.children.clear();
    statement.host.previous = None;
    statement
}

fn asked(name: &str, ordinal: u32, asker: &[u8; 32]) -> Statement {
    let mut statement = ran(failed(Outcome::Ok), RATE, ordinal);
    let salt = salt(ordinal);
    let execution = &mut statement.execution;
    execution.source = Some(name.to_owned());
    execution.cryptlet = "reference-rate".to_owned();
    execution.trigger = TriggerStatement {
        kind: TriggerKind::Ask,
        digest: salt.digest("trigger", b"2006-Q1"),
        position: None,
    };
    execution.reply = Some(salt.digest("reply", b"43800"));
    execution.seed = *digest(
        "cryptlet source seed v1",
        &[asker, &ordinal.to_be_bytes(), name.as_bytes()],
    )
    .as_bytes();
    statement
}

fn story() -> Story {
    let mut previous = ran(failed(Outcome::Ok), SWAP, 0);
    previous.execution.invocation = 41;
    let mut run = ran(settled(), SWAP, 0);
    let execution = &mut run.execution;
    execution.trigger.digest = salt(0).digest("trigger", b"PeriodEnded");
    execution.reply = Some(salt(0).digest("reply", b"{}"));
    execution.outputs[1] = Output::Event {
        topic: "PeriodNetted".to_owned(),
        digest: salt(0).digest("event/0", b"{\"period\":0}"),
    };
    execution.state_after = salt(0).digest("state", state().root().as_bytes());
    let source = asked("rate", 1, &run.execution.seed);
    let inner = asked("fixing", 2, &source.execution.seed);
    Story {
        key: KeyEntry {
            name: ORIGIN.to_owned(),
            algorithm: "ed25519".to_owned(),
            purpose: "attestation".to_owned(),
            public: key(1).verifying_key().to_bytes().to_vec(),
        },
        previous,
        inner,
        source,
        run,
        accepted: None,
        migrated: None,
    }
}

/// A log that tells the story as `change` and then `link` left it: in between, whoever asked
/// lists the receipts of those that were asked.
pub fn told(change: impl FnOnce(&mut Story), link: impl FnOnce(&mut Story)) -> Log {
    let mut story = story();
    change(&mut story);
    story.source.execution.children = vec![story.inner.leaf_hash()];
    story.run.execution.children = vec![story.source.leaf_hash()];
    story.run.host.previous = Some(story.previous.leaf_hash());
    link(&mut story);
    let run = &story.run.execution;
    let version = |statement: &Statement, binding, change| {
        LogEntry::Version(VersionEntry {
            cryptlet: statement.execution.cryptlet.clone(),
            version: statement.execution.version.clone(),
            measurement: statement.execution.measurement,
            binding,
            change,
            by: None,
            reason: None,
            share: None,
            state: None,
        })
    };
    let mut promoted = version(&story.run, Some(run.binding), VersionChange::Promoted);
    if let LogEntry::Version(entry) = &mut promoted {
        entry.state = story.migrated;
    }
    let accepted = |statement: &Statement| Accepted {
        binding: statement.execution.binding,
        number: statement.execution.invocation,
        trigger: statement.execution.trigger.clone(),
        input: statement.execution.input,
        instant: statement.execution.instant,
        seed: statement.execution.seed,
        measurement: statement.execution.measurement,
    };
    Log::new(&[
        LogEntry::Key(story.key),
        version(&story.run, None, VersionChange::Deployed),
        version(&story.source, None, VersionChange::Deployed),
        LogEntry::Binding(BindingEntry {
            binding: run.binding,
            version: run.binding_version,
            change: BindingChange::Activated,
            measurement: None,
        }),
        LogEntry::Accepted(accepted(&story.previous)),
        LogEntry::Receipt(story.previous),
        promoted,
        LogEntry::Accepted(story.accepted.unwrap_or_else(|| accepted(&story.run))),
        LogEntry::Receipt(story.inner),
        LogEntry::Receipt(story.source),
        LogEntry::Receipt(story.run),
        LogEntry::Receipt(failed(Outcome::Ok)),
    ])
}

pub fn opening(ordinal: u32, field: &str, value: &[u8]) -> FieldOpening {
    let hashed = if field.starts_with("state-") {
        "state"
    } else {
        field
    };
    FieldOpening {
        ordinal,
        field: field.to_owned(),
        salt: salt(ordinal).field(hashed),
        value: value.to_vec(),
    }
}

/// Everything there is about the run of a log that [`told`] made.
pub fn bundle_of(log: &Log) -> Bundle {
    let mut modules = vec![SWAP.to_vec(), RATE.to_vec()];
    modules.sort();
    let proven = |indexes: &[u64]| -> Vec<Proven> {
        indexes.iter().map(|index| log.proven(*index)).collect()
    };
    let evidence = Evidence::software(&log.key, executable(), digest("test-engine", &[])).unwrap();
    Bundle {
        checkpoint: log.checkpoint(),
        run: log.proven(RUN),
        sources: proven(&[SOURCE, INNER]),
        context: proven(&[KEY, DEPLOYED, 2, ACTIVATED, PREVIOUS, PROMOTED, ACCEPTED]),
        evidence: vec![evidence.to_bytes()],
        openings: vec![
            opening(0, "event/0", b"{\"period\":0}"),
            opening(0, "input", INPUT),
            opening(0, "reply", b"{}"),
            opening(0, "state-after", &state().to_bytes()),
            opening(0, "transcript", b"calls"),
            opening(0, "trigger", b"PeriodEnded"),
            opening(1, "reply", b"43800"),
            opening(2, "reply", b"43800"),
        ],
        modules,
        agreement: Some(Agreement {
            document: DOCUMENT.to_vec(),
            approvals: vec![([1; 20], vec![2; 65])],
        }),
        consistency: Some((log.checkpoint_at(PREVIOUS), log.consistency(PREVIOUS))),
    }
}

/// A log in which everything fits.
pub fn log() -> Log {
    told(|_| {}, |_| {})
}

pub fn good() -> Bundle {
    bundle_of(&log())
}

/// An auditor who trusts the key of every log here.
pub fn auditor() -> Expectations {
    Expectations {
        trust: vec![log().trusted()],
        ..Expectations::default()
    }
}

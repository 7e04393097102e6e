//! A log to test with: fixed keys, fixed statements, nothing random.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cryptlet_attest::bundle::Proven;
use cryptlet_attest::log::{self, MemoryHashes};
use cryptlet_attest::{
    Accepted, BindingChange, BindingEntry, BindingId, BindingVersion, CheckpointKey, Digest,
    Execution, Host, KeyEntry, LeafHash, LedgerPosition, Limits, LogEntry, Measurement, Outcome,
    Output, Receipt, Salt, StateChange, Statement, TriggerKind, TriggerStatement, TrustedKey,
    VersionChange, VersionEntry, digest,
};
use ed25519_dalek::SigningKey;

pub const ORIGIN: &str = "log.example.com/fabric";
pub const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0 not a real component, but bytes to measure";

pub fn salt() -> Salt {
    Salt::from_bytes([0x5a; 32])
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub fn trusted(origin: &str, key: &SigningKey) -> TrustedKey {
    TrustedKey::new(origin, key.verifying_key().as_bytes()).unwrap()
}

/// A log with a key of its own.
pub struct Log {
    pub origin: String,
    pub key: SigningKey,
    hashes: MemoryHashes,
    entries: Vec<Vec<u8>>,
}

impl Log {
    pub fn new(entries: &[LogEntry]) -> Self {
        Self::owned_by(ORIGIN, key(1), entries)
    }

    pub fn owned_by(origin: &str, key: SigningKey, entries: &[LogEntry]) -> Self {
        let mut log = Self {
            origin: origin.to_owned(),
            key,
            hashes: MemoryHashes::default(),
            entries: Vec::new(),
        };
        for entry in entries {
            log.append(entry);
        }
        log
    }

    pub fn append(&mut self, entry: &LogEntry) -> u64 {
        let bytes = entry.checked_bytes().unwrap();
        let index = self.hashes.append(&LeafHash::of(&bytes)).unwrap();
        self.entries.push(bytes);
        index
    }

    pub fn trusted(&self) -> TrustedKey {
        trusted(&self.origin, &self.key)
    }

    pub fn checkpoint(&self) -> String {
        self.checkpoint_at(self.hashes.size())
    }

    pub fn checkpoint_at(&self, size: u64) -> String {
        let root = log::root(size, &self.hashes).unwrap();
        log::sign_checkpoint(&self.origin, size, &root, &self.key).unwrap()
    }

    pub fn consistency(&self, old: u64) -> Vec<[u8; 32]> {
        let proof = log::prove_consistency(old, self.hashes.size(), &self.hashes).unwrap();
        proof.into_iter().map(|hash| hash.0).collect()
    }

    pub fn proven(&self, index: u64) -> Proven {
        let receipt = self.receipt(index);
        Proven {
            index,
            entry: receipt.statement,
            proof: receipt.proof,
        }
    }

    pub fn receipt(&self, index: u64) -> Receipt {
        let size = self.hashes.size();
        let root = log::root(size, &self.hashes).unwrap();
        Receipt {
            statement: self.entries[usize::try_from(index).unwrap()].clone(),
            index,
            proof: log::prove(index, size, &self.hashes)
                .unwrap()
                .into_iter()
                .map(|hash| hash.0)
                .collect(),
            checkpoint: log::sign_checkpoint(&self.origin, size, &root, &self.key).unwrap(),
        }
    }
}

/// A settled period: a contract's event, one source, one delivery, one event.
pub fn settled() -> Statement {
    let salt = salt();
    Statement {
        execution: Execution {
            binding: BindingId::from_bytes([0xb1; 32]),
            binding_version: BindingVersion::from_bytes([0xb2; 32]),
            source: None,
            ordinal: 0,
            cryptlet: "interest-rate-swap".to_owned(),
            version: "1.0.0".to_owned(),
            measurement: Measurement::of(COMPONENT),
            sha256: [0x25; 32],
            invocation: 42,
            trigger: TriggerStatement {
                kind: TriggerKind::ContractEvent,
                digest: salt.digest("trigger", b"PeriodEnded"),
                position: Some(LedgerPosition {
                    chain: "eip155:31337".to_owned(),
                    block: 1_234_567,
                    block_hash: [0xbb; 32],
                    transaction: [0x77; 32],
                    log_index: Some(3),
                }),
            },
            instant: 1_143_849_600_000,
            seed: [0x5e; 32],
            input: salt.digest("input", b"input"),
            transcript: salt.digest("transcript", b"transcript"),
            reply: Some(salt.digest("reply", b"{}")),
            outputs: vec![
                Output::Delivery {
                    ledger: "eip155:31337".to_owned(),
                    delivery: 7,
                    output_hash: [0x0f; 32],
                },
                Output::Event {
                    topic: "PeriodNetted".to_owned(),
                    digest: salt.digest("event/0", b"{\"period\":0}"),
                },
            ],
            state_before: digest("test-state", &[b"before"]),
            state_after: digest("test-state", &[b"after"]),
            limits: [
                ("fuel", 50_000_000),
                ("memory-bytes", 16_777_216),
                ("call-depth", 2),
            ]
            .into_iter()
            .collect(),
            operator_costs: digest("test-costs", &[]),
            children: vec![source().leaf_hash()],
            fuel: 1_048_577,
            peak_memory: 1_179_648,
            host_calls: 5,
            outcome: Outcome::Ok,
        },
        host: host(),
    }
}

/// The source that [`settled`] asked.
pub fn source() -> Statement {
    let salt = salt();
    let mut statement = failed(Outcome::Ok);
    statement.execution.source = Some("reference-rate".to_owned());
    statement.execution.ordinal = 1;
    statement.execution.cryptlet = "reference-rate".to_owned();
    statement.execution.trigger = TriggerStatement {
        kind: TriggerKind::Ask,
        digest: salt.digest("trigger", b"2006-Q1"),
        position: None,
    };
    statement.execution.reply = Some(salt.digest("reply", b"{\"ratePpm\":43800}"));
    statement
}

/// A run by schedule that ended as `outcome` says and left nothing behind.
pub fn failed(outcome: Outcome) -> Statement {
    let salt = salt();
    Statement {
        execution: Execution {
            binding: BindingId::from_bytes([0xb1; 32]),
            binding_version: BindingVersion::from_bytes([0xb2; 32]),
            source: None,
            ordinal: 0,
            cryptlet: "interest-rate-swap".to_owned(),
            version: "1.0.0".to_owned(),
            measurement: Measurement::of(COMPONENT),
            sha256: [0x25; 32],
            invocation: 43,
            trigger: TriggerStatement {
                kind: TriggerKind::Schedule,
                digest: salt.digest("trigger", b"schedule"),
                position: None,
            },
            instant: 1_143_849_600_001,
            seed: [0x5e; 32],
            input: salt.digest("input", b"input"),
            transcript: salt.digest("transcript", b""),
            reply: None,
            outputs: Vec::new(),
            state_before: digest("test-state", &[b"before"]),
            state_after: digest("test-state", &[b"before"]),
            limits: Limits::default(),
            operator_costs: digest("test-costs", &[]),
            children: Vec::new(),
            fuel: 0,
            peak_memory: 0,
            host_calls: 0,
            outcome,
        },
        host: host(),
    }
}

fn host() -> Host {
    Host {
        fabric_version: "0.1.0".to_owned(),
        executable: digest("test-executable", &[]),
        engine_configuration: digest("test-engine", &[]),
        wasmtime: "48.0.8".to_owned(),
        key: trusted(ORIGIN, &key(1)).identity(),
        previous: Some(LeafHash::from_bytes([0x99; 32])),
    }
}

/// One entry of every kind, the settled period in the middle.
pub fn entries() -> Vec<LogEntry> {
    let settled = settled();
    vec![
        LogEntry::Key(KeyEntry {
            name: "attestation".to_owned(),
            algorithm: "ed25519".to_owned(),
            purpose: "attestation".to_owned(),
            public: key(1).verifying_key().to_bytes().to_vec(),
        }),
        LogEntry::Version(VersionEntry {
            cryptlet: settled.execution.cryptlet.clone(),
            version: settled.execution.version.clone(),
            measurement: settled.execution.measurement,
            binding: None,
            change: VersionChange::Deployed,
            by: None,
            reason: None,
            share: None,
            state: None,
        }),
        LogEntry::Binding(BindingEntry {
            binding: settled.execution.binding,
            version: settled.execution.binding_version,
            change: BindingChange::Activated,
            measurement: None,
        }),
        LogEntry::Accepted(Accepted {
            binding: settled.execution.binding,
            number: settled.execution.invocation,
            trigger: settled.execution.trigger.clone(),
            input: settled.execution.input,
            instant: settled.execution.instant,
            seed: settled.execution.seed,
            measurement: settled.execution.measurement,
        }),
        LogEntry::Receipt(source()),
        LogEntry::Receipt(settled),
        LogEntry::Receipt(failed(Outcome::Limit {
            which: "fuel".to_owned(),
            allowed: 50_000_000,
        })),
    ]
}

/// One move of every kind, with all that an entry may say about one.
pub fn moves() -> Vec<LogEntry> {
    let settled = settled().execution;
    let moved = |change, share, state| {
        LogEntry::Version(VersionEntry {
            cryptlet: settled.cryptlet.clone(),
            version: settled.version.clone(),
            measurement: settled.measurement,
            binding: Some(settled.binding),
            change,
            by: Some("operator".to_owned()),
            reason: Some("agreed on 3 March".to_owned()),
            share,
            state,
        })
    };
    let migrated = StateChange {
        before: digest("test-state", &[b"before"]),
        after: digest("test-state", &[b"after"]),
    };
    vec![
        moved(VersionChange::Shadowed, None, None),
        moved(VersionChange::Canaried, Some(50), None),
        moved(VersionChange::Withdrawn, None, None),
        moved(VersionChange::Draining, None, None),
        moved(VersionChange::Promoted, None, Some(migrated)),
        moved(VersionChange::RolledBack, None, None),
        moved(VersionChange::Retained, None, None),
        moved(VersionChange::Retired, None, None),
    ]
}

/// Where [`settled`] stands in a log of [`entries`].
pub const SETTLED: u64 = 5;

/// Any digest will do.
pub fn some_digest() -> Digest {
    digest("test", &[])
}

/// The checkpoint `note`, but of the log `origin`: truly signed, under the name of [`ORIGIN`].
pub fn signed_for(origin: &str, note: &str) -> String {
    let (text, _) = note.split_once("\n\n").unwrap();
    signed_text(&format!("{}\n", text.replacen(ORIGIN, origin, 1)))
}

/// A note with this text, truly signed under the name of [`ORIGIN`].
pub fn signed_text(text: &str) -> String {
    let signature = CheckpointKey::sign(&key(1), text.as_bytes()).unwrap();
    let line = [&trusted(ORIGIN, &key(1)).id().to_be_bytes()[..], &signature].concat();
    format!("{text}\n— {ORIGIN} {}\n", BASE64_STANDARD.encode(line))
}

//! What a log says of one binding, and what cannot be said by one.

mod lies;
mod stages;
mod tampering;

use crate::scene::{ORIGIN, key, trusted};
use cryptlet_attest::log::{self, MemoryHashes};
use cryptlet_attest::trail::{Contradiction, Question, Terms, Trail, follow};
use cryptlet_attest::{
    Accepted, Basis, BindingChange, BindingEntry, BindingId, BindingVersion, Digest, Execution,
    Host, KeyEntry, LeafHash, LedgerPosition, Limits, LogEntry, Measurement, Outcome, Output,
    State, Statement, TriggerKind, TriggerStatement, VersionChange, VersionEntry, digest,
    sign_checkpoint,
};

const BINDING: BindingId = BindingId::from_bytes([0xb1; 32]);
const OTHER_BINDING: BindingId = BindingId::from_bytes([0xb9; 32]);
const VERSION: BindingVersion = BindingVersion::from_bytes([0xb2; 32]);
const CHAIN: &str = "eip155:31337";

/// A log while it is told. What a test wants to tell wrongly it changes afterwards.
struct Story {
    entries: Vec<LogEntry>,
    previous: Option<LeafHash>,
    state: Digest,
    deliveries: u64,
}

fn module(version: &str) -> Measurement {
    Measurement::of(version.as_bytes())
}

impl Story {
    /// Key, three versions, two bindings: 8 leaves.
    fn beginning() -> Self {
        let announced = |name: &str, purpose: &str| {
            LogEntry::Key(KeyEntry {
                name: name.to_owned(),
                algorithm: "ed25519".to_owned(),
                purpose: purpose.to_owned(),
                public: key(1).verifying_key().to_bytes().to_vec(),
            })
        };
        let deployed = |cryptlet: &str, version: &str| {
            LogEntry::Version(VersionEntry {
                cryptlet: cryptlet.to_owned(),
                version: version.to_owned(),
                measurement: module(version),
                binding: None,
                change: VersionChange::Deployed,
                by: None,
                reason: None,
                share: None,
                state: None,
            })
        };
        let activated = |binding| {
            LogEntry::Binding(BindingEntry {
                binding,
                version: VERSION,
                change: BindingChange::Activated,
                measurement: None,
            })
        };
        Self {
            entries: vec![
                announced(ORIGIN, "attestation"),
                deployed("rate", "0.9.0"),
                deployed("swap", "1.0.0"),
                deployed("swap", "1.1.0"),
                activated(OTHER_BINDING),
                activated(BINDING),
                announced("swap-delivery", "delivery"),
            ],
            previous: None,
            state: State::default().root(),
            deliveries: 0,
        }
    }

    fn moved(&mut self, change: VersionChange, version: &str) {
        self.entries.push(LogEntry::Version(VersionEntry {
            cryptlet: "swap".to_owned(),
            version: version.to_owned(),
            measurement: module(version),
            binding: Some(BINDING),
            change,
            by: None,
            reason: None,
            share: None,
            state: None,
        }));
    }

    fn accept(&mut self, number: u64, version: &str, event: u32) {
        self.entries.push(LogEntry::Accepted(Accepted {
            binding: BINDING,
            number,
            trigger: woken_by(event),
            input: digest("input", &[&number.to_be_bytes()]),
            instant: 1_143_849_600_000 + number,
            seed: [number as u8; 32],
            measurement: module(version),
        }));
    }

    /// A source's receipt and the run's, with one delivery if it went well.
    fn run(&mut self, number: u64, version: &str, event: u32, outcome: Outcome) {
        let mut source = statement(number, "rate", "0.9.0", Outcome::Ok);
        source.execution.source = Some("reference-rate".to_owned());
        source.execution.ordinal = 1;
        source.execution.trigger.kind = TriggerKind::Ask;
        source.execution.seed = source_seed(number, 1);
        let child = source.leaf_hash();
        self.entries.push(LogEntry::Receipt(source));

        let mut run = statement(number, "swap", version, outcome);
        run.execution.trigger = woken_by(event);
        run.execution.children = vec![child];
        run.execution.state_before = self.state;
        run.execution.state_after = self.state;
        run.host.previous = self.previous;
        if run.execution.outcome.is_ok() {
            self.deliveries += 1;
            run.execution.outputs = vec![Output::Delivery {
                ledger: CHAIN.to_owned(),
                delivery: self.deliveries,
                output_hash: [self.deliveries as u8; 32],
            }];
            self.state = digest("state", &[&number.to_be_bytes()]);
            run.execution.state_after = self.state;
        }
        self.previous = Some(run.leaf_hash());
        self.entries.push(LogEntry::Receipt(run));
    }
}

fn woken_by(event: u32) -> TriggerStatement {
    TriggerStatement {
        kind: TriggerKind::ContractEvent,
        digest: digest("trigger", &[&event.to_be_bytes()]),
        position: Some(LedgerPosition {
            chain: CHAIN.to_owned(),
            block: 7,
            block_hash: [7; 32],
            transaction: [8; 32],
            log_index: Some(event),
        }),
    }
}

fn source_seed(number: u64, ordinal: u32) -> [u8; 32] {
    let seed = [number as u8; 32];
    let parts: [&[u8]; 3] = [&seed, &ordinal.to_be_bytes(), b"reference-rate"];
    *digest("cryptlet source seed v1", &parts).as_bytes()
}

fn statement(number: u64, cryptlet: &str, version: &str, outcome: Outcome) -> Statement {
    let some = digest("test", &[]);
    Statement {
        execution: Execution {
            binding: BINDING,
            binding_version: VERSION,
            source: None,
            ordinal: 0,
            cryptlet: cryptlet.to_owned(),
            version: version.to_owned(),
            measurement: module(version),
            sha256: [0x25; 32],
            invocation: number,
            trigger: TriggerStatement {
                kind: TriggerKind::Message,
                digest: some,
                position: None,
            },
            instant: 1_143_849_600_000 + number,
            seed: [number as u8; 32],
            input: digest("input", &[&number.to_be_bytes()]),
            transcript: some,
            reply: None,
            outputs: Vec::new(),
            state_before: State::default().root(),
            state_after: State::default().root(),
            limits: Limits::default(),
            operator_costs: some,
            children: Vec::new(),
            fuel: 1_000 + number,
            peak_memory: 65_536,
            host_calls: 1,
            outcome,
        },
        host: Host {
            fabric_version: "0.1.0".to_owned(),
            executable: some,
            engine_configuration: some,
            wasmtime: "48.0.8".to_owned(),
            key: trusted(ORIGIN, &key(1)).identity(),
            previous: None,
        },
    }
}

// Where things stand in the story below.
const ACTIVATED: usize = 5;
const FIRST: usize = 7;
const FIRST_SOURCE: usize = 8;
const FIRST_RUN: usize = 9;
const SECOND: usize = 10;
const SECOND_RUN: usize = 12;
const PROMOTED: usize = 13;
const ROLLED_BACK: usize = 17;
const AGAIN: usize = 21;

/// Two periods settled, an upgrade, a third, a rollback, a failure, and its repetition, which waits.
fn story() -> Vec<LogEntry> {
    let mut story = Story::beginning();
    story.accept(1, "1.0.0", 1);
    story.run(1, "1.0.0", 1, Outcome::Ok);
    story.accept(2, "1.0.0", 2);
    story.run(2, "1.0.0", 2, Outcome::Ok);
    story.moved(VersionChange::Promoted, "1.1.0");
    story.accept(3, "1.1.0", 3);
    story.run(3, "1.1.0", 3, Outcome::Ok);
    story.moved(VersionChange::RolledBack, "1.0.0");
    story.accept(4, "1.0.0", 4);
    let refused = Outcome::Failure {
        code: "rate-missing".to_owned(),
    };
    story.run(4, "1.0.0", 4, refused);
    story.accept(5, "1.0.0", 4);
    story.entries
}

fn bytes(entries: &[LogEntry]) -> Vec<Vec<u8>> {
    entries.iter().map(LogEntry::to_bytes).collect()
}

/// What the host signs over these leaves.
fn signed(leaves: &[Vec<u8>]) -> String {
    let mut hashes = MemoryHashes::default();
    for leaf in leaves {
        hashes.append(&LeafHash::of(leaf)).unwrap();
    }
    let size = leaves.len() as u64;
    let root = log::root(size, &hashes).unwrap();
    sign_checkpoint(ORIGIN, size, &root, &key(1)).unwrap()
}

#[expect(clippy::result_large_err, reason = "as in the library")]
fn audit(leaves: &[Vec<u8>], note: &str, since: Option<&str>) -> Result<Trail, Contradiction> {
    let question = Question {
        binding: BINDING,
        terms: vec![Terms {
            version: VERSION,
            cryptlet: "swap".to_owned(),
            measurement: module("1.0.0"),
        }],
        since,
    };
    follow(leaves, note, &[trusted(ORIGIN, &key(1))], &question)
}

#[test]
fn a_log_without_contradiction_tells_the_whole_story() {
    let leaves = bytes(&story());
    let early = signed(&leaves[..SECOND]);
    let trail = audit(&leaves, &signed(&leaves), Some(&early)).unwrap();

    let told: Vec<(u64, &str, usize)> = trail
        .invocations
        .iter()
        .filter_map(|invocation| {
            let run = invocation.run.as_ref()?;
            Some((
                invocation.number,
                run.version.as_str(),
                run.deliveries.len(),
            ))
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "1.0.0", 1),
            (2, "1.0.0", 1),
            (3, "1.1.0", 1),
            (4, "1.0.0", 0)
        ]
    );
    assert!(trail.invocations[4].run.is_none(), "the fifth waits");
    let first = trail.invocations[0].run.as_ref().unwrap();
    assert_eq!((first.leaf, first.sources.as_slice()), (9, &[8][..]));
    assert_eq!(trail.moves.len(), 2);
    assert_eq!(trail.since.as_ref().map(|since| since.size), Some(10));
    let claim = |name: &str| {
        let found = trail.claims.iter().find(|claim| claim.name == name);
        found.unwrap_or_else(|| panic!("no claim {name}"))
    };
    assert!(claim("invocations").says.contains("still waiting: 5"));
    assert!(claim("deliveries").says.contains("1 to 3 for eip155:31337"));
    assert_eq!(claim("history").rests_on, Basis::Computed);
    assert_eq!(claim("results").rests_on, Basis::HostUntilReplayed);
}

#[test]
fn without_an_earlier_checkpoint_or_a_document_the_claims_say_so() {
    let leaves = bytes(&story());
    let question = Question {
        binding: BINDING,
        terms: Vec::new(),
        since: None,
    };
    let trust = [trusted(ORIGIN, &key(1))];
    let trail = follow(&leaves, &signed(&leaves), &trust, &question).unwrap();
    let says = |name: &str| {
        let found = trail.claims.iter().find(|claim| claim.name == name);
        found.map(|claim| claim.says.clone()).unwrap_or_default()
    };
    assert!(says("history").contains("no earlier checkpoint was given"));
    assert!(says("versions").contains("by the host's word"));
}

fn accepted(entry: &mut LogEntry) -> &mut Accepted {
    match entry {
        LogEntry::Accepted(accepted) => accepted,
        other => panic!("{other:?}"),
    }
}

fn receipt(entry: &mut LogEntry) -> &mut Statement {
    match entry {
        LogEntry::Receipt(statement) => statement,
        other => panic!("{other:?}"),
    }
}

fn version(entry: &mut LogEntry) -> &mut VersionEntry {
    match entry {
        LogEntry::Version(version) => version,
        other => panic!("{other:?}"),
    }
}

/// What a dishonest host does before it signs, how the finding is called, and at which leaf.
type Lie = (&'static str, usize, fn(&mut Vec<LogEntry>));

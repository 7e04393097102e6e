//! What a log says of one binding, and what cannot be said by one.

mod stages;

use crate::scene::{ORIGIN, key, trusted};
use crate::{corpus, strategies};
use cryptlet_attest::log::{self, MemoryHashes};
use cryptlet_attest::trail::{Contradiction, Finding, Question, Terms, Trail, follow, unaltered};
use cryptlet_attest::{
    Accepted, Basis, BindingChange, BindingEntry, BindingId, BindingVersion, Digest, Execution,
    Host, KeyEntry, LeafHash, LedgerPosition, Limits, LogEntry, LogExport, Measurement, Outcome,
    Output, State, Statement, TriggerKind, TriggerStatement, VersionChange, VersionEntry, digest,
    sign_checkpoint,
};
use proptest::prelude::*;

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

/// What happens to a log: an operation and the leaf that it happens to.
#[derive(Clone, Copy, Debug)]
enum Tampering {
    Alter,
    Drop,
    Swap,
    Double,
}

const TAMPERINGS: [Tampering; 4] = [
    Tampering::Alter,
    Tampering::Drop,
    Tampering::Swap,
    Tampering::Double,
];

fn tampered(leaves: &[Vec<u8>], how: Tampering, leaf: usize) -> Vec<Vec<u8>> {
    let mut leaves = leaves.to_vec();
    match how {
        // The last byte of an entry is the end of some hash, number or name.
        Tampering::Alter => *leaves[leaf].last_mut().unwrap() ^= 1,
        Tampering::Drop => drop(leaves.remove(leaf)),
        Tampering::Swap => {
            let other = (leaf + 1) % leaves.len();
            leaves.swap(leaf, other);
        }
        Tampering::Double => leaves.insert(leaf, leaves[leaf].clone()),
    }
    leaves
}

#[test]
fn whoever_alters_drops_swaps_or_doubles_a_leaf_is_found_out() {
    let leaves = bytes(&story());
    let note = signed(&leaves);
    for leaf in 0..leaves.len() {
        for how in TAMPERINGS {
            let contradiction = audit(&tampered(&leaves, how, leaf), &note, None)
                .expect_err("the checkpoint signs other leaves");
            let name = match how {
                Tampering::Alter | Tampering::Swap => "other-leaves",
                Tampering::Drop | Tampering::Double => "other-size",
            };
            assert!(
                !contradiction.is_signed(),
                "{how:?} {leaf}: {contradiction}"
            );
            assert_eq!(contradiction.name(), name, "{how:?} {leaf}");
        }
    }
}

#[test]
fn a_host_that_signs_its_tampering_contradicts_itself_or_an_earlier_checkpoint() {
    let leaves = bytes(&story());
    let kept = signed(&leaves);
    for leaf in 0..leaves.len() {
        for how in TAMPERINGS {
            let leaves = tampered(&leaves, how, leaf);
            let contradiction =
                audit(&leaves, &signed(&leaves), Some(&kept)).expect_err("history was rewritten");
            assert!(contradiction.is_signed(), "{how:?} {leaf}: {contradiction}");
        }
    }
}

#[test]
fn older_checkpoints_tell_how_far_the_leaves_are_unaltered() {
    let leaves = bytes(&story());
    let notes = [7, 10, 13, 17].map(|size| signed(&leaves[..size]));
    let trust = [trusted(ORIGIN, &key(1))];
    assert_eq!(unaltered(&leaves, &notes, &trust), 17);
    let altered = tampered(&leaves, Tampering::Alter, 11);
    assert_eq!(unaltered(&altered, &notes, &trust), 10);
    assert_eq!(unaltered(&[] as &[Vec<u8>], &notes, &trust), 0);
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

#[test]
fn each_lie_that_a_host_signs_has_its_name_and_its_leaf() {
    let lies: &[Lie] = &[
        ("no-key", 0, |story| drop(story.remove(0))),
        ("redeployed", 3, |story| {
            version(&mut story[3]).version = "1.0.0".to_owned()
        }),
        ("not-deployed", FIRST - 1, |story| drop(story.remove(2))),
        ("before-activation", ACTIVATED + 1, |story| {
            drop(story.remove(ACTIVATED))
        }),
        ("other-binding-version", FIRST_RUN, |story| {
            let execution = &mut receipt(&mut story[FIRST_RUN]).execution;
            execution.binding_version = BindingVersion::from_bytes([0; 32]);
        }),
        ("invocation-gap", SECOND, |story| {
            accepted(&mut story[SECOND]).number = 3
        }),
        ("invocation-gap", FIRST + 1, |story| {
            story.insert(FIRST, story[FIRST].clone())
        }),
        ("other-module", SECOND, |story| {
            accepted(&mut story[SECOND]).measurement = module("1.1.0");
        }),
        ("other-module", PROMOTED, |story| {
            drop(story.remove(PROMOTED))
        }),
        ("other-cryptlet", PROMOTED, |story| {
            version(&mut story[PROMOTED]).cryptlet = "rate".to_owned();
        }),
        ("other-rollback", ROLLED_BACK, |story| {
            let back = version(&mut story[ROLLED_BACK]);
            back.version = "1.1.0".to_owned();
            back.measurement = module("1.1.0");
        }),
        ("triggered-twice", SECOND, |story| {
            accepted(&mut story[SECOND]).trigger = woken_by(1);
        }),
        ("triggered-twice", AGAIN, |story| {
            accepted(&mut story[AGAIN]).trigger = woken_by(3)
        }),
        ("not-accepted", FIRST_RUN - 1, |story| {
            drop(story.remove(FIRST))
        }),
        ("run-twice", FIRST_RUN + 1, |story| {
            let mut twice = story[FIRST_RUN].clone();
            receipt(&mut twice).execution.children.clear();
            story.insert(FIRST_RUN + 1, twice);
        }),
        ("other-than-accepted", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.seed = [0; 32];
        }),
        ("other-than-accepted", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.instant += 1;
        }),
        ("other-than-accepted", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.input = digest("other", &[]);
        }),
        ("other-than-accepted", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.trigger = woken_by(9);
        }),
        ("other-than-accepted", FIRST_RUN, |story| {
            let execution = &mut receipt(&mut story[FIRST_RUN]).execution;
            execution.version = "1.1.0".to_owned();
            execution.measurement = module("1.1.0");
        }),
        // An altered cost is found where the next receipt names this one.
        ("broken-chain", SECOND_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.fuel += 1
        }),
        ("broken-chain", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).host.previous = Some(LeafHash::from_bytes([1; 32]));
        }),
        ("other-state", SECOND_RUN, |story| {
            receipt(&mut story[SECOND_RUN]).execution.state_before = digest("other", &[]);
        }),
        ("other-state", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.state_before = digest("other", &[]);
        }),
        ("inconsistent", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.outcome = Outcome::Trap {
                kind: "unreachable".to_owned(),
            };
        }),
        ("unannounced-key", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).host.key = trusted(ORIGIN, &key(2)).identity();
        }),
        ("not-deployed", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.version = "2.0.0".to_owned();
        }),
        ("missing-child", FIRST_RUN - 1, |story| {
            drop(story.remove(FIRST_SOURCE))
        }),
        ("missing-child", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_SOURCE]).execution.fuel += 1;
        }),
        ("unlisted-child", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.children.clear();
        }),
        ("unlisted-child", AGAIN + 1, |story| {
            let mut orphan = story[FIRST_SOURCE].clone();
            receipt(&mut orphan).execution.invocation = 5;
            story.push(orphan);
        }),
        ("other-child", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_SOURCE]).execution.seed = [0; 32];
            let child = story[FIRST_SOURCE].leaf_hash();
            receipt(&mut story[FIRST_RUN]).execution.children = vec![child];
        }),
        ("other-child", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_SOURCE]).execution.state_after = digest("other", &[]);
            let child = story[FIRST_SOURCE].leaf_hash();
            receipt(&mut story[FIRST_RUN]).execution.children = vec![child];
        }),
        ("source-delivered", FIRST_SOURCE, |story| {
            let delivered = receipt(&mut story[FIRST_RUN]).execution.outputs.clone();
            receipt(&mut story[FIRST_SOURCE]).execution.outputs = delivered;
        }),
        ("delivery-gap", FIRST_RUN, |story| {
            for output in &mut receipt(&mut story[FIRST_RUN]).execution.outputs {
                if let Output::Delivery { delivery, .. } = output {
                    *delivery = 2;
                }
            }
        }),
    ];
    for (name, leaf, lie) in lies {
        let mut story = story();
        lie(&mut story);
        let leaves = bytes(&story);
        let contradiction = audit(&leaves, &signed(&leaves), None).expect_err(name);
        assert_eq!(
            (contradiction.name(), contradiction.leaf),
            (*name, Some(*leaf as u64)),
            "{contradiction}"
        );
        assert!(contradiction.is_signed());
        assert!(
            contradiction
                .to_string()
                .contains("evidence against the host")
        );
    }
}

#[test]
fn a_document_that_never_came_into_force_is_no_evidence_against_the_host() {
    let leaves = bytes(&story());
    let question = Question {
        binding: BINDING,
        terms: vec![Terms {
            version: BindingVersion::from_bytes([0; 32]),
            cryptlet: "swap".to_owned(),
            measurement: module("1.0.0"),
        }],
        since: None,
    };
    let trust = [trusted(ORIGIN, &key(1))];
    let contradiction =
        follow(&leaves, &signed(&leaves), &trust, &question).expect_err("another document");
    assert_eq!(contradiction.leaf, Some(ACTIVATED as u64));
    assert_eq!(contradiction.name(), "other-document");
    let sentence = contradiction.to_string();
    assert!(!sentence.contains("evidence"), "{sentence}");
}

#[test]
fn the_log_as_a_whole_is_held_against_its_checkpoints() {
    let leaves = bytes(&story());
    let note = signed(&leaves);
    let finding = |result: Result<Trail, Contradiction>| result.expect_err("refused").finding;

    let short = finding(audit(&leaves[..20], &note, None));
    assert_eq!(
        short,
        Finding::OtherSize {
            leaves: 20,
            size: 22
        }
    );
    let taken = finding(audit(&leaves[..20], &signed(&leaves[..20]), Some(&note)));
    assert_eq!(
        taken,
        Finding::Shortened {
            earlier: 22,
            now: 20
        }
    );
    let forged = note.replace("log.example", "log.forgery");
    assert_eq!(finding(audit(&leaves, &forged, None)).name(), "checkpoint");
    let unknown = Question {
        binding: BindingId::from_bytes([0; 32]),
        terms: Vec::new(),
        since: None,
    };
    let trust = [trusted(ORIGIN, &key(1))];
    let sentence = follow(&leaves, &note, &trust, &unknown)
        .expect_err("no such binding")
        .to_string();
    assert!(sentence.contains(&BINDING.to_string()), "{sentence}");
    // Another trusted key of the same name signs, which the log does not announce.
    let mut hashes = MemoryHashes::default();
    for leaf in &leaves {
        hashes.append(&LeafHash::of(leaf)).unwrap();
    }
    let root = log::root(22, &hashes).unwrap();
    let note = sign_checkpoint(ORIGIN, 22, &root, &key(2)).unwrap();
    let trust = [trusted(ORIGIN, &key(1)), trusted(ORIGIN, &key(2))];
    let question = Question {
        binding: BINDING,
        ..unknown
    };
    let finding = follow(&leaves, &note, &trust, &question)
        .expect_err("strange")
        .finding;
    assert_eq!(finding.name(), "unannounced-key");
}

proptest! {
    /// However a host rewrites its log, who kept a checkpoint of it finds out.
    #[test]
    fn no_rewritten_history_passes_for_an_extension(
        changes in prop::collection::vec((0..4_usize, 0..20_usize), 1..4)
    ) {
        let original = bytes(&story());
        let kept = signed(&original);
        let mut leaves = original.clone();
        for (how, leaf) in changes {
            let leaf = leaf % leaves.len();
            leaves = tampered(&leaves, TAMPERINGS[how], leaf);
        }
        prop_assume!(leaves != original);
        prop_assert!(audit(&leaves, &signed(&leaves), Some(&kept)).is_err());
    }

    /// Whatever else stands in a log, reading it ends in a trail or a finding.
    #[test]
    fn any_entry_may_follow(entries in prop::collection::vec(strategies::entry(), 0..6)) {
        let mut leaves = bytes(&story());
        leaves.extend(entries.iter().map(LogEntry::to_bytes));
        let note = signed(&leaves);
        if let Err(contradiction) = audit(&leaves, &note, None) {
            prop_assert!(contradiction.is_signed());
        }
    }
}

/// The fuzz target begins with this story, whole and spoiled.
#[test]
fn the_corpus_of_the_fuzz_target_holds_this_story() {
    let leaves = bytes(&story());
    let export = |leaves: &[Vec<u8>], note: &str| {
        let mut bytes = LogExport::header();
        for leaf in leaves {
            bytes.extend(LogExport::leaf(leaf));
        }
        bytes.extend(LogExport::end(note));
        bytes
    };
    let genuine = export(&leaves, &signed(&leaves));
    let doubled = tampered(&leaves, Tampering::Double, FIRST);
    let inputs = [
        ("cut-off", genuine[..genuine.len() / 2].to_vec()),
        ("contradiction", export(&doubled, &signed(&doubled))),
        ("other-leaves", export(&doubled, &signed(&leaves))),
        ("no-leaves", export(&[], "nobody has signed this")),
        ("genuine", genuine),
    ];
    corpus::committed("log_export", &inputs);
}

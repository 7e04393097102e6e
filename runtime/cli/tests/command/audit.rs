//! `cryptlet audit receipt`: what it says of genuine and of other receipts.

mod trail;

use cryptlet_attest::log::{self, MemoryHashes, WitnessKey};
use cryptlet_attest::{
    BindingId, BindingVersion, Digest, Execution, Host, Limits, LogEntry, Measurement, Outcome,
    Receipt, State, Statement, TriggerKind, TriggerStatement, TrustedKey, sign_checkpoint,
};
use ed25519_dalek::SigningKey;
use serde_json::Value;

use crate::{Desk, Outcome as Ended};

const LOG: &str = "example.org/fabric";
const MODULE: &[u8] = b"the component";

/// A log with a few receipts and the key that signs it.
struct Operator {
    key: SigningKey,
    hashes: MemoryHashes,
    entries: Vec<Vec<u8>>,
}

impl Operator {
    fn new(seed: u8) -> Self {
        Self {
            key: SigningKey::from_bytes(&[seed; 32]),
            hashes: MemoryHashes::default(),
            entries: Vec::new(),
        }
    }

    fn publish(&mut self, cryptlet: &str) {
        let statement = LogEntry::Receipt(statement(cryptlet, self.key().identity()))
            .checked_bytes()
            .unwrap();
        self.hashes.append(&log::leaf_hash(&statement)).unwrap();
        self.entries.push(statement);
    }

    /// The receipt of the entry with that number.
    fn receipt(&self, index: u64) -> Receipt {
        let size = self.hashes.size();
        let root = log::root(size, &self.hashes).unwrap();
        let proof = log::prove(index, size, &self.hashes).unwrap();
        Receipt {
            statement: self.entries[usize::try_from(index).unwrap()].clone(),
            index,
            proof: proof.iter().map(|hash| hash.0).collect(),
            checkpoint: sign_checkpoint(LOG, size, &root, &self.key).unwrap(),
        }
    }

    fn trusted(&self) -> String {
        self.key().to_string()
    }

    fn key(&self) -> TrustedKey {
        let public = self.key.verifying_key().to_bytes();
        TrustedKey::new(LOG, &public).unwrap()
    }
}

fn statement(cryptlet: &str, key: String) -> Statement {
    let digest = Digest::from_bytes([5; 32]);
    Statement {
        execution: Execution {
            binding: BindingId::from_bytes([1; 32]),
            binding_version: BindingVersion::from_bytes([2; 32]),
            source: None,
            ordinal: 0,
            cryptlet: cryptlet.to_owned(),
            version: "1.0.0".to_owned(),
            measurement: Measurement::of(MODULE),
            sha256: [3; 32],
            invocation: 7,
            trigger: TriggerStatement {
                kind: TriggerKind::Message,
                digest,
                position: None,
            },
            instant: 1_700_000_000_000,
            seed: [4; 32],
            input: digest,
            transcript: digest,
            reply: Some(digest),
            outputs: Vec::new(),
            state_before: State::default().root(),
            state_after: State::default().root(),
            limits: Limits::from_iter([("fuel", 50_000_000)]),
            operator_costs: digest,
            children: Vec::new(),
            fuel: 12_345,
            peak_memory: 65_536,
            host_calls: 3,
            outcome: Outcome::Ok,
        },
        host: Host {
            fabric_version: "0.1.0".to_owned(),
            executable: digest,
            engine_configuration: digest,
            wasmtime: "48.0.8".to_owned(),
            key,
            previous: None,
        },
    }
}

/// An operator who has published three receipts, and a desk with the second.
fn handed_over(cryptlet: &str) -> (Operator, Desk) {
    let mut operator = Operator::new(1);
    for name in ["first", cryptlet, "third"] {
        operator.publish(name);
    }
    let desk = Desk::new();
    desk.file("run.receipt", operator.receipt(1).to_bytes());
    (operator, desk)
}

fn audit(desk: &Desk, trust: &[String], module: &[u8], options: &[&str]) -> Ended {
    let mut arguments = vec!["audit".to_owned(), "receipt".to_owned()];
    arguments.push("run.receipt".to_owned());
    for key in trust {
        arguments.push(format!("--trust={key}"));
    }
    arguments.push(format!("--expect-measurement={}", Measurement::of(module)));
    arguments.extend(options.iter().map(|option| (*option).to_owned()));
    desk.run(arguments)
}

#[test]
fn says_what_a_genuine_receipt_proves_and_on_what_that_rests() {
    let (operator, desk) = handed_over("interest-rate-swap");
    let said = audit(&desk, &[operator.trusted()], MODULE, &[]).done();
    assert!(said.starts_with("verified\n\nintact: "), "{said}");
    for part in [
        "logged: it is entry 1 of the log example.org/fabric as it stood with 3 entries",
        "interest-rate-swap 1.0.0",
        &Measurement::of(MODULE).to_string(),
        "it is the module that you expected",
        "12345 fuel",
        "the instant 2023-11-14T22:13:20.000Z",
        "would be broken by: a replay from module and transcript",
        "rests on: the host's word",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn prints_the_verdict_as_json_for_programs() {
    let (operator, desk) = handed_over("interest-rate-swap");
    let said = audit(&desk, &[operator.trusted()], MODULE, &["--json"]).done();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["verified"], true);
    assert_eq!(said["run"]["leaf"], 1);
    assert_eq!(
        said["run"]["leaf-hash"],
        operator.receipt(1).leaf_hash().to_string()
    );
    assert_eq!(said["run"]["cryptlet"], "interest-rate-swap");
    assert_eq!(said["run"]["instant"], "2023-11-14T22:13:20Z");
    assert_eq!(said["claims"][0]["rests-on"]["basis"], "computed");
    assert_eq!(said["checkpoint"]["size"], 3);
}

#[test]
fn the_expected_module_may_be_given_as_a_file_or_not_at_all() {
    let (operator, desk) = handed_over("interest-rate-swap");
    desk.file("swap.wasm", MODULE);
    desk.file("other.wasm", "another component");
    let trust = format!("--trust={}", operator.trusted());
    let audit = |options: &[&str]| {
        let arguments = ["audit", "receipt", "run.receipt", &trust];
        desk.run(arguments.iter().chain(options))
    };

    let said = audit(&["--module=swap.wasm"]).done();
    assert!(
        said.contains("it is the module that you expected"),
        "{said}"
    );
    let sentence = audit(&["--module=other.wasm"]).failed(1);
    assert!(sentence.contains("(other-measurement)"), "{sentence}");
    let said = audit(&[]).done();
    assert!(
        said.contains("nobody checked here which module was expected"),
        "{said}"
    );
}

#[test]
fn one_of_several_trusted_keys_is_enough() {
    let (operator, desk) = handed_over("interest-rate-swap");
    let trust = [Operator::new(9).trusted(), operator.trusted()];
    audit(&desk, &trust, MODULE, &[]).done();
}

#[test]
fn a_trusted_key_may_lie_in_a_file() {
    let (operator, desk) = handed_over("interest-rate-swap");
    desk.file("log.key", format!("{}\n", operator.trusted()));
    audit(&desk, &["log.key".to_owned()], MODULE, &[]).done();

    desk.file("other.key", Operator::new(9).trusted());
    let sentence = audit(&desk, &["other.key".to_owned()], MODULE, &[]).failed(1);
    assert!(sentence.contains("(unknown-signer)"), "{sentence}");
    let sentence = audit(&desk, &["run.receipt".to_owned()], MODULE, &[]).failed(2);
    assert!(sentence.contains("the file cannot be read"), "{sentence}");
    let sentence = audit(&desk, &["none.key".to_owned()], MODULE, &[]).failed(2);
    assert!(
        sentence.contains("there is no file of that name"),
        "{sentence}"
    );
}

#[test]
fn a_file_with_several_keys_is_trusted_by_option_and_by_variable() {
    let (operator, desk) = handed_over("interest-rate-swap");
    let witness = SigningKey::from_bytes(&[3; 32]).verifying_key();
    let witness = WitnessKey::new("acme/w1", &witness.to_bytes()).unwrap();
    let keys = [
        "# kept since January".to_owned(),
        Operator::new(9).trusted(),
        operator.trusted(),
        witness.to_string(),
    ];
    desk.file("keys", keys.join("\n"));
    audit(&desk, &["keys".to_owned()], MODULE, &[]).done();
    let module = format!("--expect-measurement={}", Measurement::of(MODULE));
    let by_variable = desk
        .command(["audit", "receipt", "run.receipt", &module])
        .env("CRYPTLET_TRUST", "keys")
        .output()
        .unwrap();
    assert!(by_variable.status.success(), "{by_variable:?}");
}

#[test]
fn doubts_have_status_1_and_a_name() {
    let (operator, desk) = handed_over("interest-rate-swap");
    let trust = [operator.trusted()];
    let stranger = [Operator::new(9).trusted()];

    let sentence = audit(&desk, &stranger, MODULE, &[]).failed(1);
    assert!(
        sentence.starts_with("error: run.receipt is not verified (unknown-signer): "),
        "{sentence}"
    );
    let sentence = audit(&desk, &trust, b"another component", &[]).failed(1);
    assert!(sentence.contains("(other-measurement)"), "{sentence}");
    assert_eq!(sentence.lines().count(), 1);

    let elsewhere = Receipt {
        index: 2,
        ..operator.receipt(1)
    };
    desk.file("run.receipt", elsewhere.to_bytes());
    let sentence = audit(&desk, &trust, MODULE, &[]).failed(1);
    assert!(sentence.contains("(not-in-log)"), "{sentence}");

    desk.file("run.receipt", b"not a receipt");
    let sentence = audit(&desk, &trust, MODULE, &[]).failed(1);
    assert!(sentence.contains("(malformed)"), "{sentence}");
}

#[test]
fn a_doubt_is_json_too_and_still_fails() {
    let (_, desk) = handed_over("interest-rate-swap");
    let ended = audit(&desk, &[Operator::new(9).trusted()], MODULE, &["--json"]);
    assert_eq!(ended.status, 1);
    let said: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(said["verified"], false);
    assert_eq!(said["doubt"]["name"], "unknown-signer");
    assert!(ended.errors.contains("(unknown-signer)"));
}

#[test]
fn no_altered_byte_is_verified() {
    let (operator, desk) = handed_over("interest-rate-swap");
    let trust = [operator.trusted()];
    let genuine = operator.receipt(1).to_bytes();
    for position in (0..genuine.len()).step_by(genuine.len() / 40) {
        let mut altered = genuine.clone();
        altered[position] ^= 1;
        desk.file("run.receipt", altered);
        audit(&desk, &trust, MODULE, &[]).failed(1);
    }
}

#[test]
fn a_hostile_name_does_not_reach_the_terminal() {
    let (operator, desk) = handed_over("swap\u{1b}[2J\u{202e}");
    let said = audit(&desk, &[operator.trusted()], MODULE, &[]).done();
    assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said}");
    assert!(said.contains("swap\\u{1b}[2J\\u{202e}"), "{said}");
}

#[test]
fn what_cannot_be_audited_has_status_2() {
    let (operator, desk) = handed_over("interest-rate-swap");
    let key = format!("--trust={}", operator.trusted());
    let module = format!("--expect-measurement={}", Measurement::of(MODULE));
    let cases: [(&[&str], &str); 6] = [
        (
            &["none.receipt", &key, &module],
            "there is no file none.receipt",
        ),
        (&["run.receipt", &module], "--trust"),
        (
            &["run.receipt", &key, &module, "--module=swap.wasm"],
            "--module",
        ),
        (
            &["run.receipt", &key, "--module=swap.wasm"],
            "there is no file swap.wasm",
        ),
        (&["run.receipt", "--trust=nobody", &module], "name+id+key"),
        (
            &["run.receipt", &key, "--expect-measurement=12"],
            "--expect-measurement",
        ),
    ];
    for (arguments, says) in cases {
        let arguments = ["audit", "receipt"].iter().chain(arguments);
        let sentence = desk.run(arguments).failed(2);
        assert!(sentence.contains(says), "{sentence}");
    }
}

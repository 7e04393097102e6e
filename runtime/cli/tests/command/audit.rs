use cryptlet_attest::log::{self, MemoryHashes, WitnessKey};
use cryptlet_attest::{
    Accepted, BindingChange, BindingEntry, BindingId, BindingVersion, Digest, Execution, Host,
    KeyEntry, Limits, LogEntry, LogExport, Measurement, Outcome, Receipt, State, Statement,
    TriggerKind, TriggerStatement, TrustedKey, VersionChange, VersionEntry, sign_checkpoint,
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

/// One binding from its activation to its first run, as an operator exports it.
fn story(operator: &Operator) -> Vec<LogEntry> {
    let key = operator.key();
    let mut run = statement("swap", key.identity());
    run.execution.invocation = 1;
    let execution = &run.execution;
    let accepted = |number| {
        LogEntry::Accepted(Accepted {
            binding: execution.binding,
            number,
            trigger: execution.trigger.clone(),
            input: execution.input,
            instant: execution.instant,
            seed: execution.seed,
            measurement: execution.measurement,
        })
    };
    vec![
        LogEntry::Key(KeyEntry {
            name: LOG.to_owned(),
            algorithm: "ed25519".to_owned(),
            purpose: "attestation".to_owned(),
            public: key.public().to_vec(),
        }),
        LogEntry::Version(VersionEntry {
            cryptlet: "swap".to_owned(),
            version: "1.0.0".to_owned(),
            measurement: execution.measurement,
            binding: None,
            change: VersionChange::Deployed,
            by: None,
            reason: None,
            share: None,
            state: None,
        }),
        LogEntry::Binding(BindingEntry {
            binding: execution.binding,
            version: execution.binding_version,
            change: BindingChange::Activated,
            measurement: None,
        }),
        accepted(1),
        LogEntry::Receipt(run.clone()),
        accepted(2),
    ]
}

/// The log as a file, and the checkpoint over its first leaves as another.
fn export(desk: &Desk, operator: &Operator, entries: &[LogEntry]) {
    let mut hashes = MemoryHashes::default();
    let mut bytes = LogExport::header();
    let mut note = String::new();
    for entry in entries {
        bytes.extend(LogExport::leaf(&entry.to_bytes()));
        hashes.append(&entry.leaf_hash()).unwrap();
        let size = hashes.size();
        let root = log::root(size, &hashes).unwrap();
        note = sign_checkpoint(LOG, size, &root, &operator.key).unwrap();
        desk.file(format!("{size}.note"), &note);
    }
    bytes.extend(LogExport::end(&note));
    desk.file("log.cbor", bytes);
}

fn trail(desk: &Desk, operator: &Operator, options: &[&str]) -> Ended {
    let binding = BindingId::from_bytes([1; 32]).to_string();
    let trust = format!("--trust={}", operator.trusted());
    let arguments = ["audit", "trail", &binding, "--from=log.cbor", &trust];
    desk.run(arguments.iter().chain(options))
}

#[test]
fn a_trail_lists_every_invocation_and_says_what_each_claim_rests_on() {
    let (operator, desk) = (Operator::new(1), Desk::new());
    export(&desk, &operator, &story(&operator));
    let said = trail(&desk, &operator, &["--since-checkpoint=3.note"]).done();
    for part in [
        "INVOCATION  INSTANT               VERSION  OUTCOME   FUEL  DELIVERIES  LEAF",
        "         1  2023-11-14T22:13:20Z  1.0.0    ok       12345                 4",
        "         2  2023-11-14T22:13:20Z           waits                          5",
        "the log holds together",
        "the log extends the checkpoint of 3 leaves that you kept",
        "still waiting: 2",
        "rests on: the signature of example.org/fabric+",
        "would be broken by: ",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn a_trail_is_json_for_programs_and_so_is_a_contradiction() {
    let (operator, desk) = (Operator::new(1), Desk::new());
    let mut entries = story(&operator);
    export(&desk, &operator, &entries);
    let said = trail(&desk, &operator, &["--json"]).done();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["holds"], true);
    assert_eq!(said["invocations"][0]["run"]["leaf"], 4);

    entries.swap(3, 4);
    export(&desk, &operator, &entries);
    let ended = trail(&desk, &operator, &["--json"]);
    assert_eq!(ended.status, 1);
    let said: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(said["contradiction"]["name"], "not-accepted");
    assert_eq!(said["contradiction"]["leaf"], 3);
    assert_eq!(said["contradiction"]["signed-by-host"], true);
    assert!(
        ended.errors.contains("evidence against the host"),
        "{ended:?}"
    );
}

#[test]
fn a_rewritten_history_is_found_by_who_kept_a_checkpoint() {
    let (operator, desk) = (Operator::new(1), Desk::new());
    let mut entries = story(&operator);
    export(&desk, &operator, &entries);
    entries.remove(4);
    std::fs::rename(desk.path().join("5.note"), desk.path().join("kept.note")).unwrap();
    export(&desk, &operator, &entries);
    let sentence = trail(&desk, &operator, &["--since-checkpoint=kept.note"]).failed(1);
    assert!(sentence.contains("(rewritten)"), "{sentence}");
}

#[test]
fn a_checkpoint_that_a_trail_keeps_is_what_a_later_one_starts_from() {
    let (operator, desk) = (Operator::new(1), Desk::new());
    let entries = story(&operator);
    export(&desk, &operator, &entries[..5]);
    trail(&desk, &operator, &["--keep-checkpoint=kept.note"]).done();
    let kept = std::fs::read_to_string(desk.path().join("kept.note")).unwrap();

    export(&desk, &operator, &entries);
    let again = trail(&desk, &operator, &["--keep-checkpoint=kept.note"]).failed(2);
    assert!(again.contains("kept.note is there already"), "{again}");
    let said = trail(&desk, &operator, &["--since-checkpoint=kept.note"]).done();
    assert!(said.contains("the checkpoint of 5 leaves"), "{said}");
    assert_eq!(
        std::fs::read_to_string(desk.path().join("kept.note")).unwrap(),
        kept
    );

    desk.file("log.cbor", "no log");
    trail(&desk, &operator, &["--keep-checkpoint=none.note"]).failed(1);
    assert!(!desk.path().join("none.note").exists());
}

#[test]
fn a_trail_that_cannot_be_followed_names_the_way_out() {
    let (operator, desk) = (Operator::new(1), Desk::new());
    export(&desk, &operator, &story(&operator));
    let trust = format!("--trust={}", operator.trusted());
    let cases: [(&[&str], i32, &str); 4] = [
        (
            &["swap", "--from=log.cbor"],
            2,
            "its document with --document",
        ),
        (
            &["0x12", "--from=log.cbor"],
            2,
            "0x and 64 hexadecimal digits",
        ),
        (
            &["swap", "--from=none.cbor"],
            2,
            "there is no file none.cbor",
        ),
        (&["swap", "--state=none"], 2, "no state folder none"),
    ];
    for (arguments, status, says) in cases {
        let command = ["audit", "trail", &trust];
        let sentence = desk.run(command.iter().chain(arguments)).failed(status);
        assert!(sentence.contains(says), "{sentence}");
    }
    desk.file("log.cbor", "no log");
    let sentence = trail(&desk, &operator, &[]).failed(1);
    assert!(sentence.contains("log.cbor is no log export"), "{sentence}");
}

#[test]
fn compare_without_a_node_is_one_sentence() {
    let (operator, desk) = (Operator::new(1), Desk::new());
    export(&desk, &operator, &story(&operator));
    let binding = BindingId::from_bytes([1; 32]).to_string();
    let trust = format!("--trust={}", operator.trusted());
    let rpc = "--rpc=http://127.0.0.1:1";
    let compare = ["audit", "compare", &binding, "--from=log.cbor", &trust, rpc];
    let sentence = desk.run(compare).failed(2);
    assert!(
        sentence.contains("give its address with --gateway"),
        "{sentence}"
    );
    let gateway = "--gateway=0x0000000000000000000000000000000000000001";
    let sentence = desk.run(compare.iter().chain(&[gateway])).failed(1);
    assert!(
        sentence.contains("no node answers at http://127.0.0.1:1"),
        "{sentence}"
    );
    assert_eq!(sentence.lines().count(), 1);

    let mut entries = story(&operator);
    entries.swap(3, 4);
    export(&desk, &operator, &entries);
    let ended = desk.run(compare.iter().chain(&[gateway, "--json"]));
    let said: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(said["agrees"], false);
    assert_eq!(said["contradiction"]["name"], "not-accepted");
}

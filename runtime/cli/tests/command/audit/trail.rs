//! `cryptlet audit trail` and `compare`, of a log that was exported.

use cryptlet_attest::log::{self, MemoryHashes};
use cryptlet_attest::{
    Accepted, BindingChange, BindingEntry, BindingId, KeyEntry, LogEntry, LogExport, VersionChange,
    VersionEntry, sign_checkpoint,
};
use serde_json::Value;

use super::{LOG, Operator, statement};
use crate::{Desk, Outcome as Ended};

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

//! The vectors in `tests/vectors`, which other implementations read too.
//!
//! `rfc6962.json` and `measurement.json` come from elsewhere. The others are written by this
//! module when `CRYPTLET_WRITE_VECTORS` is set; without it, they must be what it would write.

use crate::scene::{
    self, Log, ORIGIN, SETTLED, entries, key, moves, settled, signed_for, signed_text, trusted,
};
use cryptlet_attest::log::{self, Hash, MemoryHashes};
use cryptlet_attest::{
    BindingChange, BindingEntry, Digest, Evidence, LeafHash, LogEntry, Measurement, Receipt, Salt,
    TrustedKey, digest, verify,
};
use serde_json::{Value, json};
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

fn read(name: &str) -> Value {
    let path = folder().join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// The committed file, which must say what `current` says.
pub fn committed(name: &str, current: &Value) -> Value {
    if std::env::var_os("CRYPTLET_WRITE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(current).unwrap() + "\n";
        std::fs::write(folder().join(name), text).unwrap();
    }
    let committed = read(name);
    assert_eq!(committed, *current, "{name} is out of date");
    committed
}

pub fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

pub fn hash(value: &Value) -> [u8; 32] {
    bytes(value).try_into().unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    list(value).iter().map(|one| Hash(hash(one))).collect()
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn the_tree_of_rfc_6962_has_its_known_roots_and_proofs() {
    let vectors = read("rfc6962.json");
    let leaves: Vec<LeafHash> = list(&vectors["entries"])
        .iter()
        .map(|entry| LeafHash::of(&bytes(entry)))
        .collect();
    let mut tree = MemoryHashes::default();
    for leaf in &leaves {
        tree.append(leaf).unwrap();
    }
    let roots = hashes(&vectors["roots"]);
    assert_eq!(roots.len(), leaves.len() + 1);
    for (size, root) in roots.iter().enumerate() {
        assert_eq!(log::root(size as u64, &tree).unwrap(), *root);
    }
    for case in list(&vectors["inclusion"]) {
        let (index, size) = (number(&case["index"]), number(&case["size"]));
        let proof = hashes(&case["proof"]);
        assert_eq!(log::prove(index, size, &tree).unwrap(), proof);
        let leaf = &leaves[usize::try_from(index).unwrap()];
        let root = &roots[usize::try_from(size).unwrap()];
        log::check_inclusion(&proof, index, leaf, size, root).unwrap();
    }
    for case in list(&vectors["consistency"]) {
        let (old, size) = (number(&case["old"]), number(&case["size"]));
        let proof = hashes(&case["proof"]);
        assert_eq!(log::prove_consistency(old, size, &tree).unwrap(), proof);
        let root = |size| &roots[usize::try_from(size).unwrap()];
        log::check_consistency(&proof, old, root(old), size, root(size)).unwrap();
    }
}

#[test]
fn measurements_are_what_b3sum_prints() {
    for case in list(&read("measurement.json")["cases"]) {
        let length = usize::try_from(number(&case["length"])).unwrap();
        let component = match case.get("bytes") {
            Some(given) => bytes(given),
            None => (0..=250).cycle().take(length).collect(),
        };
        assert_eq!(component.len(), length);
        assert_eq!(
            Measurement::of(&component).to_string(),
            case["measurement"].as_str().unwrap()
        );
    }
}

#[test]
fn digests_are_the_committed_ones() {
    let cases: [(&str, &[&[u8]]); 5] = [
        ("execution", &[]),
        ("execution", &[b""]),
        ("execution", &[b"ab", b"c"]),
        ("execution", &[b"a", b"bc"]),
        ("evidence/software", &[&[0xff; 300]]),
    ];
    let current = cases.map(|(domain, parts)| {
        json!({
            "domain": domain,
            "parts": parts.iter().map(hex::encode).collect::<Vec<_>>(),
            "digest": digest(domain, parts),
        })
    });
    for case in list(&committed("digest.json", &json!(current))) {
        let parts: Vec<Vec<u8>> = list(&case["parts"]).iter().map(bytes).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let computed = digest(case["domain"].as_str().unwrap(), &parts);
        assert_eq!(computed, Digest::from_bytes(hash(&case["digest"])));
    }
}

#[test]
fn salted_digests_are_the_committed_ones() {
    let current: Vec<Value> = [("input", "00"), ("reply", "7b7d"), ("event/0", "")]
        .into_iter()
        .map(|(field, value)| {
            let salt = scene::salt();
            json!({
                "salt": hex::encode(salt.expose()),
                "field": field,
                "value": value,
                "field_salt": hex::encode(salt.field(field).expose()),
                "digest": salt.digest(field, &hex::decode(value).unwrap()),
            })
        })
        .collect();
    for case in list(&committed("salt.json", &json!(current))) {
        let field = case["field"].as_str().unwrap();
        let salt = Salt::from_bytes(hash(&case["salt"]));
        assert_eq!(*salt.field(field).expose(), hash(&case["field_salt"]));
        let computed = salt.digest(field, &bytes(&case["value"]));
        assert_eq!(*computed.as_bytes(), hash(&case["digest"]));
    }
}

/// What counterparties agree on after a binding is in force.
fn agreements() -> Vec<LogEntry> {
    let settled = settled().execution;
    let changes = [
        BindingChange::Proposed,
        BindingChange::Allowed,
        BindingChange::Revoked,
    ];
    let entry = |change| {
        LogEntry::Binding(BindingEntry {
            binding: settled.binding,
            version: settled.binding_version,
            change,
            measurement: Some(settled.measurement),
        })
    };
    changes.into_iter().map(entry).collect()
}

#[test]
fn entries_are_the_committed_ones() {
    let current: Vec<Value> = entries()
        .iter()
        .chain(&moves())
        .chain(&agreements())
        .map(|entry| {
            json!({
                "bytes": hex::encode(entry.to_bytes()),
                "leaf_hash": entry.leaf_hash(),
                "execution_hash": match entry {
                    LogEntry::Receipt(statement) => Some(statement.execution_hash()),
                    _ => None,
                },
                "view": entry,
            })
        })
        .collect();
    for case in list(&committed("entry.json", &json!(current))) {
        let entry = LogEntry::from_bytes(&bytes(&case["bytes"])).unwrap();
        assert_eq!(*entry.leaf_hash().as_bytes(), hash(&case["leaf_hash"]));
        assert_eq!(serde_json::to_value(&entry).unwrap(), case["view"]);
    }
}

#[test]
fn evidence_is_the_committed_one() {
    let evidence = Evidence::software(&key(1), scene::some_digest(), scene::some_digest()).unwrap();
    let current = json!([{
        "bytes": hex::encode(evidence.to_bytes()),
        "key": trusted(ORIGIN, &key(1)).to_string(),
        "tier": "software",
    }]);
    for case in list(&committed("evidence.json", &current)) {
        let evidence = Evidence::from_bytes(&bytes(&case["bytes"])).unwrap();
        let key: TrustedKey = case["key"].as_str().unwrap().parse().unwrap();
        let appraisal = evidence.appraise(&key).unwrap();
        assert_eq!(serde_json::to_value(appraisal.tier).unwrap(), case["tier"]);
    }
}

/// A receipt, who is trusted, and what to make of it.
fn case(name: &str, receipt: &[u8], trust: &TrustedKey, expect: Option<&Measurement>) -> Value {
    let verdict = verify(receipt, std::slice::from_ref(trust), expect);
    json!({
        "name": name,
        "receipt": hex::encode(receipt),
        "trust": trust.to_string(),
        "expect": expect,
        "verdict": match &verdict {
            Ok(verdict) => json!({
                "verified": true,
                "leaf_hash": verdict.leaf_hash,
                "execution_hash": verdict.execution_hash,
                "measurement": verdict.statement.execution.measurement,
                "index": verdict.index,
                "size": verdict.checkpoint.size,
                "root": verdict.checkpoint.root.to_string(),
            }),
            Err(doubt) => json!({ "verified": false, "doubt": doubt.name() }),
        },
    })
}

fn receipts() -> Vec<Value> {
    let log = Log::new(&entries());
    let genuine = log.receipt(SETTLED);
    let trust = log.trusted();
    let expected = Measurement::of(scene::COMPONENT);
    let another = Measurement::of(b"another module");

    let alone = Log::new(&[LogEntry::Receipt(settled())]);
    let stranger = Log::owned_by(ORIGIN, key(2), &entries());
    let elsewhere = Log::owned_by("log.example.org/other", key(1), &entries());
    let mut contradiction = settled();
    contradiction.execution.ordinal = 9;
    let contradiction = Log::new(&[LogEntry::Receipt(contradiction)]);
    let mut other_key = settled();
    other_key.host.key = trusted(ORIGIN, &key(2)).identity();
    let other_key = Log::new(&[LogEntry::Receipt(other_key)]);
    let mut altered = genuine.to_bytes();
    let last = altered.len() - 10;
    altered[last] ^= 1;
    let mut newer = genuine.to_bytes();
    newer[7] = 2;
    let bytes = genuine.to_bytes();
    let longer = [&bytes[..], &[0]].concat();
    let mut foreign = [&bytes[..], &[5, 0]].concat();
    foreign[5] += 1;
    let with = |change: fn(&mut Receipt)| {
        let mut receipt = genuine.clone();
        change(&mut receipt);
        receipt.to_bytes()
    };

    vec![
        case("genuine", &bytes, &trust, None),
        case("genuine, module expected", &bytes, &trust, Some(&expected)),
        case("genuine, source", &log.receipt(4).to_bytes(), &trust, None),
        case(
            "genuine, stopped at a limit",
            &log.receipt(6).to_bytes(),
            &trust,
            None,
        ),
        case(
            "genuine, alone in its log",
            &alone.receipt(0).to_bytes(),
            &trust,
            None,
        ),
        case("another module expected", &bytes, &trust, Some(&another)),
        case(
            "unknown signer",
            &stranger.receipt(SETTLED).to_bytes(),
            &trust,
            None,
        ),
        case(
            "known key, another log",
            &elsewhere.receipt(SETTLED).to_bytes(),
            &trust,
            None,
        ),
        case("signature altered", &altered, &trust, None),
        case(
            "another index",
            &with(|receipt| receipt.index -= 1),
            &trust,
            None,
        ),
        case(
            "proof shortened",
            &with(|receipt| {
                receipt.proof.pop();
            }),
            &trust,
            None,
        ),
        case(
            "proof altered",
            &with(|receipt| receipt.proof[0][0] ^= 1),
            &trust,
            None,
        ),
        case(
            "size altered",
            &with(|receipt| receipt.checkpoint = receipt.checkpoint.replacen("\n7\n", "\n8\n", 1)),
            &trust,
            None,
        ),
        case(
            "signed for another log",
            &with(|receipt| {
                receipt.checkpoint = signed_for("log.example.org/other", &receipt.checkpoint)
            }),
            &trust,
            None,
        ),
        case(
            "not a note",
            &with(|receipt| receipt.checkpoint.clear()),
            &trust,
            None,
        ),
        case(
            "an extension line",
            &with(|receipt| {
                let (text, _) = receipt.checkpoint.split_once("\n\n").unwrap();
                receipt.checkpoint = signed_text(&format!("{text}\nan extension\n"));
            }),
            &trust,
            None,
        ),
        case(
            "contradiction",
            &contradiction.receipt(0).to_bytes(),
            &trust,
            None,
        ),
        case(
            "host names another key",
            &other_key.receipt(0).to_bytes(),
            &trust,
            None,
        ),
        case("not a run", &log.receipt(0).to_bytes(), &trust, None),
        case("cut off", &bytes[..bytes.len() - 1], &trust, None),
        case("more bytes after it", &longer, &trust, None),
        case("a field too many", &foreign, &trust, None),
        case(
            "more hashes than any proof has",
            &with(|receipt| receipt.proof = vec![[0; 32]; 65]),
            &trust,
            None,
        ),
        case("newer version", &newer, &trust, None),
    ]
}

#[test]
fn receipts_are_judged_as_committed() {
    let committed = committed("receipt.json", &json!(receipts()));
    let mut doubts = std::collections::BTreeSet::new();
    for case in list(&committed) {
        let trust: TrustedKey = case["trust"].as_str().unwrap().parse().unwrap();
        let expect: Option<Measurement> = serde_json::from_value(case["expect"].clone()).unwrap();
        let wanted = &case["verdict"];
        match verify(&bytes(&case["receipt"]), &[trust], expect.as_ref()) {
            Ok(verdict) => {
                assert_eq!(wanted["verified"], true, "{}", case["name"]);
                assert_eq!(*verdict.leaf_hash.as_bytes(), hash(&wanted["leaf_hash"]));
                assert_eq!(
                    *verdict.execution_hash.as_bytes(),
                    hash(&wanted["execution_hash"])
                );
                assert_eq!(verdict.checkpoint.root.0, hash(&wanted["root"]));
            }
            Err(doubt) => {
                assert_eq!(wanted["doubt"], doubt.name(), "{}", case["name"]);
                doubts.insert(doubt.name());
            }
        }
    }
    for doubt in [
        "unknown-signer",
        "malformed",
        "truncated",
        "oversized",
        "unknown-field",
        "unsupported-version",
        "malformed-checkpoint",
        "bad-signature",
        "other-origin",
        "not-in-log",
        "not-a-receipt",
        "other-measurement",
        "inconsistent",
    ] {
        assert!(doubts.contains(doubt), "no vector for {doubt}");
    }
}

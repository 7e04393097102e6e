//! The vectors of `docs/spec/log.md`, and the inputs that fuzzing of its readers begins with.

use crate::corpus;
use crate::scene::{self, Log, ORIGIN, SETTLED, entries, key, trusted};
use crate::vectors::{bytes, committed, hash, list, number};
use cryptlet_attest::LeafHash;
use cryptlet_attest::log::{
    self, AddCheckpoint, CheckpointKey as _, CoseProof, CoseReceipt, Hash, TlogProof, TrustedKey,
    WitnessKey, add_cosignatures, check_consistency_receipt, check_inclusion_receipt,
    consistency_receipt, cosign, cosigners, inclusion_receipt, sign_root,
};
use serde_json::{Value, json};

const WITNESS: &str = "witness.example/w1";

/// The log of all kinds of entries as COSE Receipts.
struct Cose {
    leaves: Vec<LeafHash>,
    hashes: log::MemoryHashes,
}

impl Cose {
    fn new() -> Self {
        let leaves: Vec<LeafHash> = entries().iter().map(|entry| entry.leaf_hash()).collect();
        let mut hashes = log::MemoryHashes::default();
        for leaf in &leaves {
            hashes.append(leaf).unwrap();
        }
        Self { leaves, hashes }
    }

    fn size(&self) -> u64 {
        self.hashes.size()
    }

    fn root(&self, size: u64) -> Hash {
        log::root(size, &self.hashes).unwrap()
    }

    fn inclusion(&self, index: u64, seed: u8) -> Vec<u8> {
        let signed = sign_root(ORIGIN, &self.root(self.size()), &key(seed)).unwrap();
        let path = log::prove(index, self.size(), &self.hashes).unwrap();
        inclusion_receipt(&signed, self.size(), index, &path).unwrap()
    }

    fn consistency(&self, old: u64) -> Vec<u8> {
        let signed = sign_root(ORIGIN, &self.root(self.size()), &key(1)).unwrap();
        let path = log::prove_consistency(old, self.size(), &self.hashes).unwrap();
        consistency_receipt(&signed, old, self.size(), &path).unwrap()
    }
}

fn cose_cases() -> Vec<Value> {
    let log = Cose::new();
    let trust = trusted(ORIGIN, &key(1));
    let settled = &log.leaves[usize::try_from(SETTLED).unwrap()];
    let genuine = log.inclusion(SETTLED, 1);
    let with = |change: fn(&mut CoseReceipt)| {
        let mut receipt = CoseReceipt::from_bytes(&genuine).unwrap();
        change(&mut receipt);
        receipt.to_bytes()
    };
    let inclusion = |name: &str, receipt: &[u8], leaf: &LeafHash| {
        let found = check_inclusion_receipt(receipt, leaf, std::slice::from_ref(&trust));
        json!({
            "name": name,
            "receipt": hex::encode(receipt),
            "leaf_hash": leaf,
            "trust": trust.to_string(),
            "verdict": match found {
                Ok(found) => json!({ "verified": true, "found": found }),
                Err(error) => json!({ "verified": false, "error": error.name() }),
            },
        })
    };
    let consistency = |name: &str, receipt: &[u8], old_root: &Hash| {
        let found = check_consistency_receipt(receipt, old_root, std::slice::from_ref(&trust));
        json!({
            "name": name,
            "receipt": hex::encode(receipt),
            "old_root": old_root.to_string(),
            "trust": trust.to_string(),
            "verdict": match found {
                Ok(found) => json!({ "verified": true, "found": found }),
                Err(error) => json!({ "verified": false, "error": error.name() }),
            },
        })
    };
    vec![
        inclusion("genuine", &genuine, settled),
        inclusion("genuine, first entry", &log.inclusion(0, 1), &log.leaves[0]),
        inclusion("another entry", &genuine, &log.leaves[0]),
        inclusion("unknown signer", &log.inclusion(SETTLED, 2), settled),
        inclusion(
            "known key, another log",
            &with(|receipt| receipt.origin = "log.example.org/other".to_owned()),
            settled,
        ),
        inclusion(
            "signature altered",
            &with(|receipt| receipt.signature[7] ^= 1),
            settled,
        ),
        inclusion(
            "proof shortened",
            &with(|receipt| {
                if let CoseProof::Inclusion { path, .. } = &mut receipt.proof {
                    path.pop();
                }
            }),
            settled,
        ),
        inclusion(
            "proof altered",
            &with(|receipt| {
                if let CoseProof::Inclusion { path, .. } = &mut receipt.proof {
                    path[0].0[0] ^= 1;
                }
            }),
            settled,
        ),
        inclusion(
            "signed root without proof",
            &with(|receipt| receipt.proof = CoseProof::None),
            settled,
        ),
        inclusion("cut off", &genuine[..genuine.len() - 1], settled),
        inclusion("without tag", &genuine[1..], settled),
        consistency("genuine growth", &log.consistency(4), &log.root(4)),
        consistency("growth by nothing", &log.consistency(7), &log.root(7)),
        consistency("growth of another log", &log.consistency(4), &log.root(5)),
    ]
}

#[test]
fn cose_receipts_are_judged_as_committed() {
    let cases = committed("cose.json", &json!(cose_cases()));
    let mut inputs = Vec::new();
    for case in list(&cases) {
        let receipt = bytes(&case["receipt"]);
        let trust: [TrustedKey; 1] = [case["trust"].as_str().unwrap().parse().unwrap()];
        let error = match case.get("leaf_hash") {
            Some(leaf) => {
                let leaf = LeafHash::from_bytes(hash(leaf));
                check_inclusion_receipt(&receipt, &leaf, &trust).err()
            }
            None => {
                let old_root = Hash(hash(&case["old_root"]));
                check_consistency_receipt(&receipt, &old_root, &trust).err()
            }
        };
        let wanted = &case["verdict"];
        assert_eq!(wanted["verified"], error.is_none(), "{}", case["name"]);
        if let Some(error) = error {
            assert_eq!(wanted["error"], error.name(), "{}", case["name"]);
        }
        inputs.push((file_name(case), receipt));
    }
    corpus::committed("cose", &inputs);
}

fn cosignature_cases() -> Vec<Value> {
    let log = Log::new(&entries());
    let note = log.receipt(0).checkpoint;
    let witness = WitnessKey::new(WITNESS, &key(4).public()).unwrap();
    let line = |seconds, seed| cosign(&note, WITNESS, seconds, &key(seed)).unwrap();
    let cosigned = add_cosignatures(&note, &line(1_679_315_147, 4));
    let twice = format!("{cosigned}{}", line(1_679_315_148, 4));
    let stranger = add_cosignatures(&note, &line(1_679_315_147, 5));
    let forged = cosigned.replacen("\n7\n", "\n8\n", 1);
    [
        ("nobody has cosigned", &note),
        ("cosigned", &cosigned),
        ("cosigned twice", &twice),
        ("cosigned by a stranger", &stranger),
        ("altered", &forged),
    ]
    .into_iter()
    .map(|(name, note)| {
        json!({
            "name": name,
            "note": note,
            "witnesses": [witness.to_string()],
            "verdict": match cosigners(note, std::slice::from_ref(&witness)) {
                Ok(cosigned) => json!({ "cosigned": cosigned }),
                Err(error) => json!({ "doubt": cryptlet_attest::Doubt::from(error).name() }),
            },
        })
    })
    .collect()
}

#[test]
fn cosignatures_are_judged_as_committed() {
    let cases = committed("cosignature.json", &json!(cosignature_cases()));
    let mut inputs = Vec::new();
    for case in list(&cases) {
        let witnesses: Vec<WitnessKey> = list(&case["witnesses"])
            .iter()
            .map(|key| key.as_str().unwrap().parse().unwrap())
            .collect();
        let note = case["note"].as_str().unwrap();
        let found = cosigners(note, &witnesses).ok();
        let found = serde_json::to_value(found).unwrap();
        assert_eq!(case["verdict"]["cosigned"], found, "{}", case["name"]);
        inputs.push((file_name(case), note.as_bytes().to_vec()));
    }
    corpus::committed("cosignature", &inputs);
}

fn tlog_proof_cases() -> Vec<Value> {
    let log = Log::new(&entries());
    let receipt = log.receipt(SETTLED);
    let genuine = TlogProof {
        index: receipt.index,
        proof: receipt.proof(),
        checkpoint: receipt.checkpoint.clone(),
    };
    let line = cosign(&receipt.checkpoint, WITNESS, 1_679_315_147, &key(4)).unwrap();
    let mut cosigned = genuine.clone();
    cosigned.checkpoint = add_cosignatures(&receipt.checkpoint, &line);
    let mut moved = genuine.clone();
    moved.index -= 1;
    let mut altered = genuine.clone();
    altered.checkpoint = altered.checkpoint.replacen("\n7\n", "\n8\n", 1);
    let text = genuine.to_text();
    [
        ("genuine", text.clone()),
        ("genuine, cosigned", cosigned.to_text()),
        ("another index", moved.to_text()),
        ("size altered", altered.to_text()),
        ("newer version", text.replacen("@v1", "@v2", 1)),
        (
            "with extra data",
            text.replacen("index", "extra AAAA\nindex", 1),
        ),
        ("cut off", text[..60].to_owned()),
        (
            "index with a zero in front",
            text.replacen("index 5", "index 05", 1),
        ),
    ]
    .into_iter()
    .map(|(name, text)| {
        let trust = log.trusted();
        json!({
            "name": name,
            "text": text,
            "leaf_hash": receipt.leaf_hash(),
            "trust": trust.to_string(),
            "verdict": match judged(&text, &receipt.leaf_hash(), &trust) {
                Ok(size) => json!({ "verified": true, "size": size }),
                Err(doubt) => json!({ "verified": false, "doubt": doubt }),
            },
        })
    })
    .collect()
}

/// The size of the log in which the proof shows the entry, or the name of the doubt.
fn judged(text: &str, leaf: &LeafHash, trust: &TrustedKey) -> Result<u64, &'static str> {
    let proof = TlogProof::from_text(text).map_err(|error| error.name())?;
    let checkpoint = proof.verify(leaf, std::slice::from_ref(trust));
    Ok(checkpoint.map_err(|doubt| doubt.name())?.size)
}

#[test]
fn proofs_in_files_are_judged_as_committed() {
    let cases = committed("tlog_proof.json", &json!(tlog_proof_cases()));
    let mut inputs = Vec::new();
    for case in list(&cases) {
        let text = case["text"].as_str().unwrap();
        let leaf = LeafHash::from_bytes(hash(&case["leaf_hash"]));
        let trust: TrustedKey = case["trust"].as_str().unwrap().parse().unwrap();
        let wanted = &case["verdict"];
        match judged(text, &leaf, &trust) {
            Ok(size) => assert_eq!(number(&wanted["size"]), size, "{}", case["name"]),
            Err(doubt) => assert_eq!(wanted["doubt"], doubt, "{}", case["name"]),
        }
        inputs.push((file_name(case), text.as_bytes().to_vec()));
    }
    corpus::committed("tlog_proof", &inputs);
}

#[test]
fn the_corpus_of_requests_to_a_witness_holds_good_and_bad_ones() {
    let note = |size: u64| {
        let log = Log::new(&entries()[..usize::try_from(size).unwrap()]);
        log.receipt(0).checkpoint
    };
    let log = Cose::new();
    let growth = AddCheckpoint {
        old: 4,
        proof: log::prove_consistency(4, 7, &log.hashes).unwrap(),
        checkpoint: note(7),
    };
    let first = AddCheckpoint {
        old: 0,
        proof: Vec::new(),
        checkpoint: note(4),
    };
    let mut altered = first.clone();
    altered.checkpoint = altered.checkpoint.replacen("\n4\n", "\n5\n", 1);
    let mut beyond = growth.clone();
    beyond.old = scene::entries().len() as u64 + 1;
    let text = growth.to_text();
    corpus::committed(
        "add_checkpoint",
        &[
            ("first", first.to_text().into_bytes()),
            ("altered", altered.to_text().into_bytes()),
            ("old-beyond-size", beyond.to_text().into_bytes()),
            ("cut-off", text.as_bytes()[..40].to_vec()),
            ("growth", text.into_bytes()),
        ],
    );
}

/// `genuine, cosigned` is in the file `genuine-cosigned`.
fn file_name(case: &Value) -> String {
    let name = case["name"].as_str().unwrap();
    name.replace(',', "").replace(' ', "-")
}

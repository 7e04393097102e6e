//! What the fuzz targets do, over the inputs that are committed for them.

use crate::bundle::scene::auditor;
use cryptlet_attest::bundle::{Bundle, verify_bundle};
use cryptlet_attest::log::{
    AddCheckpoint, CheckpointKey as _, CoseReceipt, Hash, TilePath, TlogProof, Witness, WitnessKey,
    add_cosignatures, check_consistency_receipt, check_inclusion_receipt, cosigners, entry_bundle,
    open_checkpoint, read_entry_bundle,
};
use cryptlet_attest::trail::{Question, follow};
use cryptlet_attest::{BindingId, LeafHash, LogEntry, LogExport, Receipt, TrustedKey, verify};
use std::cell::Cell;
use std::path::PathBuf;

/// The key whose seed is 32 bytes of 1: the committed inputs were signed with it.
fn trust() -> Vec<TrustedKey> {
    vec![crate::scene::trusted(
        crate::scene::ORIGIN,
        &crate::scene::key(1),
    )]
}

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target)
}

/// The committed inputs of a target must be these among others; written when
/// `CRYPTLET_WRITE_VECTORS` is set.
pub fn committed(target: &str, inputs: &[(impl AsRef<str>, Vec<u8>)]) {
    let folder = folder(target);
    for (name, input) in inputs {
        let file = folder.join(name.as_ref());
        if std::env::var_os("CRYPTLET_WRITE_VECTORS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, input).unwrap();
        }
        let found = std::fs::read(&file).unwrap();
        assert!(found == *input, "{} is out of date", file.display());
    }
}

fn replay(target: &str, run: impl Fn(&[u8])) {
    let folder = folder(target);
    let mut inputs = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        run(&std::fs::read(file.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "{} is empty", folder.display());
}

#[test]
fn receipts_of_the_corpus_are_read_one_way_or_refused() {
    let trust = trust();
    replay("receipt", |bytes| {
        if let Ok(receipt) = Receipt::from_bytes(bytes) {
            assert_eq!(receipt.to_bytes(), bytes);
            let _ = receipt.view();
        }
        if let Ok(verdict) = verify(bytes, &trust, None) {
            assert_eq!(verdict.statement.leaf_hash(), verdict.leaf_hash);
        }
    });
}

#[test]
fn entries_of_the_corpus_are_read_one_way_or_refused() {
    replay("log_entry", |bytes| {
        if let Ok(entry) = LogEntry::from_bytes(bytes) {
            assert_eq!(entry.to_bytes(), bytes);
        }
    });
}

#[test]
fn checkpoints_of_the_corpus_are_read_or_refused() {
    let trust = trust();
    replay("checkpoint", |bytes| {
        if let Ok(note) = std::str::from_utf8(bytes)
            && let Ok(checkpoint) = open_checkpoint(note, &trust)
        {
            assert!(note.starts_with(&checkpoint.origin));
        }
    });
}

#[test]
fn log_exports_of_the_corpus_are_read_one_way_or_refused() {
    let trust = trust();
    replay("log_export", |bytes| {
        let Ok(export) = LogExport::from_bytes(bytes) else {
            return;
        };
        let mut again = LogExport::header();
        for leaf in &export.leaves {
            again.extend(LogExport::leaf(leaf));
        }
        again.extend(LogExport::end(export.checkpoint));
        assert_eq!(again, bytes);
        let question = Question {
            binding: BindingId::from_bytes([0xb1; 32]),
            terms: Vec::new(),
            since: None,
        };
        let _ = follow(&export.leaves, export.checkpoint, &trust, &question);
    });
}

#[test]
fn cose_receipts_of_the_corpus_are_read_one_way_or_refused() {
    let trust = trust();
    replay("cose", |bytes| {
        if let Ok(receipt) = CoseReceipt::from_bytes(bytes) {
            assert_eq!(receipt.to_bytes(), bytes);
        }
        let leaf = LeafHash::of(b"entry");
        let _ = check_inclusion_receipt(bytes, &leaf, &trust);
        let root = Hash(*leaf.as_bytes());
        let _ = check_consistency_receipt(bytes, &root, &trust);
    });
}

#[test]
fn cosigned_checkpoints_of_the_corpus_are_read_or_refused() {
    let witness = WitnessKey::new("witness.example/w1", &crate::scene::key(4).public()).unwrap();
    replay("cosignature", |bytes| {
        let Ok(note) = std::str::from_utf8(bytes) else {
            return;
        };
        let (_, lines) = note.rsplit_once("\n\n").unwrap_or_default();
        let again = add_cosignatures(note, lines);
        if let Ok(found) = cosigners(note, std::slice::from_ref(&witness)) {
            assert_eq!(cosigners(&again, std::slice::from_ref(&witness)), Ok(found));
        }
    });
}

#[test]
fn proofs_of_the_corpus_are_read_one_way_or_refused() {
    let trust = trust();
    replay("tlog_proof", |bytes| {
        if let Ok(text) = std::str::from_utf8(bytes)
            && let Ok(proof) = TlogProof::from_text(text)
        {
            assert_eq!(proof.to_text(), text);
            let _ = proof.verify(&LeafHash::of(b"entry"), &trust);
        }
    });
}

#[test]
fn requests_to_a_witness_of_the_corpus_are_read_one_way_or_refused() {
    let trust = trust();
    replay("add_checkpoint", |bytes| {
        if let Ok(text) = std::str::from_utf8(bytes)
            && let Ok(mut request) = AddCheckpoint::from_text(text)
        {
            assert_eq!(request.to_text(), text);
            let mut witness = Witness::default();
            if let Ok(leave) = witness.consider(&request, &trust) {
                witness.remember(leave.clone());
                request.old = leave.witnessed.size;
                assert_eq!(witness.consider(&request, &trust), Ok(leave));
            }
        }
    });
}

#[test]
fn paths_and_bundles_of_the_corpus_are_read_one_way_or_refused() {
    replay("tile", |bytes| {
        if let Ok(text) = std::str::from_utf8(bytes)
            && let Ok(path) = text.parse::<TilePath>()
        {
            assert_eq!(path.to_string(), text);
        }
        if let Ok(entries) = read_entry_bundle(bytes) {
            assert_eq!(entry_bundle(&entries).unwrap(), bytes);
        }
    });
}

#[test]
fn bundles_of_the_corpus_are_read_one_way_or_refused() {
    let auditor = auditor();
    let verified = Cell::new(0);
    replay("bundle", |bytes| {
        if let Ok(bundle) = Bundle::from_bytes(bytes) {
            assert_eq!(bundle.to_bytes(), bytes);
        }
        if let Ok(verdict) = verify_bundle(bytes, &auditor) {
            assert_eq!(verdict.bundle.to_bytes(), bytes);
            assert_eq!(verdict.claims.len(), 10);
            verified.set(verified.get() + 1);
        }
    });
    assert!(verified.get() > 0, "the corpus has bundles that are good");
}

//! What the fuzz targets do, over the inputs that are committed for them.

use cryptlet_attest::log::open_checkpoint;
use cryptlet_attest::trail::{Question, follow};
use cryptlet_attest::{BindingId, LogEntry, LogExport, Receipt, TrustedKey, verify};
use std::path::PathBuf;

/// The key whose seed is 32 bytes of 1: the committed inputs were signed with it.
fn trust() -> Vec<TrustedKey> {
    vec![crate::scene::trusted(
        crate::scene::ORIGIN,
        &crate::scene::key(1),
    )]
}

fn replay(target: &str, run: impl Fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
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
            terms: None,
            since: None,
        };
        let _ = follow(&export.leaves, export.checkpoint, &trust, &question);
    });
}

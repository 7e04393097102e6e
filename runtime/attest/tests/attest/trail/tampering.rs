//! Logs that were altered after they were signed, or signed otherwise than before.

use super::{BINDING, FIRST, audit, bytes, signed, story};
use crate::scene::{ORIGIN, key, trusted};
use crate::{corpus, strategies};
use cryptlet_attest::log::{self, MemoryHashes};
use cryptlet_attest::trail::{Contradiction, Finding, Question, Trail, follow, unaltered};
use cryptlet_attest::{BindingId, LeafHash, LogEntry, LogExport, sign_checkpoint};
use proptest::prelude::*;

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

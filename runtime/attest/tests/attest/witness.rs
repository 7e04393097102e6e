//! What a witness signs, and what it refuses.

use crate::scene::{ORIGIN, key, trusted};
use cryptlet_attest::LeafHash;
use cryptlet_attest::log::{
    self, AddCheckpoint, Hash, Leave, MemoryHashes, TrustedKey, Witness, WitnessRefusal, Witnessed,
    sign_checkpoint,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A log that can tell two stories, which part after a few entries.
struct TwoFaced {
    stories: [MemoryHashes; 2],
}

const PART: u64 = 5;
const LENGTH: u64 = 20;

impl TwoFaced {
    fn new() -> Self {
        let stories = [0u64, 1].map(|story| {
            let mut hashes = MemoryHashes::default();
            for index in 0..LENGTH {
                let told = if index < PART { 0 } else { story };
                let entry = [told.to_be_bytes(), index.to_be_bytes()].concat();
                hashes.append(&LeafHash::of(&entry)).unwrap();
            }
            hashes
        });
        Self { stories }
    }

    fn root(&self, story: usize, size: u64) -> Hash {
        log::root(size, &self.stories[story]).unwrap()
    }

    fn checkpoint(&self, story: usize, size: u64) -> String {
        sign_checkpoint(ORIGIN, size, &self.root(story, size), &key(1)).unwrap()
    }

    /// A request as an honest log makes it.
    fn request(&self, story: usize, old: u64, size: u64) -> AddCheckpoint {
        let proof = if (1..=size).contains(&old) {
            log::prove_consistency(old, size, &self.stories[story]).unwrap()
        } else {
            Vec::new()
        };
        AddCheckpoint {
            old,
            proof,
            checkpoint: self.checkpoint(story, size),
        }
    }
}

fn logs() -> [TrustedKey; 1] {
    [trusted(ORIGIN, &key(1))]
}

/// A witness that has signed the log at `size`.
fn witness(log: &TwoFaced, size: u64) -> Witness {
    let mut witness = Witness::default();
    let leave = witness.consider(&log.request(0, 0, size), &logs()).unwrap();
    witness.remember(leave);
    witness
}

fn refusal(witness: &Witness, request: &AddCheckpoint) -> WitnessRefusal {
    witness.consider(request, &logs()).unwrap_err()
}

#[test]
fn a_log_that_grows_is_signed_step_by_step_and_again_at_the_same_size() {
    let log = TwoFaced::new();
    let mut witness = Witness::default();
    let mut old = 0;
    for size in [0, 0, 1, 2, 7, 7, 16, 20] {
        let leave = witness
            .consider(&log.request(0, old, size), &logs())
            .unwrap();
        let root = log.root(0, size);
        assert_eq!(leave.witnessed, Witnessed { size, root });
        witness.remember(leave);
        old = size;
    }
    let latest: Vec<_> = witness.latest().collect();
    assert_eq!(latest.len(), 1);
    assert_eq!((latest[0].0, latest[0].1.size), (ORIGIN, 20));
}

#[test]
fn a_request_that_starts_elsewhere_is_told_where_the_witness_stands() {
    let log = TwoFaced::new();
    let witness = witness(&log, 7);
    for old in [0, 3, 8] {
        let refusal = refusal(&witness, &log.request(0, old, 12));
        assert_eq!(refusal, WitnessRefusal::OtherSize { old, latest: 7 });
        assert_eq!((refusal.status(), refusal.latest()), (409, Some(7)));
    }
}

#[test]
fn a_log_does_not_get_back_before_what_was_signed() {
    let log = TwoFaced::new();
    let witness = witness(&log, 7);
    let back = refusal(&witness, &log.request(0, 7, 6));
    assert_eq!(back, WitnessRefusal::OldBeyondSize { old: 7, size: 6 });
    assert_eq!(back.status(), 400);
    assert_eq!(refusal(&witness, &log.request(0, 6, 6)).status(), 409);
}

#[test]
fn another_story_is_refused_at_the_same_size_and_at_a_larger_one() {
    let log = TwoFaced::new();
    let witness = witness(&log, 7);
    let same = refusal(&witness, &log.request(1, 7, 7));
    assert_eq!(same, WitnessRefusal::OtherRoot { size: 7 });
    assert_eq!((same.status(), same.latest()), (409, Some(7)));
    let larger = refusal(&witness, &log.request(1, 7, 12));
    assert_eq!(larger, WitnessRefusal::InvalidProof { old: 7, size: 12 });
    assert_eq!(larger.status(), 422);
}

#[test]
fn a_proof_with_too_much_or_too_little_in_it_is_refused() {
    let log = TwoFaced::new();
    let first = Witness::default();
    let later = witness(&log, 7);
    for (witness, old, size) in [(&first, 0, 7), (&later, 7, 7), (&later, 7, 12)] {
        let mut request = log.request(0, old, size);
        witness.consider(&request, &logs()).unwrap();
        request.proof.push(Hash([0; 32]));
        assert_eq!(refusal(witness, &request).status(), 422, "{old} to {size}");
    }
    let mut request = log.request(0, 7, 12);
    request.proof.clear();
    assert_eq!(refusal(&later, &request).status(), 422);
}

#[test]
fn there_is_one_empty_log() {
    let request = AddCheckpoint {
        old: 0,
        proof: Vec::new(),
        checkpoint: sign_checkpoint(ORIGIN, 0, &Hash([1; 32]), &key(1)).unwrap(),
    };
    let found = refusal(&Witness::default(), &request);
    assert_eq!(found, WitnessRefusal::InvalidProof { old: 0, size: 0 });
}

#[test]
fn unknown_logs_and_unsigned_checkpoints_are_told_apart() {
    let log = TwoFaced::new();
    let witness = Witness::default();
    let request = log.request(0, 0, 7);
    let elsewhere = [trusted("log.example.org/other", &key(1))];
    let unknown = witness.consider(&request, &elsewhere).unwrap_err();
    assert_eq!((unknown.status(), unknown.name()), (404, "unknown-log"));
    let other_key = [trusted(ORIGIN, &key(2))];
    let not_signed = witness.consider(&request, &other_key).unwrap_err();
    assert_eq!(
        (not_signed.status(), not_signed.name()),
        (403, "not-signed")
    );
    let mut altered = request.clone();
    altered.checkpoint = altered.checkpoint.replacen("\n7\n", "\n8\n", 1);
    assert_eq!(refusal(&witness, &altered).status(), 403);
    let mut malformed = request;
    malformed.checkpoint.push('\n');
    let malformed = refusal(&witness, &malformed);
    assert_eq!(
        (malformed.status(), malformed.name()),
        (400, "malformed-checkpoint")
    );
}

#[test]
fn what_was_on_disk_counts_as_signed() {
    let log = TwoFaced::new();
    let mut restored = Witness::default();
    for (origin, latest) in witness(&log, 7).latest() {
        restored.remember(Leave {
            origin: origin.to_owned(),
            witnessed: *latest,
        });
    }
    assert_eq!(restored, witness(&log, 7));
    assert_eq!(refusal(&restored, &log.request(1, 7, 7)).status(), 409);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a log with two stories asks, in whatever order, with whatever proofs.
    #[test]
    fn a_witness_signs_one_story_and_never_goes_back(
        requests in vec((0..2usize, 0..=LENGTH, 0..=LENGTH, 0..4usize, any::<bool>()), 1..60),
    ) {
        let log = TwoFaced::new();
        let mut witness = Witness::default();
        let mut signed: BTreeMap<u64, Hash> = BTreeMap::new();
        for (story, old, size, foreign, follow) in requests {
            // Without following, hardly any request would start where the witness stands.
            let old = match (follow, witness.latest().next()) {
                (true, Some((_, latest))) => latest.size,
                _ => old,
            };
            let mut request = log.request(story, old, size);
            if foreign == 0 {
                request.proof = log.request(1 - story, old, size).proof;
            }
            let before = witness.latest().next().map_or(0, |(_, latest)| latest.size);
            let Ok(leave) = witness.consider(&request, &logs()) else {
                continue;
            };
            let Witnessed { size, root } = leave.witnessed;
            prop_assert!(size >= before);
            prop_assert_eq!(*signed.entry(size).or_insert(root), root);
            witness.remember(leave);
        }
        let is_told = |story| signed.iter().all(|(size, root)| log.root(story, *size) == *root);
        prop_assert!(is_told(0) || is_told(1));
    }
}

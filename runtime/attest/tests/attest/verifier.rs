//! Many receipts under one checkpoint: believed and refused as one by one.

use crate::scene::{self, Log, ORIGIN, SETTLED, entries, key, settled, trusted};
use cryptlet_attest::log::{self, Hash, MemoryHashes};
use cryptlet_attest::{Doubt, LeafHash, LogEntry, Measurement, Receipt, Verifier, verify};
use proptest::collection::vec;
use proptest::prelude::*;

fn leaf(index: u64) -> LeafHash {
    LeafHash::of(&index.to_be_bytes())
}

/// What is done to a proof before it is shown.
#[derive(Clone, Debug)]
enum Alteration {
    None,
    Index(u64),
    Leaf(u64),
    Hash { at: usize, bit: u8 },
    Shorter,
    Longer,
    Repeated,
}

fn alteration() -> impl Strategy<Value = Alteration> {
    prop_oneof![
        4 => Just(Alteration::None),
        1 => (0..70u64).prop_map(Alteration::Index),
        1 => (0..70u64).prop_map(Alteration::Leaf),
        2 => (0..8usize, any::<u8>()).prop_map(|(at, bit)| Alteration::Hash { at, bit }),
        1 => Just(Alteration::Shorter),
        1 => Just(Alteration::Longer),
        1 => Just(Alteration::Repeated),
    ]
}

/// Index, leaf and proof, as altered.
fn altered(
    index: u64,
    proof: Vec<Hash>,
    alteration: &Alteration,
) -> (u64, LeafHash, Vec<[u8; 32]>) {
    let mut proof: Vec<[u8; 32]> = proof.iter().map(|hash| hash.0).collect();
    match alteration {
        Alteration::None => {}
        Alteration::Index(other) => return (*other, leaf(index), proof),
        Alteration::Leaf(other) => return (index, leaf(*other), proof),
        Alteration::Hash { at, bit } => {
            if let Some(hash) = proof.get_mut(*at) {
                hash[usize::from(bit / 8)] ^= 1 << (bit % 8);
            }
        }
        Alteration::Shorter => drop(proof.pop()),
        Alteration::Longer => proof.push([0; 32]),
        Alteration::Repeated => proof.extend(proof.clone()),
    }
    (index, leaf(index), proof)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn proofs_hold_exactly_where_they_hold_alone_in_any_order(
        size in 1..70u64,
        shown in vec((any::<prop::sample::Index>(), alteration()), 1..120),
    ) {
        let mut hashes = MemoryHashes::default();
        for index in 0..size {
            hashes.append(&leaf(index)).unwrap();
        }
        let root = log::root(size, &hashes).unwrap();
        let note = log::sign_checkpoint(ORIGIN, size, &root, &key(1)).unwrap();
        let mut verifier = Verifier::new(&note, &[trusted(ORIGIN, &key(1))]).unwrap();
        for (index, alteration) in shown {
            let index = index.index(size as usize) as u64;
            let proof = log::prove(index, size, &hashes).unwrap();
            let (index, leaf, proof) = altered(index, proof, &alteration);
            let alone: Vec<Hash> = proof.iter().copied().map(Hash).collect();
            let alone = log::check_inclusion(&alone, index, &leaf, size, &root);
            prop_assert_eq!(verifier.include(index, &leaf, &proof).is_ok(), alone.is_ok());
        }
    }

    #[test]
    fn receipts_are_judged_as_one_by_one_in_any_order(
        shown in vec((0..7u64, any::<bool>(), any::<prop::sample::Index>(), 0..3u8), 1..40),
    ) {
        let log = Log::new(&entries());
        let trust = [log.trusted()];
        let expect = Measurement::of(b"another module");
        let mut verifier = Verifier::new(&log.receipt(0).checkpoint, &trust).unwrap();
        for (index, is_altered, at, bit) in shown {
            let mut bytes = log.receipt(index).to_bytes();
            if is_altered {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            let expect = (bit == 2).then_some(&expect);
            let alone = verify(&bytes, &trust, expect);
            let among = Receipt::from_bytes(&bytes)
                .map_err(Doubt::from)
                .and_then(|receipt| verifier.verify(&receipt, expect));
            match (alone, among) {
                (Ok(alone), Ok(among)) => {
                    prop_assert_eq!(alone.statement, among.statement);
                    prop_assert_eq!(alone.leaf_hash, among.leaf_hash);
                    prop_assert_eq!(alone.index, among.index);
                }
                (alone, among) => prop_assert_eq!(alone.err(), among.err()),
            }
        }
    }
}

#[test]
fn a_log_of_any_size_is_believed_entry_by_entry_forwards_and_backwards() {
    for size in 1..40 {
        let mut hashes = MemoryHashes::default();
        for index in 0..size {
            hashes.append(&leaf(index)).unwrap();
        }
        let root = log::root(size, &hashes).unwrap();
        let note = log::sign_checkpoint(ORIGIN, size, &root, &key(1)).unwrap();
        let mut verifier = Verifier::new(&note, &[trusted(ORIGIN, &key(1))]).unwrap();
        for index in (0..size).rev().chain(0..size) {
            let proof = log::prove(index, size, &hashes).unwrap();
            let proof: Vec<[u8; 32]> = proof.iter().map(|hash| hash.0).collect();
            verifier.include(index, &leaf(index), &proof).unwrap();
            verifier
                .include(index, &leaf(index + 1), &proof)
                .unwrap_err();
        }
    }
}

#[test]
fn a_checkpoint_that_is_not_believed_makes_no_verifier() {
    let log = Log::new(&entries());
    let note = log.receipt(0).checkpoint;
    let doubt = |note: &str, key| Verifier::new(note, &[trusted(ORIGIN, &key)]).err().unwrap();
    assert_eq!(doubt(&note, key(2)).name(), "unknown-signer");
    assert_eq!(doubt("", key(1)).name(), "malformed-checkpoint");
    let altered = note.replacen("\n7\n", "\n8\n", 1);
    assert_eq!(doubt(&altered, key(1)).name(), "bad-signature");
}

#[test]
fn an_empty_log_has_no_entries() {
    let root = log::root(0, &MemoryHashes::default()).unwrap();
    let note = log::sign_checkpoint(ORIGIN, 0, &root, &key(1)).unwrap();
    let mut verifier = Verifier::new(&note, &[trusted(ORIGIN, &key(1))]).unwrap();
    let doubt = verifier.include(0, &leaf(0), &[]).unwrap_err();
    assert_eq!(doubt, Doubt::NotInLog { index: 0, size: 0 });
}

#[test]
fn entries_of_every_kind_are_read_and_receipts_under_another_checkpoint_stand_alone() {
    let log = Log::new(&entries());
    let mut verifier = Verifier::new(&log.receipt(0).checkpoint, &[log.trusted()]).unwrap();
    for (index, entry) in entries().iter().enumerate() {
        let receipt = log.receipt(index as u64);
        let read = verifier.verify_entry(receipt.index, &receipt.statement, &receipt.proof);
        assert_eq!(read.as_ref(), Ok(entry));
    }
    let alone = Log::new(&[LogEntry::Receipt(settled())]).receipt(0);
    let verified = verifier.verify(&alone, None).unwrap();
    assert_eq!((verified.index, verified.statement), (0, settled()));
    let stranger = Log::owned_by(ORIGIN, key(2), &entries()).receipt(SETTLED);
    let doubt = verifier.verify(&stranger, None).unwrap_err();
    assert_eq!(doubt.name(), "unknown-signer");
    let other = Measurement::of(b"another module");
    let doubt = verifier
        .verify(&log.receipt(SETTLED), Some(&other))
        .unwrap_err();
    assert_eq!(doubt.name(), "other-measurement");
    assert_eq!(verifier.checkpoint().size, scene::entries().len() as u64);
}

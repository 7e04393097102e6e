//! The Merkle tree against RFC 6962, its known vectors and its definition.

use cryptlet_attest::LeafHash;
use cryptlet_attest::log::{self, Hash, HashReader, HashReaderError, LogError, MemoryHashes};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

/// RFC 6962 section 2.1, word by word, over leaf hashes.
fn defined_root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(split);
            Sha256::new()
                .chain_update([1])
                .chain_update(defined_root(left))
                .chain_update(defined_root(right))
                .finalize()
                .into()
        }
    }
}

fn leaves(count: usize) -> Vec<LeafHash> {
    (0..count)
        .map(|index| LeafHash::of(&index.to_be_bytes()))
        .collect()
}

fn stored(leaves: &[LeafHash]) -> MemoryHashes {
    let mut hashes = MemoryHashes::default();
    for leaf in leaves {
        hashes.append(leaf).unwrap();
    }
    hashes
}

#[test]
fn roots_are_those_of_the_definition_at_every_size() {
    let leaves = leaves(130);
    let raw: Vec<[u8; 32]> = leaves.iter().map(|leaf| *leaf.as_bytes()).collect();
    let hashes = stored(&leaves);
    for size in 0..=leaves.len() {
        let root = log::root(size as u64, &hashes).unwrap();
        assert_eq!(root.0, defined_root(&raw[..size]), "{size} entries");
    }
}

#[test]
fn every_entry_of_every_size_is_proven_and_no_other_index_is() {
    let leaves = leaves(40);
    let hashes = stored(&leaves);
    for size in 1..=leaves.len() as u64 {
        let root = log::root(size, &hashes).unwrap();
        for index in 0..size {
            let leaf = &leaves[usize::try_from(index).unwrap()];
            let proof = log::prove(index, size, &hashes).unwrap();
            log::check_inclusion(&proof, index, leaf, size, &root).unwrap();
            for other in (0..size).filter(|other| *other != index) {
                let refused = log::check_inclusion(&proof, other, leaf, size, &root);
                assert!(refused.is_err(), "{index} of {size} passed as {other}");
            }
        }
    }
}

#[test]
fn an_altered_shortened_or_lengthened_proof_is_refused() {
    let leaves = leaves(23);
    let hashes = stored(&leaves);
    let root = log::root(23, &hashes).unwrap();
    let proof = log::prove(11, 23, &hashes).unwrap();
    let check = |proof: &[Hash]| log::check_inclusion(proof, 11, &leaves[11], 23, &root);
    for at in 0..proof.len() {
        let mut altered = proof.clone();
        altered[at].0[7] ^= 0x10;
        assert!(check(&altered).is_err());
        let mut shorter = proof.clone();
        shorter.remove(at);
        assert!(check(&shorter).is_err());
        let mut longer = proof.clone();
        longer.insert(at, Hash([0; 32]));
        assert!(check(&longer).is_err());
    }
    assert!(check(&vec![Hash([0; 32]); 100_000]).is_err());
    check(&proof).unwrap();
}

#[test]
fn growth_is_proven_between_every_two_sizes_and_rewriting_is_not() {
    let leaves = leaves(33);
    let hashes = stored(&leaves);
    let mut rewritten = leaves.clone();
    rewritten[3] = LeafHash::of(b"another history");
    let rewritten = stored(&rewritten);
    for size in 1..=33 {
        let root = log::root(size, &hashes).unwrap();
        for old in 1..=size {
            let old_root = log::root(old, &hashes).unwrap();
            let proof = log::prove_consistency(old, size, &hashes).unwrap();
            log::check_consistency(&proof, old, &old_root, size, &root).unwrap();
            if old > 3 {
                let other_root = log::root(size, &rewritten).unwrap();
                let other_proof = log::prove_consistency(old, size, &rewritten).unwrap();
                log::check_consistency(&other_proof, old, &old_root, size, &other_root)
                    .unwrap_err();
            }
        }
    }
}

#[test]
fn sizes_and_indexes_out_of_range_are_errors() {
    let hashes = stored(&leaves(3));
    let any = LeafHash::from_bytes([0; 32]);
    assert!(matches!(
        log::prove(3, 3, &hashes),
        Err(LogError::Outside { .. })
    ));
    assert!(matches!(
        log::prove_consistency(0, 3, &hashes),
        Err(LogError::Outside { .. })
    ));
    assert!(matches!(
        log::prove_consistency(4, 3, &hashes),
        Err(LogError::Outside { .. })
    ));
    assert!(matches!(log::root(4, &hashes), Err(LogError::Storage(_))));
    for size in [log::MAXIMUM_SIZE + 1, u64::MAX - 1, u64::MAX] {
        assert!(matches!(
            log::root(size, &hashes),
            Err(LogError::TooLarge { .. })
        ));
        assert!(matches!(
            log::prove(0, size, &hashes),
            Err(LogError::TooLarge { .. })
        ));
        assert!(matches!(
            log::append(size, &any, &hashes),
            Err(LogError::TooLarge { .. })
        ));
        assert!(log::check_inclusion(&[], size - 1, &any, size, &Hash([0; 32])).is_err());
        assert!(log::stored_hash_count(size) > log::MAXIMUM_SIZE);
    }
    let largest = log::MAXIMUM_SIZE;
    assert!(log::check_inclusion(&[], largest - 1, &any, largest, &Hash([0; 32])).is_err());
    assert!(log::root(largest, &hashes).is_err());
    assert!(log::append(largest - 1, &any, &hashes).is_err());
}

#[test]
fn what_storage_says_reaches_the_caller() {
    struct Broken;
    impl HashReader for Broken {
        fn read_hashes(&self, _: &[u64]) -> Result<Vec<Hash>, HashReaderError> {
            Err(HashReaderError::Storage("the disk is gone".into()))
        }
    }
    let error = log::root(3, &Broken).unwrap_err();
    assert!(error.to_string().contains("the disk is gone"), "{error}");
}

#[test]
fn storage_that_answers_with_too_few_hashes_does_not_panic() {
    struct Forgetful;
    impl HashReader for Forgetful {
        fn read_hashes(&self, _: &[u64]) -> Result<Vec<Hash>, HashReaderError> {
            Ok(Vec::new())
        }
    }
    assert!(matches!(
        log::root(3, &Forgetful),
        Err(LogError::Storage(_))
    ));
    assert!(matches!(
        log::prove(1, 3, &Forgetful),
        Err(LogError::Storage(_))
    ));
    let leaf = LeafHash::from_bytes([0; 32]);
    assert!(matches!(
        log::append(3, &leaf, &Forgetful),
        Err(LogError::Storage(_))
    ));
}

proptest! {
    #[test]
    fn stored_hashes_are_appended_exactly_at_the_end(sizes in proptest::collection::vec(any::<[u8; 8]>(), 1..200)) {
        let mut hashes = MemoryHashes::default();
        let mut count = 0;
        for (size, entry) in sizes.iter().enumerate() {
            let added = log::append(size as u64, &LeafHash::of(entry), &hashes).unwrap();
            prop_assert_eq!(log::stored_hash_count(size as u64), count);
            count += added.len() as u64;
            hashes.append(&LeafHash::of(entry)).unwrap();
        }
        prop_assert_eq!(log::stored_hash_count(sizes.len() as u64), count);
    }

    /// `tlog_tiles` is Go's checksum database in Rust: whatever is altered, it must judge alike.
    #[test]
    fn proofs_are_judged_as_by_another_implementation(
        size in 1..70u64,
        claimed in 1..70u64,
        index in 0..70u64,
        claimed_index in 0..70u64,
        is_claimed in any::<bool>(),
        length in proptest::option::of(0..9usize),
    ) {
        let leaves = leaves(70);
        let hashes = stored(&leaves);
        let index = index % size;
        let leaf = &leaves[usize::try_from(index).unwrap()];
        let (claimed, claimed_index) = if is_claimed { (claimed, claimed_index) } else { (size, index) };
        let root = log::root(size, &hashes).unwrap();
        let old_root = log::root(index + 1, &hashes).unwrap();
        let theirs = |hash: &Hash| tlog_tiles::Hash(hash.0);

        let mut proof = log::prove(index, size, &hashes).unwrap();
        if let (true, Some(length)) = (is_claimed, length) {
            proof.resize(length, Hash([1; 32]));
        }
        let other = tlog_tiles::check_record(
            &proof.iter().map(theirs).collect(),
            claimed,
            theirs(&root),
            claimed_index,
            tlog_tiles::Hash(*leaf.as_bytes()),
        );
        let ours = log::check_inclusion(&proof, claimed_index, leaf, claimed, &root);
        prop_assert_eq!(ours.is_ok(), other.is_ok());

        let mut proof = log::prove_consistency(index + 1, size, &hashes).unwrap();
        if let (true, Some(length)) = (is_claimed, length) {
            proof.resize(length, Hash([1; 32]));
        }
        let other = tlog_tiles::check_tree(
            &proof.iter().map(theirs).collect(),
            claimed,
            theirs(&root),
            claimed_index + 1,
            theirs(&old_root),
        );
        let ours = log::check_consistency(&proof, claimed_index + 1, &old_root, claimed, &root);
        prop_assert_eq!(ours.is_ok(), other.is_ok());
    }
}

//! COSE Receipts against RFC 9942's shape and RFC 9052's signature, and against those who
//! alter them.

use crate::scene::{ORIGIN, key, trusted};
use coset::cbor::value::Value;
use coset::{CborSerializable as _, CoseSign1, Label, TaggedCborSerializable as _, iana};
use cryptlet_attest::LeafHash;
use cryptlet_attest::log::{
    self, CoseError, CoseInclusion, CoseProof, CoseReceipt, Hash, MemoryHashes,
    check_consistency_receipt, check_inclusion_receipt, consistency_receipt, inclusion_receipt,
    sign_root,
};
use proptest::prelude::*;

fn leaf(index: u64) -> LeafHash {
    LeafHash::of(&index.to_be_bytes())
}

fn log_of(size: u64) -> MemoryHashes {
    let mut hashes = MemoryHashes::default();
    for index in 0..size {
        hashes.append(&leaf(index)).unwrap();
    }
    hashes
}

fn signed(size: u64, hashes: &MemoryHashes) -> Vec<u8> {
    sign_root(ORIGIN, &log::root(size, hashes).unwrap(), &key(1)).unwrap()
}

/// The receipt of entry 2 of 7.
fn receipt() -> Vec<u8> {
    let hashes = log_of(7);
    let path = log::prove(2, 7, &hashes).unwrap();
    inclusion_receipt(&signed(7, &hashes), 7, 2, &path).unwrap()
}

#[test]
fn every_entry_has_a_receipt_from_one_signature() {
    let hashes = log_of(20);
    let root = log::root(20, &hashes).unwrap();
    let signed = signed(20, &hashes);
    let trust = [trusted(ORIGIN, &key(1))];
    for index in 0..20 {
        let path = log::prove(index, 20, &hashes).unwrap();
        let receipt = inclusion_receipt(&signed, 20, index, &path).unwrap();
        let found = check_inclusion_receipt(&receipt, &leaf(index), &trust).unwrap();
        assert_eq!((found.size, found.index, found.root), (20, index, root));
        assert_eq!(found.origin, ORIGIN);
        assert_eq!(found.signer, trust[0].identity());
        assert_eq!(
            check_inclusion_receipt(&receipt, &leaf(index + 1), &trust),
            Err(CoseError::BadSignature {
                key: trust[0].identity(),
            })
        );
    }
}

#[test]
fn the_growth_between_every_two_sizes_has_a_receipt() {
    let hashes = log_of(20);
    let trust = [trusted(ORIGIN, &key(1))];
    for size in 1..=20 {
        let signed = signed(size, &hashes);
        for old in 1..=size {
            let old_root = log::root(old, &hashes).unwrap();
            let path = log::prove_consistency(old, size, &hashes).unwrap();
            let receipt = consistency_receipt(&signed, old, size, &path).unwrap();
            let found = check_consistency_receipt(&receipt, &old_root, &trust).unwrap();
            assert_eq!(found.root, log::root(size, &hashes).unwrap());
            assert_eq!((found.old, found.size), (old, size));
            check_consistency_receipt(&receipt, &Hash([1; 32]), &trust).unwrap_err();
        }
    }
}

#[test]
fn a_log_of_one_entry_has_a_receipt_with_an_empty_path() {
    let hashes = log_of(1);
    let receipt = inclusion_receipt(&signed(1, &hashes), 1, 0, &[]).unwrap();
    let trust = [trusted(ORIGIN, &key(1))];
    check_inclusion_receipt(&receipt, &leaf(0), &trust).unwrap();
}

/// Read by the library, label by label: what RFC 9942 section 5.2 and RFC 9597 ask for.
#[test]
fn another_reader_finds_the_labels_that_the_rfc_registers() {
    let message = CoseSign1::from_tagged_slice(&receipt()).unwrap();
    let header = &message.protected.header;
    assert_eq!(header.alg, Some(iana::Algorithm::EdDSA.into()));
    assert_eq!(
        header.key_id,
        trusted(ORIGIN, &key(1)).identity().into_bytes()
    );
    let claims = Value::Map(vec![(1.into(), ORIGIN.into()), (2.into(), ORIGIN.into())]);
    assert_eq!(
        header.rest,
        [(Label::Int(15), claims), (Label::Int(395), 1.into())]
    );
    assert_eq!(message.payload, None);
    let [(Label::Int(396), Value::Map(proofs))] = &message.unprotected.rest[..] else {
        panic!("{:?}", message.unprotected);
    };
    let [(label, Value::Array(proofs))] = &proofs[..] else {
        panic!("{proofs:?}");
    };
    assert_eq!(*label, (-1).into());
    let [Value::Bytes(proof)] = &proofs[..] else {
        panic!("{proofs:?}");
    };
    let Value::Array(proof) = Value::from_slice(proof).unwrap() else {
        panic!("{proof:?}");
    };
    assert_eq!(proof[..2], [7.into(), 2.into()]);
    let path = log::prove(2, 7, &log_of(7)).unwrap();
    let path = path.iter().map(|hash| Value::Bytes(hash.0.to_vec()));
    assert_eq!(proof[2], Value::Array(path.collect()));

    let root = log::root(7, &log_of(7)).unwrap();
    let key = trusted(ORIGIN, &key(1));
    message
        .verify_detached_signature(&root.0, &[], |signature, data| {
            let signature = signature.try_into().map_err(|_| ())?;
            key.verifies(data, signature).then_some(()).ok_or(())
        })
        .unwrap();
}

#[test]
fn the_protected_header_is_written_in_ascending_order_of_its_labels() {
    let message = CoseSign1::from_tagged_slice(&receipt()).unwrap();
    let bytes = message.protected.original_data.unwrap();
    let identity = trusted(ORIGIN, &key(1)).identity();
    let text = |major: u8, text: &str| {
        let length = u8::try_from(text.len()).unwrap();
        let head = match length {
            0..24 => vec![major | length],
            _ => vec![major | 24, length],
        };
        [head, text.as_bytes().to_vec()].concat()
    };
    let expected = [
        vec![0xa4, 0x01, 0x27, 0x04],
        text(0x40, &identity),
        vec![0x0f, 0xa2, 0x01],
        text(0x60, ORIGIN),
        vec![0x02],
        text(0x60, ORIGIN),
        vec![0x19, 0x01, 0x8b, 0x01],
    ];
    assert_eq!(bytes, expected.concat());
}

#[test]
fn signing_a_root_twice_gives_the_same_bytes() {
    let hashes = log_of(5);
    assert_eq!(signed(5, &hashes), signed(5, &hashes));
}

#[test]
fn a_receipt_is_not_one_of_the_other_kind() {
    let trust = [trusted(ORIGIN, &key(1))];
    let hashes = log_of(5);
    let bare = signed(5, &hashes);
    let other = |wanted| Err(CoseError::OtherProof { wanted });
    for receipt in [bare.clone(), consistency_receipt(&bare, 5, 5, &[]).unwrap()] {
        let found = check_inclusion_receipt(&receipt, &leaf(0), &trust).map(|_| ());
        assert_eq!(found, other("inclusion"));
    }
    let root = log::root(5, &hashes).unwrap();
    for receipt in [bare, receipt()] {
        let found = check_consistency_receipt(&receipt, &root, &trust).map(|_| ());
        assert_eq!(found, other("consistency"));
    }
}

#[test]
fn strangers_other_logs_and_impossible_proofs_are_told_apart() {
    let hashes = log_of(7);
    let root = log::root(7, &hashes).unwrap();
    let path = log::prove(2, 7, &hashes).unwrap();
    let trust = [trusted(ORIGIN, &key(1))];
    let check = |receipt: &[u8]| check_inclusion_receipt(receipt, &leaf(2), &trust).unwrap_err();

    let stranger = sign_root(ORIGIN, &root, &key(2)).unwrap();
    let stranger = inclusion_receipt(&stranger, 7, 2, &path).unwrap();
    assert_eq!(
        check(&stranger),
        CoseError::UnknownSigner {
            signer: trusted(ORIGIN, &key(2)).identity(),
        }
    );

    let mut elsewhere = CoseReceipt::from_bytes(&receipt()).unwrap();
    elsewhere.origin = "log.example.org/other".to_owned();
    assert_eq!(
        check(&elsewhere.to_bytes()),
        CoseError::OtherOrigin {
            origin: elsewhere.origin,
            key: trust[0].identity(),
        }
    );

    let mut outside = CoseReceipt::from_bytes(&receipt()).unwrap();
    for (size, index) in [(7, 7), (0, 0), (u64::MAX, 2), (9, 2)] {
        let path = path.clone();
        outside.proof = CoseProof::Inclusion { size, index, path };
        assert_eq!(
            check(&outside.to_bytes()),
            CoseError::InvalidProof { size },
            "{index} of {size}"
        );
    }
}

#[test]
fn a_receipt_with_more_or_other_things_in_it_is_refused() {
    let good = receipt();
    let changed = |change: fn(&mut CoseSign1)| {
        let mut message = CoseSign1::from_tagged_slice(&good).unwrap();
        change(&mut message);
        CoseReceipt::from_bytes(&message.to_tagged_vec().unwrap())
    };
    let changes: [fn(&mut CoseSign1); 8] = [
        |message| message.payload = Some(vec![0; 32]),
        |message| message.unprotected.key_id = b"else".to_vec(),
        |message| message.unprotected.rest.push((Label::Int(33), 1.into())),
        |message| {
            message.protected.original_data = None;
            message.protected.header.rest.reverse();
        },
        |message| {
            message.protected.original_data = None;
            message.protected.header.rest.pop();
        },
        |message| message.protected.original_data = Some(Vec::new()),
        |message| message.signature.push(0),
        |message| {
            let list = message.unprotected.rest[0].1.as_map_mut().unwrap();
            let proofs = list[0].1.as_array_mut().unwrap();
            proofs.push(proofs[0].clone());
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert!(
            matches!(changed(change), Err(CoseError::Malformed { .. })),
            "change {number}"
        );
    }
    assert!(changed(|_| ()).is_ok());
    let untagged = CoseReceipt::from_bytes(&good[1..]);
    assert!(matches!(untagged, Err(CoseError::Malformed { .. })));
    let large = vec![0; log::MAXIMUM_COSE + 1];
    assert_eq!(
        CoseReceipt::from_bytes(&large),
        Err(CoseError::TooLarge { found: large.len() })
    );
    let deep = vec![0x81; log::MAXIMUM_COSE];
    assert!(CoseReceipt::from_bytes(&deep).is_err());
}

fn proof() -> impl Strategy<Value = CoseProof> {
    let path = proptest::collection::vec(any::<[u8; 32]>().prop_map(Hash), 0..65);
    let number = || (any::<u64>(), 0..64u32).prop_map(|(number, shift)| number >> shift);
    prop_oneof![
        Just(CoseProof::None),
        (number(), number(), path.clone()).prop_map(|(size, index, path)| CoseProof::Inclusion {
            size,
            index,
            path
        }),
        (number(), number(), path).prop_map(|(old, size, path)| CoseProof::Consistency {
            old,
            size,
            path
        }),
    ]
}

#[test]
fn no_altered_byte_goes_unnoticed_but_one_of_the_size_that_nobody_signs() {
    let receipt = receipt();
    let trust = [trusted(ORIGIN, &key(1))];
    let honest = check_inclusion_receipt(&receipt, &leaf(2), &trust).unwrap();
    let mut sizes = Vec::new();
    for (at, flip) in (0..receipt.len()).flat_map(|at| (1..=255).map(move |flip| (at, flip))) {
        let mut bytes = receipt.clone();
        bytes[at] ^= flip;
        if let Ok(found) = check_inclusion_receipt(&bytes, &leaf(2), &trust) {
            sizes.push(found.size);
            assert_eq!(
                CoseInclusion {
                    size: honest.size,
                    ..found
                },
                honest
            );
        }
    }
    sizes.sort_unstable();
    assert_eq!(
        sizes,
        [5, 6, 8],
        "the third of so many entries has a path of the same shape"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_receipt_reads_back(
        origin in any::<String>(),
        signer in ".{1,40}",
        proof in proof(),
        signature in any::<[[u8; 32]; 2]>(),
    ) {
        let signature = signature.concat().try_into().unwrap();
        let receipt = CoseReceipt { origin, signer, proof, signature };
        prop_assert_eq!(CoseReceipt::from_bytes(&receipt.to_bytes()), Ok(receipt));
    }

    #[test]
    fn no_receipt_is_cut_off_unnoticed(at in any::<prop::sample::Index>()) {
        let bytes = receipt();
        prop_assert!(CoseReceipt::from_bytes(&bytes[..at.index(bytes.len())]).is_err());
    }
}

//! There is one encoding of a value, and one value of an encoding.

use crate::scene::{self, settled};
use crate::strategies;
use cryptlet_attest::{
    EncodedEntry, EncodingError, Evidence, LogEntry, Outcome, Receipt, Statement,
};
use proptest::prelude::*;

proptest! {
    #[test]
    fn every_entry_comes_back_from_its_bytes(entry in strategies::entry()) {
        let bytes = entry.to_bytes();
        let read = LogEntry::from_bytes(&bytes).unwrap();
        prop_assert_eq!(read.to_bytes(), bytes);
        prop_assert_eq!(read, entry);
    }

    #[test]
    fn every_receipt_comes_back_from_its_bytes(receipt in strategies::receipt()) {
        prop_assert_eq!(Receipt::from_bytes(&receipt.to_bytes()), Ok(receipt));
    }

    #[test]
    fn all_evidence_comes_back_from_its_bytes(evidence in strategies::evidence()) {
        prop_assert_eq!(Evidence::from_bytes(&evidence.to_bytes()), Ok(evidence));
    }

    #[test]
    fn a_receipt_of_borrowed_parts_is_the_entry_of_their_statement(
        one in strategies::statement(),
        other in strategies::statement(),
    ) {
        let previous = other.host.previous;
        let receipt = EncodedEntry::receipt(&one.execution, &one.host, previous);
        let mut whole = one;
        whole.host.previous = previous;
        prop_assert_eq!(receipt, LogEntry::Receipt(whole).encoded());
    }

    #[test]
    fn two_statements_share_a_hash_only_if_they_are_equal(
        one in strategies::statement(),
        other in strategies::statement(),
    ) {
        prop_assert_eq!(one == other, one.leaf_hash() == other.leaf_hash());
        prop_assert_eq!(
            one.execution == other.execution,
            one.execution_hash() == other.execution_hash()
        );
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_never_have_two_forms(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(entry) = LogEntry::from_bytes(&bytes) {
            prop_assert_eq!(entry.to_bytes(), bytes.clone());
        }
        if let Ok(receipt) = Receipt::from_bytes(&bytes) {
            prop_assert_eq!(receipt.to_bytes(), bytes);
        }
    }

    #[test]
    fn an_altered_entry_never_reads_as_the_same_one(
        entry in strategies::entry(),
        at in any::<prop::sample::Index>(),
        flip in 1..=255u8,
    ) {
        let mut bytes = entry.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(read) = LogEntry::from_bytes(&bytes) {
            prop_assert_ne!(&read, &entry);
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }
}

#[test]
fn a_statement_is_the_log_entry_of_its_receipt() {
    let statement = settled();
    let entry = LogEntry::Receipt(statement.clone());
    assert_eq!(statement.to_bytes(), entry.to_bytes());
    assert_eq!(statement.leaf_hash(), entry.leaf_hash());
    assert_eq!(Statement::from_bytes(&entry.to_bytes()), Ok(statement));
}

#[test]
fn an_entry_of_another_kind_is_not_a_statement() {
    let error = Statement::from_bytes(&scene::entries()[0].to_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "the log entry is a key, not a receipt");
}

#[test]
fn the_host_part_does_not_change_the_execution_hash() {
    let statement = settled();
    let mut elsewhere = statement.clone();
    elsewhere.host.key = "another".to_owned();
    assert_eq!(statement.execution_hash(), elsewhere.execution_hash());
    assert_ne!(statement.leaf_hash(), elsewhere.leaf_hash());
}

#[test]
fn a_newer_version_is_named() {
    let mut bytes = settled().to_bytes();
    assert_eq!(
        bytes[..2],
        [0x83, 0x01],
        "an array of three, version 1 first"
    );
    bytes[1] = 0x02;
    assert_eq!(
        LogEntry::from_bytes(&bytes),
        Err(EncodingError::UnsupportedVersion {
            document: "a log entry",
            found: 2,
            supported: 1,
        })
    );
    let mut bytes = Receipt {
        statement: Vec::new(),
        index: 0,
        proof: Vec::new(),
        checkpoint: String::new(),
    }
    .to_bytes();
    assert_eq!(bytes[..8], *b"\xdacrpt\xa5\x00\x01");
    bytes[7] = 0x09;
    assert!(matches!(
        Receipt::from_bytes(&bytes),
        Err(EncodingError::UnsupportedVersion { found: 9, .. })
    ));
}

#[test]
fn a_field_that_is_not_known_is_named() {
    // A binding change: [1, 3, {0: binding, 1: version, 2: change}], with one field more than it may have.
    let bytes = scene::entries()[2].to_bytes();
    let mut more = bytes.clone();
    assert_eq!(more[3], 0xa3);
    more[3] = 0xa4;
    more.extend([0x04, 0x00]);
    assert_eq!(
        LogEntry::from_bytes(&more),
        Err(EncodingError::UnknownField {
            record: "binding",
            key: 4,
        })
    );
}

#[test]
fn a_field_that_is_not_there_is_named() {
    let mut bytes = scene::entries()[2].to_bytes();
    bytes[3] = 0xa2;
    bytes.truncate(bytes.len() - 2);
    assert_eq!(
        LogEntry::from_bytes(&bytes),
        Err(EncodingError::MissingField {
            record: "binding",
            field: "change",
        })
    );
}

#[test]
fn a_variant_that_is_not_known_is_named() {
    let mut bytes = scene::entries()[2].to_bytes();
    *bytes.last_mut().unwrap() = 0x07;
    assert_eq!(
        LogEntry::from_bytes(&bytes),
        Err(EncodingError::UnknownVariant {
            what: "a binding change",
            found: 7,
        })
    );
}

#[test]
fn what_no_verifier_could_read_is_refused_before_it_is_recorded() {
    let statement = scene::failed(Outcome::Failure {
        code: "x".repeat(70_000),
    });
    assert!(matches!(
        LogEntry::Receipt(statement).checked_bytes(),
        Err(EncodingError::TooLarge {
            what: "a log entry",
            limit: 65_535,
            ..
        })
    ));
}

proptest! {
    #[test]
    fn what_is_let_into_a_log_can_be_read_and_what_is_not_cannot(
        length in prop_oneof![0..400usize, 64_000..66_000usize],
        limits in 0..80usize,
        children in prop_oneof![0..10usize, 1_700..2_100usize],
    ) {
        let LogEntry::Receipt(mut statement) = LogEntry::Receipt(scene::failed(Outcome::Ok)) else {
            unreachable!("a receipt was made");
        };
        let name = |number: usize| format!("{number}{}", "n".repeat(length.min(80)));
        statement.execution.outcome = Outcome::Failure { code: "x".repeat(length) };
        statement.execution.limits = (0..limits).map(|number| (name(number), 1)).collect();
        statement.execution.children = vec![statement.leaf_hash(); children];
        let entry = LogEntry::Receipt(statement);
        let read = LogEntry::from_bytes(&entry.to_bytes());
        prop_assert_eq!(entry.checked_bytes().map(|_| entry), read);
    }
}

#[test]
fn nesting_and_size_are_bounded_before_anything_is_read() {
    let deep = [vec![0x81; 60_000], vec![0x00]].concat();
    assert!(matches!(
        LogEntry::from_bytes(&deep),
        Err(EncodingError::TooDeep { .. })
    ));
    let mut large = b"\xdacrpt".to_vec();
    large.resize(cryptlet_attest::MAXIMUM_RECEIPT + 1, 0);
    assert!(matches!(
        Receipt::from_bytes(&large),
        Err(EncodingError::TooLarge { .. })
    ));
}

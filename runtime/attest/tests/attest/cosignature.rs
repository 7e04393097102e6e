//! Cosignatures against the C2SP specifications, and against those who alter them.

use crate::scene::{ORIGIN, key, trusted};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cryptlet_attest::log::{
    CheckpointError, CheckpointKey as _, Cosigned, Hash, KeyError, TrustedKey, WitnessKey,
    accept_cosignatures, add_cosignatures, cosign, cosigners, open_checkpoint, sign_checkpoint,
};
use proptest::prelude::*;

const NAME: &str = "witness.example/w1";

fn note() -> String {
    sign_checkpoint(ORIGIN, 3, &Hash([7; 32]), &key(1)).unwrap()
}

fn witness(name: &str, seed: u8) -> WitnessKey {
    WitnessKey::new(name, &key(seed).public()).unwrap()
}

fn cosigned(seconds: u64) -> String {
    let line = cosign(&note(), NAME, seconds, &key(4)).unwrap();
    add_cosignatures(&note(), &line)
}

#[test]
fn a_witness_signs_header_time_and_the_whole_text_of_the_checkpoint() {
    let note = note();
    let line = cosign(&note, NAME, 1_679_315_147, &key(4)).unwrap();
    let encoded = line.strip_prefix(&format!("— {NAME} ")).unwrap();
    let bytes = BASE64_STANDARD.decode(encoded.trim_end()).unwrap();
    let key = witness(NAME, 4);
    assert_eq!(bytes.len(), 4 + 8 + 64);
    assert_eq!(bytes[..4], key.id().to_be_bytes());
    assert_eq!(bytes[4..12], 1_679_315_147u64.to_be_bytes());
    let (text, _) = note.split_once("\n\n").unwrap();
    let message = format!("cosignature/v1\ntime 1679315147\n{text}\n");
    let plain = TrustedKey::new(NAME, &key.public()).unwrap();
    assert!(plain.verifies(message.as_bytes(), bytes[12..].try_into().unwrap()));
}

/// The id is SHA-256(name, newline, 0x04, key), so that it is not that of a log's key.
#[test]
fn a_witness_key_is_written_with_its_own_type_and_is_not_a_logs_key() {
    let key = witness(NAME, 4);
    let text = key.to_string();
    assert_eq!(text.parse(), Ok(key.clone()));
    assert_eq!(
        text.parse::<TrustedKey>(),
        Err(KeyError::Algorithm { found: 4 })
    );
    let log = TrustedKey::new(NAME, &key.public()).unwrap();
    assert_eq!(
        log.to_string().parse::<WitnessKey>(),
        Err(KeyError::Algorithm { found: 1 })
    );
    assert_ne!(log.id(), key.id());
    let typed = [&[4][..], &key.public()].concat();
    assert!(text.ends_with(&BASE64_STANDARD.encode(typed)));
}

#[test]
fn those_who_cosigned_are_named_in_the_order_in_which_they_are_trusted() {
    let other = cosign(&note(), "other.example", 9, &key(5)).unwrap();
    let stranger = cosign(&note(), "stranger.example", 9, &key(6)).unwrap();
    let note = add_cosignatures(&cosigned(8), &(stranger + &other));
    let trust = [
        witness("other.example", 5),
        witness("absent.example", 7),
        witness(NAME, 4),
        witness(NAME, 4),
    ];
    let cosigned = |position: usize, seconds| Cosigned {
        witness: trust[position].identity(),
        seconds,
    };
    assert_eq!(
        cosigners(&note, &trust).unwrap(),
        [cosigned(0, 9), cosigned(2, 8)]
    );
    open_checkpoint(&note, &[trusted(ORIGIN, &key(1))]).unwrap();
}

#[test]
fn a_witness_that_signed_twice_counts_once_with_its_latest_time() {
    let lines: String = [5, 9, 7]
        .map(|seconds| cosign(&note(), NAME, seconds, &key(4)).unwrap())
        .concat();
    let found = cosigners(&(note() + &lines), &[witness(NAME, 4)]).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].seconds, 9);
}

#[test]
fn a_later_cosignature_takes_the_place_of_an_earlier_one_and_of_nothing_else() {
    assert_eq!(add_cosignatures(&cosigned(5), &cosigned(9)), cosigned(9));
    assert_eq!(add_cosignatures(&cosigned(9), &cosigned(5)), cosigned(9));
    // The log's own line has another length; nobody can put theirs in its place.
    let log = trusted(ORIGIN, &key(1));
    let forged = [&log.id().to_be_bytes()[..], &[0; 72]].concat();
    let forged = format!("— {ORIGIN} {}\n", BASE64_STANDARD.encode(forged));
    let note = note();
    assert!(add_cosignatures(&note, &forged).starts_with(&note));
    assert_eq!(add_cosignatures(&note, "not a line\n\n— x y\n"), note);
    assert_eq!(add_cosignatures("not a note", &cosigned(5)), "not a note");
}

#[test]
fn a_checkpoint_does_not_grow_beyond_what_a_reader_takes() {
    let lines: String = (0..2000)
        .map(|number| {
            let line = [&u32::to_be_bytes(number)[..], &[0; 72]].concat();
            format!("— witness.example {}\n", BASE64_STANDARD.encode(line))
        })
        .collect();
    let note = add_cosignatures(&note(), &lines);
    assert!(note.len() <= cryptlet_attest::log::MAXIMUM_CHECKPOINT);
    open_checkpoint(&note, &[trusted(ORIGIN, &key(1))]).unwrap();
}

#[test]
fn a_false_cosignature_under_a_trusted_name_refuses_the_checkpoint() {
    let (trust, note) = ([witness(NAME, 4)], note());
    let bad = |line: Vec<u8>| {
        let line = [&trust[0].id().to_be_bytes()[..], &line].concat();
        let note = format!("{note}— {NAME} {}\n", BASE64_STANDARD.encode(line));
        assert_eq!(
            cosigners(&note, &trust),
            Err(CheckpointError::BadSignature {
                key: trust[0].identity(),
            })
        );
        // Who only asks whether the log has signed does not look at witnesses.
        open_checkpoint(&note, &[trusted(ORIGIN, &key(1))]).unwrap();
    };
    bad(vec![0; 72]);
    bad(vec![0; 64]);
    bad(vec![0; 1]);
    bad(vec![0; 73]);
    let other_time = cosigned(8);
    let good = other_time.lines().last().unwrap().rsplit_once(' ').unwrap();
    let mut good = BASE64_STANDARD.decode(good.1).unwrap().split_off(4);
    good[7] ^= 1;
    bad(good);
    let altered = cosigned(8).replacen("\n3\n", "\n4\n", 1);
    cosigners(&altered, &trust).unwrap_err();
}

#[test]
fn of_an_answer_only_the_lines_of_trusted_witnesses_are_taken() {
    let (trust, note) = ([witness(NAME, 4)], note());
    let mine = cosign(&note, NAME, 8, &key(4)).unwrap();
    let stranger = cosign(&note, "stranger.example", 8, &key(6)).unwrap();
    let answer = format!("{stranger}<html>\n{mine}");
    assert_eq!(accept_cosignatures(&note, &answer, &trust), Ok(mine));
    assert_eq!(
        accept_cosignatures(&note, &stranger, &trust),
        Ok(String::new())
    );
    let other = sign_checkpoint(ORIGIN, 4, &Hash([7; 32]), &key(1)).unwrap();
    let other = cosign(&other, NAME, 8, &key(4)).unwrap();
    assert_eq!(
        accept_cosignatures(&note, &other, &trust),
        Err(CheckpointError::BadSignature {
            key: trust[0].identity(),
        })
    );
}

#[test]
fn what_is_not_a_checkpoint_is_neither_signed_nor_read() {
    for text in ["", "text\n", "text\n\n", "x\n\n— a AAAA\n"] {
        let error = cosign(text, NAME, 1, &key(4)).unwrap_err();
        assert!(error.to_string().contains("not a checkpoint"), "{error}");
        assert!(matches!(
            cosigners(text, &[]),
            Err(CheckpointError::Malformed { .. })
        ));
    }
    let error = cosign(&note(), "two words", 1, &key(4)).unwrap_err();
    assert!(error.to_string().contains("cannot name a key"), "{error}");
}

#[test]
fn one_key_under_two_names_is_one_witness() {
    let lines =
        ["one.example", "two.example"].map(|name| cosign(&note(), name, 1, &key(4)).unwrap());
    let both = add_cosignatures(&note(), &lines.concat());
    let found = cosigners(
        &both,
        &[witness("one.example", 4), witness("two.example", 4)],
    )
    .unwrap();
    assert_eq!(found.len(), 1);
}

/// The example of <https://c2sp.org/tlog-cosignature> has two lines that this reader tells
/// apart by their ids.
#[test]
fn lines_of_unknown_witnesses_are_passed_over() {
    let found = cosigners(&cosigned(8), &[witness("else.example", 4)]).unwrap();
    assert_eq!(found, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_time_is_read_back(seconds in any::<u64>(), size in any::<u32>(), root in any::<[u8; 32]>()) {
        let note = sign_checkpoint(ORIGIN, u64::from(size), &Hash(root), &key(1)).unwrap();
        let line = cosign(&note, NAME, seconds, &key(4)).unwrap();
        let found = cosigners(&add_cosignatures(&note, &line), &[witness(NAME, 4)]).unwrap();
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].seconds, seconds);
    }
}

//! What a public receipt gives away about private values, and what an opening does.

use crate::scene;
use cryptlet_attest::{FieldSalt, Opening, Salt, digest};
use proptest::prelude::*;

/// Everything that somebody who knows the value, but not the salt, might try.
fn guesses(field: &str, value: &[u8]) -> Vec<cryptlet_attest::Digest> {
    vec![
        digest("field", &[value]),
        digest("field", &[field.as_bytes(), value]),
        digest("field", &[&[0; 32], field.as_bytes(), value]),
        digest(field, &[value]),
        Salt::from_bytes([0; 32]).digest(field, value),
        FieldSalt::from_bytes([0; 32]).digest(field, value),
    ]
}

proptest! {
    #[test]
    fn a_value_cannot_be_confirmed_without_its_salt(
        secret in any::<[u8; 32]>(),
        value in proptest::collection::vec(any::<u8>(), 0..50),
    ) {
        prop_assume!(secret != [0; 32]);
        let published = Salt::from_bytes(secret).digest("input", &value);
        prop_assert!(!guesses("input", &value).contains(&published));
    }

    #[test]
    fn an_opening_opens_its_own_field_and_value_and_nothing_else(
        secret in any::<[u8; 32]>(),
        value in proptest::collection::vec(any::<u8>(), 0..50),
    ) {
        let salt = Salt::from_bytes(secret);
        let opening = Opening::new(&salt, "reply", value.clone());
        prop_assert!(opening.opens(&salt.digest("reply", &value)));
        prop_assert!(!opening.opens(&salt.digest("input", &value)));

        let mut other = opening.clone();
        other.bytes.push(0);
        prop_assert!(!other.opens(&salt.digest("reply", &value)));

        // The holder of the reply's secret tries it on the input, whose value it guesses rightly.
        let input = salt.digest("input", &value);
        let stolen = Opening { field: "input".to_owned(), ..opening.clone() };
        prop_assert!(!stolen.opens(&input));
        prop_assert_ne!(opening.salt.digest("input", &value), input);
        let as_whole = Salt::from_bytes(*opening.salt.expose());
        prop_assert_ne!(as_whole.digest("input", &value), input);
    }
}

#[test]
fn the_same_value_looks_different_in_every_run() {
    let one = Salt::from_bytes([1; 32]).digest("input", b"same");
    let other = Salt::from_bytes([2; 32]).digest("input", b"same");
    assert_ne!(one, other);
}

#[test]
fn debug_output_has_no_secrets() {
    let salt = scene::salt();
    let opening = Opening::new(&salt, "input", Vec::new());
    let printed = format!("{salt:?} {opening:?}");
    assert!(printed.contains("redacted"), "{printed}");
    for secret in [*salt.expose(), *opening.salt.expose()] {
        assert!(!printed.contains(&hex::encode(secret)), "{printed}");
        assert!(!printed.contains(&format!("{secret:?}")), "{printed}");
    }
}

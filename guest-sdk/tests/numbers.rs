//! The ledger's integers, against integers of any size.

use cryptlet_sdk::{I256, ParseNumberError, U256};
use num_bigint::{BigInt, BigUint};
use proptest::prelude::*;

fn big(number: U256) -> BigUint {
    BigUint::from_bytes_be(&number.to_be_bytes())
}

fn big_signed(number: I256) -> BigInt {
    BigInt::from_signed_bytes_be(&number.to_be_bytes())
}

/// The number if it fits, as the checked methods should answer.
fn fitting(number: &BigUint) -> Option<U256> {
    let bytes = number.to_bytes_be();
    let mut padded = [0; 32];
    padded
        .get_mut(32usize.checked_sub(bytes.len())?..)?
        .copy_from_slice(&bytes);
    Some(U256::from_be_bytes(padded))
}

fn fitting_signed(number: &BigInt) -> Option<I256> {
    let bytes = number.to_signed_bytes_be();
    let filler = if number.sign() == num_bigint::Sign::Minus {
        0xff
    } else {
        0
    };
    let mut padded = [filler; 32];
    padded
        .get_mut(32usize.checked_sub(bytes.len())?..)?
        .copy_from_slice(&bytes);
    Some(I256::from_be_bytes(padded))
}

/// Numbers of all sizes, those at the edges often.
fn unsigned() -> impl Strategy<Value = U256> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(U256::from_be_bytes),
        any::<u128>().prop_map(U256::from),
        any::<u8>().prop_map(U256::from),
        any::<u8>().prop_map(|below| U256::MAX - U256::from(below)),
    ]
}

fn signed() -> impl Strategy<Value = I256> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(I256::from_be_bytes),
        any::<i128>().prop_map(I256::from),
        any::<i8>().prop_map(I256::from),
        (0i8..=127).prop_map(|above| I256::MIN + I256::from(above)),
        (0i8..=127).prop_map(|below| I256::MAX - I256::from(below)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn unsigned_arithmetic_is_exact_or_says_that_it_cannot_be(a in unsigned(), b in unsigned()) {
        let (x, y) = (big(a), big(b));
        prop_assert_eq!(a.checked_add(b), fitting(&(&x + &y)));
        prop_assert_eq!(a.checked_mul(b), fitting(&(&x * &y)));
        prop_assert_eq!(a.checked_sub(b), (x >= y).then(|| fitting(&(&x - &y)).unwrap()));
        prop_assert_eq!(a.cmp(&b), x.cmp(&y));
        let apart = if x > y { &x - &y } else { &y - &x };
        prop_assert_eq!(big(a.abs_diff(b)), apart);
        if b.is_zero() {
            prop_assert_eq!((a.checked_div(b), a.checked_rem(b)), (None, None));
        } else {
            prop_assert_eq!(a.checked_div(b), fitting(&(&x / &y)));
            prop_assert_eq!(a.checked_rem(b), fitting(&(&x % &y)));
        }
    }

    #[test]
    fn mul_div_only_needs_the_result_to_fit(a in unsigned(), b in unsigned(), c in unsigned()) {
        let expected = if c.is_zero() { None } else { fitting(&(big(a) * big(b) / big(c))) };
        prop_assert_eq!(a.mul_div(b, c), expected);
    }

    #[test]
    fn powers_are_exact_or_refused(base in 0u32..1_000, exponent in 0u32..300) {
        let expected = fitting(&BigUint::from(base).pow(exponent));
        prop_assert_eq!(U256::from(base).checked_pow(exponent), expected);
    }

    #[test]
    fn signed_arithmetic_is_exact_or_says_that_it_cannot_be(a in signed(), b in signed()) {
        let (x, y) = (big_signed(a), big_signed(b));
        prop_assert_eq!(a.checked_add(b), fitting_signed(&(&x + &y)));
        prop_assert_eq!(a.checked_sub(b), fitting_signed(&(&x - &y)));
        prop_assert_eq!(a.checked_mul(b), fitting_signed(&(&x * &y)));
        prop_assert_eq!(a.checked_neg(), fitting_signed(&-&x));
        prop_assert_eq!(a.cmp(&b), x.cmp(&y));
        prop_assert_eq!(a == b, x == y);
        prop_assert_eq!(&big(a.unsigned_abs()), x.magnitude());
        let quotient = if b.is_zero() { None } else { fitting_signed(&(&x / &y)) };
        prop_assert_eq!(a.checked_div(b), quotient);
    }

    #[test]
    fn numbers_survive_text_and_bytes(a in unsigned(), b in signed()) {
        prop_assert_eq!(a.to_string(), big(a).to_string());
        prop_assert_eq!(a.to_string().parse::<U256>(), Ok(a));
        prop_assert_eq!(U256::from_be_bytes(a.to_be_bytes()), a);
        prop_assert_eq!(b.to_string(), big_signed(b).to_string());
        prop_assert_eq!(b.to_string().parse::<I256>(), Ok(b));
        prop_assert_eq!(I256::from_be_bytes(b.to_be_bytes()), b);
    }

    #[test]
    fn narrowing_keeps_the_number_or_refuses(a in unsigned(), b in signed()) {
        prop_assert_eq!(u64::try_from(a).ok().map(U256::from), (a <= U256::from(u64::MAX)).then_some(a));
        prop_assert_eq!(u8::try_from(a).ok().map(U256::from), (a <= U256::from(u8::MAX)).then_some(a));
        let fits = I256::from(i64::MIN) <= b && b <= I256::from(i64::MAX);
        prop_assert_eq!(i64::try_from(b).ok().map(I256::from), fits.then_some(b));
        prop_assert_eq!(U256::try_from(b).ok(), (!b.is_negative()).then(|| b.unsigned_abs()));
        prop_assert_eq!(I256::try_from(a).ok().map(|n| n.unsigned_abs()), fitting_signed(&big(a).into()).map(|_| a));
    }

    #[test]
    fn no_text_but_the_number_s_own_is_read(text in "[-+0-9 ]{0,8}") {
        if let Ok(number) = text.parse::<U256>() {
            prop_assert_eq!(number.to_string(), text.clone());
        }
        if let Ok(number) = text.parse::<I256>() {
            prop_assert_eq!(number.to_string(), text);
        }
    }
}

#[test]
fn each_number_has_one_spelling() {
    for bad in [
        "", "+1", "-0", "00", "01", " 1", "1 ", "1_000", "0x1", "1e3", "１", "--1", "-",
    ] {
        assert!(
            matches!(
                bad.parse::<U256>(),
                Err(ParseNumberError::NotDecimal { .. })
            ),
            "{bad}"
        );
        assert!(
            matches!(
                bad.parse::<I256>(),
                Err(ParseNumberError::NotDecimal { .. })
            ),
            "{bad}"
        );
    }
    assert!(matches!(
        "-1".parse::<U256>(),
        Err(ParseNumberError::NotDecimal { .. })
    ));
}

#[test]
fn the_first_number_that_does_not_fit_is_refused() {
    let two_to_the_256: BigUint = BigUint::from(1u8) << 256;
    assert!(matches!(
        two_to_the_256.to_string().parse::<U256>(),
        Err(ParseNumberError::TooLarge { bits: 256, .. })
    ));
    assert_eq!((two_to_the_256 - 1u8).to_string().parse(), Ok(U256::MAX));

    let two_to_the_255: BigInt = BigInt::from(1u8) << 255;
    assert_eq!((-&two_to_the_255).to_string().parse(), Ok(I256::MIN));
    assert_eq!((&two_to_the_255 - 1u8).to_string().parse(), Ok(I256::MAX));
    for beyond in [two_to_the_255.clone(), -two_to_the_255 - 1u8] {
        let refused = beyond.to_string().parse::<I256>();
        assert!(matches!(
            refused,
            Err(ParseNumberError::TooLarge { bits: 256, .. })
        ));
    }
}

#[test]
#[should_panic(expected = "1 - 2 is negative")]
fn operators_panic_rather_than_wrap() {
    let _ = U256::ONE - U256::from(2u8);
}

#[test]
#[should_panic(expected = "does not fit into 256 bits")]
fn sums_panic_rather_than_wrap() {
    let _: U256 = [U256::MAX, U256::ONE].into_iter().sum();
}

#[test]
#[should_panic(expected = "has no signed result")]
fn signed_operators_panic_rather_than_wrap() {
    let _ = I256::MIN - I256::from(1);
}

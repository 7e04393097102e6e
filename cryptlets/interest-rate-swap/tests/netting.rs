//! The arithmetic of a period, against the same thing reckoned another way.

use cryptlet_sdk::U256;
use interest_rate_swap::{Legs, Net, NettingError, Period, Side, legs, net};
use num_bigint::{BigInt, BigUint, Sign};
use proptest::prelude::*;

fn period(notional: u128, fixed_bps: u32, rate_ppm: u32, day_count: u32) -> Period {
    Period {
        notional: U256::from(notional),
        fixed_bps,
        rate_ppm,
        day_count,
    }
}

fn paid(side: Side, amount: u128) -> Result<Net, NettingError> {
    Ok(Net {
        payer: side,
        amount: U256::from(amount),
    })
}

#[test]
fn the_side_with_the_higher_rate_pays_the_difference() {
    assert_eq!(
        net(&period(1_000_000, 500, 45_100, 90)),
        paid(Side::Fixed, 1_225)
    );
    assert_eq!(
        net(&period(1_000_000, 400, 45_100, 90)),
        paid(Side::Floating, 1_275)
    );
}

#[test]
fn a_year_has_360_days_and_a_period_those_that_it_has() {
    assert_eq!(net(&period(360_000_000, 0, 1, 1)), paid(Side::Floating, 1));
    assert_eq!(
        net(&period(360_000_000, 0, 1, 92)),
        paid(Side::Floating, 92)
    );
    assert_eq!(net(&period(1_000_000, 1, 0, 360)), paid(Side::Fixed, 100));
}

#[test]
fn truncates_toward_zero_once() {
    assert_eq!(net(&period(359_999_999, 0, 1, 1)), paid(Side::Fixed, 0));
    assert_eq!(net(&period(719_999_999, 0, 1, 1)), paid(Side::Floating, 1));
    // Each leg loses a half on its own; the net of the two loses nothing.
    let halves = period(180_000_000, 1, 97, 1);
    assert_eq!(net(&halves), paid(Side::Fixed, 1));
    assert_eq!(
        legs(&halves),
        Ok(Legs {
            fixed: U256::from(50u8),
            floating: U256::from(48u8)
        })
    );
}

#[test]
fn the_fixed_payer_pays_nought_when_nobody_owes_anything() {
    assert_eq!(
        net(&period(1_000_000, 451, 45_100, 90)),
        paid(Side::Fixed, 0)
    );
    assert_eq!(net(&period(0, 0, 45_100, 90)), paid(Side::Fixed, 0));
    assert_eq!(net(&period(1_000_000, 0, 45_100, 0)), paid(Side::Fixed, 0));
    assert_eq!(net(&period(1, 0, 45_100, 90)), paid(Side::Fixed, 0));
}

#[test]
fn only_the_amount_has_to_fit_into_256_bits() {
    let mut largest = Period {
        notional: U256::MAX,
        fixed_bps: 10_000,
        rate_ppm: 0,
        day_count: 360,
    };
    assert_eq!(
        net(&largest),
        Ok(Net {
            payer: Side::Fixed,
            amount: U256::MAX
        })
    );
    largest.day_count += 1;
    assert!(matches!(net(&largest), Err(NettingError::TooLarge { .. })));
}

fn wide(number: U256) -> BigUint {
    BigUint::from_bytes_be(&number.to_be_bytes())
}

/// Both legs as exact fractions over one divisor, subtracted with their signs.
fn reckoned(period: &Period) -> (Side, BigUint) {
    let base = BigInt::from_biguint(Sign::Plus, wide(period.notional)) * period.day_count;
    let fixed = &base * period.fixed_bps * 1_000_000u32;
    let floating = &base * period.rate_ppm * 10_000u32;
    let divisor = BigInt::from(10_000u32) * 1_000_000u32 * 360u32;
    // BigInt division truncates toward zero.
    let owed_by_fixed = (fixed - floating) / divisor;
    let payer = if owed_by_fixed.sign() == Sign::Minus {
        Side::Floating
    } else {
        Side::Fixed
    };
    (payer, owed_by_fixed.magnitude().clone())
}

fn any_period() -> impl Strategy<Value = Period> {
    let notional = prop_oneof![
        any::<[u8; 32]>().prop_map(U256::from_be_bytes),
        any::<u128>().prop_map(U256::from),
        any::<u32>().prop_map(U256::from),
    ];
    let small = |most: u32| prop_oneof![0..=most, any::<u32>()];
    (notional, small(2_000), small(200_000), small(366)).prop_map(
        |(notional, fixed_bps, rate_ppm, day_count)| Period {
            notional,
            fixed_bps,
            rate_ppm,
            day_count,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn agrees_with_signed_fractions_of_any_size(period in any_period()) {
        let (payer, amount) = reckoned(&period);
        match net(&period) {
            Ok(found) => {
                prop_assert_eq!(wide(found.amount), amount);
                prop_assert_eq!(found.payer, payer);
            }
            Err(NettingError::TooLarge { .. }) => prop_assert!(amount.bits() > 256),
        }
    }

    #[test]
    fn agrees_with_plain_integers_where_those_suffice(
        notional in 0u128..1 << 60, fixed_bps in 0u32..10_000, rate_ppm in 0u32..1_000_000, day_count in 0u32..=366,
    ) {
        let fixed = notional * u128::from(day_count) * u128::from(fixed_bps) * 100;
        let floating = notional * u128::from(day_count) * u128::from(rate_ppm);
        let amount = fixed.abs_diff(floating) / 360_000_000;
        let payer = if amount > 0 && floating > fixed { Side::Floating } else { Side::Fixed };
        prop_assert_eq!(net(&period(notional, fixed_bps, rate_ppm, day_count)), paid(payer, amount));
    }

    #[test]
    fn swapping_the_rates_swaps_the_payer_and_nothing_else(
        notional in any::<u64>(), one in 0u32..40_000, other in 0u32..40_000, day_count in 1u32..=366,
    ) {
        let there = net(&period(notional.into(), one, other * 100, day_count)).unwrap();
        let back = net(&period(notional.into(), other, one * 100, day_count)).unwrap();
        prop_assert_eq!(there.amount, back.amount);
        prop_assert_eq!(there.payer == back.payer, there.amount.is_zero());
    }

    #[test]
    fn the_legs_differ_by_the_net_to_within_one_unit(period in any_period()) {
        if let (Ok(legs), Ok(net)) = (legs(&period), net(&period)) {
            prop_assert!(legs.fixed.abs_diff(legs.floating).abs_diff(net.amount) <= U256::ONE);
        }
    }
}

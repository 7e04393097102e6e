use std::cmp::{max, min};

/// What recent blocks say about the price of gas, in wei per gas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeMarket {
    /// The next block's base fee (EIP-1559); it is burnt, and no transaction below it is included.
    pub base_fee: u128,
    /// What recent transactions paid to block builders on top, one figure a block.
    pub rewards: Vec<u128>,
}

/// The price a transaction offers, in wei per gas (EIP-1559).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// Highest price, base fee included.
    pub max_fee_per_gas: u128,
    /// Of it, at most this much to the block's builder.
    pub max_priority_fee_per_gas: u128,
}

/// The chain asks for more than may be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeAboveCap {
    /// The lowest price that has a chance.
    pub needed: u128,
    /// The highest price that may be paid.
    pub cap: u128,
}

/// Nodes take a transaction in another's place only if it pays this much more: geth, reth and
/// anvil ask for a tenth, so an eighth leaves room for rounding and for stricter pools.
const REPLACEMENT_RISE: u128 = 8;

impl Fees {
    /// An offer that survives six full blocks in a row (the base fee rises by an eighth at most),
    /// with the median of recent rewards, and never above `cap`.
    ///
    /// # Errors
    ///
    /// [`FeeAboveCap`] if the cap does not even cover the next block.
    pub fn for_market(market: &FeeMarket, cap: u128) -> Result<Self, FeeAboveCap> {
        let needed = market.base_fee.saturating_add(1);
        if cap < needed {
            return Err(FeeAboveCap { needed, cap });
        }
        let reward = max(1, median(&market.rewards));
        let wanted = market.base_fee.saturating_mul(2).saturating_add(reward);
        Ok(Self {
            max_fee_per_gas: min(wanted, cap),
            max_priority_fee_per_gas: min(reward, cap - market.base_fee),
        })
    }

    /// An offer that nodes accept in place of one at `previous`.
    ///
    /// # Errors
    ///
    /// [`FeeAboveCap`] if outbidding costs more than `cap`.
    pub fn to_replace(previous: Self, market: &FeeMarket, cap: u128) -> Result<Self, FeeAboveCap> {
        let raised = Self {
            max_fee_per_gas: raise(previous.max_fee_per_gas),
            max_priority_fee_per_gas: raise(previous.max_priority_fee_per_gas),
        };
        if raised.max_fee_per_gas > cap {
            return Err(FeeAboveCap {
                needed: raised.max_fee_per_gas,
                cap,
            });
        }
        let fresh = Self::for_market(market, cap)?;
        Ok(Self {
            max_fee_per_gas: max(raised.max_fee_per_gas, fresh.max_fee_per_gas),
            max_priority_fee_per_gas: max(
                raised.max_priority_fee_per_gas,
                fresh.max_priority_fee_per_gas,
            ),
        })
    }
}

fn raise(fee: u128) -> u128 {
    fee.saturating_add(fee / REPLACEMENT_RISE).saturating_add(1)
}

fn median(rewards: &[u128]) -> u128 {
    // Empty blocks report zero, which says nothing about the price.
    let mut paid: Vec<u128> = rewards
        .iter()
        .copied()
        .filter(|reward| *reward > 0)
        .collect();
    paid.sort_unstable();
    match paid.len() {
        0 => 0,
        odd if odd % 2 == 1 => paid[odd / 2],
        even => paid[even / 2 - 1] / 2 + paid[even / 2] / 2,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GWEI: u128 = 1_000_000_000;

    fn market(base_fee: u128, rewards: &[u128]) -> FeeMarket {
        FeeMarket {
            base_fee,
            rewards: rewards.to_vec(),
        }
    }

    #[test]
    fn offers_twice_the_base_fee_and_the_median_reward() {
        let fees = Fees::for_market(
            &market(10 * GWEI, &[0, 3 * GWEI, GWEI, 2 * GWEI]),
            100 * GWEI,
        );
        assert_eq!(
            fees,
            Ok(Fees {
                max_fee_per_gas: 22 * GWEI,
                max_priority_fee_per_gas: 2 * GWEI
            })
        );
    }

    #[test]
    fn keeps_the_cap_and_says_when_it_is_too_low() {
        let fees = Fees::for_market(&market(10 * GWEI, &[5 * GWEI]), 12 * GWEI);
        assert_eq!(
            fees,
            Ok(Fees {
                max_fee_per_gas: 12 * GWEI,
                max_priority_fee_per_gas: 2 * GWEI
            })
        );
        assert_eq!(
            Fees::for_market(&market(10 * GWEI, &[]), 10 * GWEI),
            Err(FeeAboveCap {
                needed: 10 * GWEI + 1,
                cap: 10 * GWEI
            })
        );
    }

    #[test]
    fn a_replacement_that_would_break_the_cap_is_refused() {
        let previous = Fees {
            max_fee_per_gas: 9 * GWEI,
            max_priority_fee_per_gas: GWEI,
        };
        assert_eq!(
            Fees::to_replace(previous, &market(1, &[]), 10 * GWEI),
            Err(FeeAboveCap {
                needed: 9 * GWEI + 9 * GWEI / 8 + 1,
                cap: 10 * GWEI
            })
        );
    }

    proptest! {
        #[test]
        fn an_offer_is_within_the_cap_and_covers_the_next_block(
            base_fee in 0..u128::MAX, rewards in prop::collection::vec(any::<u128>(), 0..12), cap: u128,
        ) {
            match Fees::for_market(&market(base_fee, &rewards), cap) {
                Ok(fees) => {
                    prop_assert!(fees.max_fee_per_gas <= cap);
                    prop_assert!(fees.max_fee_per_gas > base_fee);
                    prop_assert!(fees.max_priority_fee_per_gas >= 1);
                    prop_assert!(fees.max_priority_fee_per_gas <= fees.max_fee_per_gas);
                }
                Err(FeeAboveCap { needed, .. }) => prop_assert!(needed > cap),
            }
        }

        #[test]
        fn a_replacement_outbids_both_prices_by_a_tenth(
            base_fee in 0..1000 * GWEI, reward in 0..1000 * GWEI, tip in 1..1000 * GWEI, rest in 0..1000 * GWEI,
        ) {
            let previous = Fees { max_fee_per_gas: tip + rest, max_priority_fee_per_gas: tip };
            let fees = Fees::to_replace(previous, &market(base_fee, &[reward]), u128::MAX)
                .expect("there is no cap");
            prop_assert!(fees.max_fee_per_gas * 10 >= previous.max_fee_per_gas * 11);
            prop_assert!(fees.max_priority_fee_per_gas * 10 >= previous.max_priority_fee_per_gas * 11);
            prop_assert!(fees.max_priority_fee_per_gas <= fees.max_fee_per_gas);
        }
    }
}

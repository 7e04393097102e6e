use cryptlet_sdk::prelude::*;

/// Event of the bound contract: a period has ended.
#[message]
pub struct PeriodEnded {
    /// The period's number in the contract's schedule.
    pub period: u32,
    /// The quarter whose reference rate counts, for example `2006-Q1`.
    pub quarter: String,
    /// The sum that interest is reckoned on, in the collateral token's smallest unit.
    pub notional: U256,
    /// The agreed fixed rate a year in hundredths of a per cent.
    pub fixed_bps: u32,
    /// The days of the period, from the contract's own schedule; a year has 360.
    pub day_count: u32,
    /// The party that pays the fixed rate.
    pub fixed_payer: Address,
    /// The party that pays the reference rate.
    pub floating_payer: Address,
}

/// Action of the bound contract: move collateral from `payer` to the other party.
#[message]
pub struct Settle {
    /// The period that ended.
    pub period: u32,
    /// The party that pays the difference.
    pub payer: Address,
    /// The difference, in the collateral token's smallest unit.
    pub amount: U256,
}

/// Tells the outside how a period was netted.
#[message]
pub struct PeriodNetted {
    /// The period that ended.
    pub period: u32,
    /// The quarter whose reference rate counted.
    pub quarter: String,
    /// The reference rate a year, in millionths.
    pub rate_ppm: u32,
    /// The party that pays the difference.
    pub payer: Address,
    /// The difference, in the collateral token's smallest unit.
    pub amount: U256,
}

/// Tells the outside what each party owed before netting.
#[cfg(feature = "breakdown")]
#[message]
pub struct LegsComputed {
    /// The period that ended.
    pub period: u32,
    /// What the fixed payer owed, truncated toward zero.
    pub fixed_leg: U256,
    /// What the floating payer owed, truncated toward zero.
    pub floating_leg: U256,
    /// The days that both were reckoned on.
    pub day_count: u32,
}

/// What the source is asked.
#[message]
pub struct RateFor<'event> {
    /// The quarter.
    pub quarter: &'event str,
}

/// What the source answers.
#[message]
pub struct Rate {
    /// The quarter that the rate is for.
    pub quarter: String,
    /// The rate a year, in millionths.
    pub rate_ppm: u32,
    /// Where the source has it from.
    pub source: String,
}

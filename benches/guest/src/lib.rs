//! Prices a quarter of interest: a guest that reads JSON, reckons and writes JSON, as most do.

#![forbid(unsafe_code)]

use cryptlet_sdk::prelude::*;

/// What is owed on what, for how long.
#[message]
pub struct Priced {
    /// The sum that bears interest.
    pub notional: U256,
    /// The rate a year in millionths.
    pub rate_ppm: u32,
    /// Days of the period.
    pub day_count: u32,
}

/// What is owed.
#[message]
pub struct Price {
    /// In the units of the sum.
    pub interest: U256,
    /// Days of the period.
    pub day_count: u32,
}

/// Reckons by the convention of the money market: actual days over 360.
///
/// # Errors
///
/// `too-large` if the product does not fit into 256 bits.
#[cryptlet_sdk::utility]
pub fn price(_: &mut Context, asked: Priced) -> Result<Price> {
    let factor = U256::from(asked.rate_ppm) * U256::from(asked.day_count);
    let product = asked.notional.checked_mul(factor);
    let product = product.ok_or_else(|| Error::new("too-large", "no such sum is ever owed"))?;
    Ok(Price {
        interest: product / U256::from(360_000_000_u64),
        day_count: asked.day_count,
    })
}

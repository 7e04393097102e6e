//! Answers what a cent of a currency is worth in the token's smallest unit, from a
//! table that somebody publishes as JSON: `{ "EUR": 10869, "USD": 10000 }`.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use cryptlet_sdk::prelude::*;

/// Where the table is: a file below the base URL that the binding grants as `rates`.
pub const TABLE: &str = "grant://rates/latest.json";

/// Asks for the rate of one currency.
#[message]
pub struct RateFor {
    /// The currency, for example `EUR`.
    pub currency: String,
}

/// The rate of one currency.
#[message]
pub struct Rate {
    /// The currency that was asked for.
    pub currency: String,
    /// How many of the token's smallest units a cent is worth.
    pub units_per_cent: u64,
}

/// Looks the currency up in the published table.
///
/// # Errors
///
/// `unknown-currency` if the table does not hold it; `invalid-json` if the table is
/// not one; `http-status` for any status but 200, and the SDK's other `http-` codes.
#[cryptlet_sdk::utility]
pub fn rate(cx: &mut Context, asked: RateFor) -> Result<Rate> {
    let response = cx.get(TABLE)?.expect_status(200)?;
    let table: BTreeMap<String, u64> = response.json()?;
    let Some(units_per_cent) = table.get(&asked.currency) else {
        fail!("unknown-currency", "the table holds no {}", asked.currency);
    };
    Ok(Rate {
        currency: asked.currency,
        units_per_cent: *units_per_cent,
    })
}

//! What the cryptlet reads and writes. Names and fields are those of `cryptlet.toml`,
//! where they stand in camelCase, as in Solidity.

use cryptlet_sdk::prelude::*;

/// Event of the bound contract: the goods of an invoice have arrived.
#[message]
pub struct GoodsReceived {
    /// The invoice's number.
    pub invoice: u32,
    /// Who is to be paid.
    pub supplier: Address,
    /// The invoice's currency, for example `EUR`.
    pub currency: String,
    /// The invoice's sum in hundredths of that currency.
    pub cents: U256,
}

/// Message of a counterparty: do not pay this invoice.
#[message]
pub struct Dispute {
    /// The invoice's number.
    pub invoice: u32,
    /// What is wrong with it.
    pub reason: String,
}

/// Action of the bound contract: move tokens to the supplier.
#[message]
pub struct Pay {
    /// The invoice's number.
    pub invoice: u32,
    /// Who is paid.
    pub supplier: Address,
    /// How much, in the token's smallest unit.
    pub amount: U256,
}

/// Tells the outside what was paid.
#[message]
pub struct InvoicePaid {
    /// The invoice's number.
    pub invoice: u32,
    /// How much, in the token's smallest unit.
    pub amount: U256,
    /// The rate that counted.
    pub units_per_cent: u64,
}

/// What the source is asked.
#[message]
pub struct RateFor<'event> {
    /// The currency.
    pub currency: &'event str,
}

/// What the source answers.
#[message]
pub struct Rate {
    /// The currency that the rate is for.
    pub currency: String,
    /// How many of the token's smallest units a cent is worth.
    pub units_per_cent: u64,
}

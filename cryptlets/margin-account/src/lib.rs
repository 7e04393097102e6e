//! Keeps what each party has put up as margin, in the binding's state.
//!
//! Three versions are built from it, with two state versions. 1.0.0 (`cryptlet.toml`) keeps every
//! movement and adds them up whenever it is asked; 1.0.1 (`cryptlet-1.0.1.toml`, feature
//! `something`) refuses a movement of nothing; 1.1.0 (`cryptlet-1.1.toml`, feature `balances`) keeps
//! one balance for each party, and migrates what the others kept.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[cfg_attr(feature = "balances", path = "balances.rs")]
#[cfg_attr(not(feature = "balances"), path = "movements.rs")]
mod kept;

use cryptlet_sdk::prelude::*;

#[cfg(feature = "balances")]
pub use kept::migrate;

/// A party puts up more.
#[message]
pub struct PutUp {
    /// How much, in the token's smallest unit.
    pub amount: U256,
}

/// What a party has put up has changed.
#[message]
pub struct MarginChanged {
    /// The party, as the host authenticated it.
    pub party: String,
    /// All that it has put up so far.
    pub balance: U256,
}

/// Takes in what a party puts up, and tells what it has put up so far.
///
/// # Errors
///
/// `margin-too-large` if that does not fit into the ledger's 256 bits; from version 1.0.1 on
/// `nothing-put-up` if the amount is nought.
#[cryptlet_sdk::contract]
pub fn on_put_up(cx: &mut Context, put_up: Sent<PutUp>) -> Result<()> {
    let Sent { sender, body } = put_up;
    #[cfg(feature = "something")]
    ensure!(
        !body.amount.is_zero(),
        "nothing-put-up",
        "{sender} puts up nothing; name an amount"
    );
    let balance = kept::add(&mut cx.state(), &sender, body.amount)?;
    cx.publish(&MarginChanged {
        party: sender,
        balance,
    })
}

fn too_large(party: &str) -> Error {
    Error::new(
        "margin-too-large",
        format!("the margin of {party} exceeds 256 bits; put up less"),
    )
}

//! State version 1: every movement, under `movement/<party>/<number>`.

use cryptlet_sdk::State;
use cryptlet_sdk::prelude::*;

use crate::too_large;

/// Keeps a movement and gives the sum of all.
pub fn add(state: &mut State<'_>, party: &str, amount: U256) -> Result<U256> {
    let prefix = format!("movement/{party}/");
    let earlier = state.keys(&prefix);
    state.set(&format!("{prefix}{:08}", earlier.len()), &amount)?;
    earlier.iter().try_fold(amount, |sum, key| {
        let movement: U256 = state.get(key)?.unwrap_or(U256::ZERO);
        sum.checked_add(movement).ok_or_else(|| too_large(party))
    })
}

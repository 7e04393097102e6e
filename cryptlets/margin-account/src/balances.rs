//! State version 2: one balance for each party, under `balance/<party>`.

use std::collections::BTreeMap;

use cryptlet_sdk::State;
use cryptlet_sdk::prelude::*;

use crate::too_large;

/// Adds to the party's balance and gives it.
pub fn add(state: &mut State<'_>, party: &str, amount: U256) -> Result<U256> {
    let key = format!("balance/{party}");
    let before: U256 = state.get(&key)?.unwrap_or(U256::ZERO);
    let balance = before.checked_add(amount).ok_or_else(|| too_large(party))?;
    state.set(&key, &balance)?;
    Ok(balance)
}

/// Adds up the movements of state version 1 and leaves the sums in their place.
///
/// # Errors
///
/// `unknown-state-version` if the state is of another version; `margin-too-large` if a party's
/// movements do not fit into the ledger's 256 bits.
#[cryptlet_sdk::migrate]
pub fn migrate(cx: &mut Migration, from: u32) -> Result<()> {
    ensure!(
        from == 1,
        "unknown-state-version",
        "there is no migration from state version {from}"
    );
    let mut state = cx.state();
    let mut balances: BTreeMap<String, U256> = BTreeMap::new();
    for key in state.keys("movement/") {
        let amount: U256 = state.get(&key)?.unwrap_or(U256::ZERO);
        let party = key
            .strip_prefix("movement/")
            .and_then(|rest| rest.rsplit_once('/'))
            .map_or(key.as_str(), |(party, _)| party);
        let balance = balances.entry(party.to_owned()).or_insert(U256::ZERO);
        *balance = balance
            .checked_add(amount)
            .ok_or_else(|| too_large(party))?;
        state.remove(&key);
    }
    for (party, balance) in &balances {
        state.set(&format!("balance/{party}"), balance)?;
    }
    info!(
        "the movements of {} parties are balances now",
        balances.len()
    );
    Ok(())
}

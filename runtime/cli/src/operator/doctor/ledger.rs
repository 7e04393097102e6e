//! What the nodes of the configured ledgers say.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy_primitives::U256;
use alloy_primitives::utils::format_ether;
use cryptlet_fabric::{Configuration, Ledger};
use cryptlet_ledger::evm::rpc_client;
use cryptlet_ledger::{Contracts, EvmSettings};
use cryptlet_vault::KeyInfo;
use serde_json::{Value, json};

use super::Check;
use crate::state::StateFolder;

/// For each answer of a node.
const PATIENCE: Duration = Duration::from_secs(10);
/// Blocks may come seldom, and clocks differ a little.
const OLD_SECONDS: u64 = 900;
const AHEAD_SECONDS: u64 = 60;

/// Asks every node.
pub fn examine(state: &StateFolder, configuration: &Configuration) -> Vec<Check> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            return vec![Check::failed(
                "ledgers",
                format!("no node can be asked: {error}"),
                "see that this user may open more files and threads",
            )];
        }
    };
    // Without keys there is a failed check already; here it only means that no balance is asked for.
    let keys = state
        .vault()
        .and_then(|vault| vault.list())
        .unwrap_or_default();
    configuration
        .ledgers
        .iter()
        .flat_map(|(name, ledger)| runtime.block_on(examine_one(name, ledger, &keys)))
        .collect()
}

async fn examine_one(name: &str, ledger: &Ledger, keys: &[KeyInfo]) -> Vec<Check> {
    let node = match Node::new(name, ledger) {
        Ok(node) => node,
        Err(reason) => {
            return vec![Check::failed(
                format!("ledger {name}: node"),
                reason,
                format!("correct ledgers.{name}.rpc"),
            )];
        }
    };
    match node.reached(ledger).await {
        Ok((reached, timestamp)) => {
            let mut checks = vec![reached, clock(name, timestamp)];
            for (what, address) in [("gateway", ledger.gateway), ("registry", ledger.registry)] {
                checks.push(node.contract(what, &address.to_string()).await);
            }
            let account = keys.iter().find(|key| key.name.as_str() == ledger.account);
            if let Some(address) = account.and_then(|key| key.address) {
                checks.push(node.account(&address.to_string()).await);
            }
            checks
        }
        Err(check) => vec![check],
    }
}

struct Node {
    ledger: String,
    settings: EvmSettings,
}

impl Node {
    fn new(name: &str, ledger: &Ledger) -> Result<Self, String> {
        let contracts = Contracts {
            gateway: ledger.gateway,
            registry: ledger.registry,
        };
        let settings = EvmSettings::new(
            name,
            ledger.rpc.clone(),
            ledger.chain,
            contracts,
            &ledger.account,
        );
        rpc_client(ledger.rpc.clone(), PATIENCE).map_err(|error| error.to_string())?;
        Ok(Self {
            ledger: name.to_owned(),
            settings,
        })
    }

    async fn ask(&self, method: &'static str, parameters: Value) -> Result<Value, String> {
        rpc_client(self.settings.rpc.clone(), PATIENCE)
            .map_err(|error| error.to_string())?
            .request::<Value, Value>(method, parameters)
            .await
            .map_err(|error| error.to_string())
    }

    /// Whether the node answers for the right chain, and when its newest block is from.
    async fn reached(&self, ledger: &Ledger) -> Result<(Check, u64), Check> {
        let name = format!("ledger {}: node", self.ledger);
        let endpoint = self.settings.endpoint();
        let fails = |reason: String| {
            Check::failed(
                &name,
                format!("{endpoint} does not do: {reason}"),
                format!(
                    "see that the node runs, or correct ledgers.{}.rpc",
                    self.ledger
                ),
            )
        };
        let chain = self.ask("eth_chainId", json!([])).await.map_err(fails)?;
        let chain = number(&chain).ok_or_else(|| fails("its chain id is none".into()))?;
        if chain != U256::from(ledger.chain.0) {
            return Err(Check::failed(
                &name,
                format!("{endpoint} serves eip155:{chain}, not {}", ledger.chain),
                format!("correct ledgers.{0}.chain or ledgers.{0}.rpc", self.ledger),
            ));
        }
        let block = self
            .ask("eth_getBlockByNumber", json!(["latest", false]))
            .await
            .map_err(fails)?;
        let read = |key: &str| number(&block[key]).and_then(|number| u64::try_from(number).ok());
        let (Some(height), Some(timestamp)) = (read("number"), read("timestamp")) else {
            return Err(fails("its newest block is none".into()));
        };
        let reached = format!("{endpoint} serves {} at block {height}", ledger.chain);
        Ok((Check::ok(&name, reached), timestamp))
    }

    async fn contract(&self, what: &str, address: &str) -> Check {
        let name = format!("ledger {}: {what}", self.ledger);
        let remedy = format!(
            "correct ledgers.{}.{what}, or deploy the contract",
            self.ledger
        );
        match self.ask("eth_getCode", json!([address, "latest"])).await {
            Ok(code) if code.as_str().is_some_and(|code| code.len() > 2) => {
                Check::ok(name, format!("there is a contract at {address}"))
            }
            Ok(_) => Check::failed(name, format!("there is no contract at {address}"), remedy),
            Err(reason) => Check::failed(name, reason, remedy),
        }
    }

    async fn account(&self, address: &str) -> Check {
        let name = format!("ledger {}: account", self.ledger);
        let balance = self.ask("eth_getBalance", json!([address, "latest"])).await;
        match balance.map(|balance| number(&balance)) {
            Ok(Some(balance)) if balance.is_zero() => Check::failed(
                name,
                format!("{address} owns nothing"),
                format!("send it what transactions on {} cost", self.settings.chain),
            ),
            Ok(Some(balance)) => Check::ok(
                name,
                format!("{address} owns {} ether", format_ether(balance)),
            ),
            Ok(None) => Check::failed(name, "its balance is no number", "ask another node"),
            Err(reason) => Check::failed(name, reason, "ask another node"),
        }
    }
}

/// Compares a block's time with this machine's.
fn clock(ledger: &str, block: u64) -> Check {
    let name = format!("ledger {ledger}: clock");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let remedy = "compare this machine's clock with another, and see that the node is in step with its chain";
    match (block.checked_sub(now), now.saturating_sub(block)) {
        (Some(ahead), _) if ahead > AHEAD_SECONDS => Check::warning(
            name,
            format!("the newest block is {ahead} s ahead of this machine"),
            remedy,
        ),
        (_, behind) if behind > OLD_SECONDS => {
            Check::warning(name, format!("the newest block is {behind} s old"), remedy)
        }
        (_, behind) => Check::ok(name, format!("the newest block is {behind} s old")),
    }
}

/// A number in JSON-RPC's hex digits.
fn number(value: &Value) -> Option<U256> {
    U256::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn numbers_are_hex_digits_or_none() {
        assert_eq!(number(&json!("0x10")), Some(U256::from(16)));
        for other in [
            json!("10"),
            json!(10),
            json!("0x"),
            json!("0xg"),
            json!(null),
        ] {
            assert!(
                number(&other).is_none_or(|number| number.is_zero()),
                "{other}"
            );
        }
    }

    #[test]
    fn clocks_may_differ_a_little() {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        for (block, verdict) in [
            (now, Verdict::Ok),
            (now - 300, Verdict::Ok),
            (now - 3600, Verdict::Warning),
            (now + 600, Verdict::Warning),
            (0, Verdict::Warning),
            (u64::MAX, Verdict::Warning),
        ] {
            assert_eq!(clock("main", block).result, verdict, "{block}");
        }
    }
}

use std::fmt;
use std::time::Duration;

use alloy::primitives::Address;
use url::Url;

use crate::{ChainId, Finality};

/// One ledger of the chain kind `evm`.
#[derive(Clone, PartialEq, Eq)]
pub struct EvmSettings {
    /// What bindings and people call it.
    pub name: String,
    /// The node's JSON-RPC over HTTP(S). Providers put access keys into its path,
    /// query or user part, so none of these is ever printed.
    pub rpc: Url,
    /// The chain the node must serve.
    pub chain: ChainId,
    /// The `CryptoDelegate` contract.
    pub gateway: Address,
    /// The `SignerRegistry` that the gateway must trust.
    pub registry: Address,
    /// Name of the key that pays for transactions.
    pub account: String,
    /// When a block counts as final.
    pub finality: Finality,
    /// Never offer more than this for a unit of gas, in wei.
    pub max_fee_per_gas: u128,
    /// How many of the account's transactions may wait for inclusion at a time.
    pub max_in_flight: u64,
    /// How often whoever follows this ledger should look, in milliseconds.
    pub poll_milliseconds: u64,
    /// How long to wait for any answer of the node, in milliseconds.
    pub timeout_milliseconds: u64,
    /// The most blocks to ask events of in one request. Providers commonly allow 1,000 to 10,000.
    pub blocks_per_request: u64,
}

impl EvmSettings {
    /// Settings with the defaults of a public chain: final when the chain says
    /// `finalized`, at most 500 gwei for a unit of gas, 16 transactions in
    /// flight, a look every 2 s, answers within 15 s, 1,000 blocks a request.
    pub fn new(
        name: impl Into<String>,
        rpc: Url,
        chain: ChainId,
        contracts: Contracts,
        account: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            rpc,
            chain,
            gateway: contracts.gateway,
            registry: contracts.registry,
            account: account.into(),
            finality: Finality::Tag(crate::FinalityTag::Finalized),
            max_fee_per_gas: 500_000_000_000,
            max_in_flight: 16,
            poll_milliseconds: 2_000,
            timeout_milliseconds: 15_000,
            blocks_per_request: 1_000,
        }
    }

    /// How often whoever follows this ledger should look.
    pub fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.poll_milliseconds)
    }

    /// The node's address without anything that may be secret.
    pub fn endpoint(&self) -> String {
        redacted(&self.rpc)
    }
}

/// Where a fabric's contracts are on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contracts {
    /// The `CryptoDelegate` contract.
    pub gateway: Address,
    /// The `SignerRegistry` contract.
    pub registry: Address,
}

impl fmt::Debug for EvmSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EvmSettings")
            .field("name", &self.name)
            .field("rpc", &self.endpoint())
            .field("chain", &self.chain)
            .field("gateway", &self.gateway)
            .field("registry", &self.registry)
            .field("account", &self.account)
            .field("finality", &self.finality)
            .field("max_fee_per_gas", &self.max_fee_per_gas)
            .field("max_in_flight", &self.max_in_flight)
            .field("poll_milliseconds", &self.poll_milliseconds)
            .field("timeout_milliseconds", &self.timeout_milliseconds)
            .field("blocks_per_request", &self.blocks_per_request)
            .finish()
    }
}

fn redacted(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let more = url.path() != "/" || url.query().is_some();
    format!(
        "{}://{host}{port}{}",
        url.scheme(),
        if more { "/…" } else { "" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_prints_what_may_be_secret() {
        let rpc: Url = "https://user:hunter2@node.example:8443/v3/hunter2?key=hunter2#hunter2"
            .parse()
            .expect("a well-formed address");
        let contracts = Contracts {
            gateway: Address::ZERO,
            registry: Address::ZERO,
        };
        let settings = EvmSettings::new("main", rpc, ChainId(1), contracts, "payer");
        let printed = format!("{settings:?} {settings:#?} {}", settings.endpoint());
        assert!(
            !printed.contains("hunter2") && !printed.contains("user"),
            "{printed}"
        );
        assert_eq!(settings.endpoint(), "https://node.example:8443/…");
    }
}

//! A node with a registry, a gateway, one ordered binding and a consumer that notes what it gets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy::sol;
use alloy::sol_types::SolCall;
use cryptlet_contracts::node::{Node, NodeSettings};
use cryptlet_contracts::{
    Approval, CryptoDelegate, Signable, SignerRegistry, Terms, binding_id, domain,
};
use cryptlet_ledger::evm::rpc_client;
use cryptlet_ledger::{
    Attempt, Broadcast, ChainId, Contracts, Delivery, EvmLedger, EvmSettings, Finality, Following,
    Signer, SignerError, SigningPurpose,
};

sol! {
    #[allow(missing_docs)]
    #[sol(rpc)]
    ProbeConsumer,
    "../../contracts/artifacts/test/ProbeConsumer.json"
}

pub const CHAIN: u64 = 31_337;
/// 2006-01-01, midnight UTC.
pub const GENESIS: u64 = 1_136_073_600;
pub const YEAR: u64 = 365 * 24 * 3_600;
pub const DELIVERY_KEY: &str = "delivery";
pub const ACCOUNT: &str = "payer";

/// Keys by name; refuses a key for what it is not made for, as the vault does.
#[derive(Default)]
pub struct Keys(BTreeMap<String, (PrivateKeySigner, Option<SigningPurpose>)>);

impl Keys {
    pub fn with(mut self, name: &str, key: PrivateKeySigner, purpose: SigningPurpose) -> Self {
        self.0.insert(name.to_owned(), (key, Some(purpose)));
        self
    }

    fn find(&self, key: &str) -> Result<&(PrivateKeySigner, Option<SigningPurpose>), SignerError> {
        self.0.get(key).ok_or_else(|| SignerError::UnknownKey {
            key: key.to_owned(),
        })
    }
}

impl Signer for Keys {
    fn address(&self, key: &str) -> Result<Address, SignerError> {
        self.find(key).map(|(key, _)| key.address())
    }

    fn sign_digest(
        &self,
        key: &str,
        purpose: SigningPurpose,
        digest: B256,
    ) -> Result<Signature, SignerError> {
        let (signer, allowed) = self.find(key)?;
        if *allowed != Some(purpose) {
            return Err(SignerError::Refused {
                key: key.to_owned(),
                reason: format!("made for {allowed:?}, asked for {purpose:?}"),
            });
        }
        Ok(signer
            .sign_hash_sync(&digest)
            .expect("a key in memory signs"))
    }
}

/// Everything a delivery needs. The first account of the node is the stage hand, the second the payer.
pub struct Stage {
    pub node: Node,
    pub provider: DynProvider,
    pub contracts: Contracts,
    pub probe: ProbeConsumer::ProbeConsumerInstance<DynProvider>,
    pub binding: B256,
    pub keys: Arc<Keys>,
}

impl Stage {
    pub async fn set() -> Self {
        let node = Node::start(NodeSettings {
            chain: CHAIN,
            genesis: GENESIS,
        })
        .unwrap_or_else(|error| panic!("{error}"));
        let provider = connect(&node);
        let accounts = node.accounts();
        let (verifier, guardian) = (accounts[8], accounts[9]);

        let registry = SignerRegistry::deploy(
            provider.clone(),
            guardian,
            vec![SignerRegistry::Verifier { verifier, tier: 0 }],
        )
        .await
        .unwrap();
        let gateway = CryptoDelegate::deploy(provider.clone(), *registry.address())
            .await
            .unwrap();
        let parties = counterparties();
        let addresses: Vec<Address> = parties.iter().map(PrivateKeySigner::address).collect();
        let binding = binding_id(&addresses, keccak256("salt"));
        let probe = ProbeConsumer::deploy(provider.clone(), *gateway.address(), binding)
            .await
            .unwrap();

        let terms = terms(*probe.address(), keccak256("salt"));
        let approvals = approvals(&terms, *gateway.address());
        let host = key("host");
        let create = gateway.createBinding(terms, approvals);
        create.send().await.unwrap().get_receipt().await.unwrap();
        let admit = registry
            .admit(
                binding,
                host.address(),
                keccak256("workload"),
                GENESIS + 10 * YEAR,
                1,
            )
            .from(verifier);
        admit.send().await.unwrap().get_receipt().await.unwrap();

        let keys = Keys::default()
            .with(DELIVERY_KEY, host, SigningPurpose::Delivery)
            .with("stranger", key("stranger"), SigningPurpose::Delivery)
            .with(ACCOUNT, node.keys()[1].clone(), SigningPurpose::Account);
        Self {
            contracts: Contracts {
                gateway: *gateway.address(),
                registry: *registry.address(),
            },
            node,
            provider,
            probe,
            binding,
            keys: Arc::new(keys),
        }
    }

    pub fn settings(&self, finality: Finality) -> EvmSettings {
        let mut settings = EvmSettings::new(
            "main",
            self.node.url(),
            ChainId(CHAIN),
            self.contracts,
            ACCOUNT,
        );
        settings.finality = finality;
        settings.timeout_milliseconds = 30_000;
        settings
    }

    pub async fn ledger(&self, finality: Finality) -> EvmLedger {
        self.connect(self.settings(finality)).await
    }

    pub async fn connect(&self, settings: EvmSettings) -> EvmLedger {
        EvmLedger::connect(settings, self.keys.clone())
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// A delivery of `note(value)` that the gateway takes.
    pub fn delivery(&self, delivery: u64, value: u64) -> Delivery {
        Delivery {
            binding: self.binding,
            binding_version: binding_version(),
            delivery,
            measurement: measurement(),
            execution_hash: keccak256("execution"),
            receipt_hash: keccak256(delivery.to_be_bytes()),
            call: note(value),
            not_before: GENESIS,
            valid_until: GENESIS + YEAR,
            gas_limit: 300_000,
            max_fee: 0,
        }
    }

    /// Broadcasts and waits until the node, which mines by itself, has included it.
    pub async fn include(&self, ledger: &EvmLedger, attempt: &Attempt) -> Following {
        assert_eq!(
            ledger.broadcast(attempt).await.unwrap(),
            Broadcast::Accepted
        );
        for _ in 0..1_000 {
            let following = ledger.follow(attempt.hash).await.unwrap();
            if following.inclusion().is_some() {
                return following;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} is not included", attempt.hash);
    }

    pub async fn mine(&self, blocks: u64) {
        self.provider.anvil_mine(Some(blocks), None).await.unwrap();
    }

    /// Blocks come only when [`Stage::mine`] asks for them.
    pub async fn hold_blocks(&self) {
        self.provider.anvil_set_auto_mine(false).await.unwrap();
    }

    /// The values that have arrived at the consumer.
    pub async fn noted(&self) -> Vec<u64> {
        let count: U256 = self.probe.count().call().await.unwrap();
        let mut values = Vec::new();
        for index in 0..count.to::<u64>() {
            let value: U256 = self.probe.values(U256::from(index)).call().await.unwrap();
            values.push(value.to());
        }
        values
    }

    pub async fn break_consumer(&self, broken: bool) {
        let change = self.probe.setBroken(broken);
        change.send().await.unwrap().get_receipt().await.unwrap();
    }
}

/// A key that belongs to a name.
pub fn key(name: &str) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256(name)).expect("a hash is a key, but for 1 of 2^127")
}

pub fn binding_version() -> B256 {
    keccak256("binding version 1")
}

pub fn measurement() -> B256 {
    keccak256("cryptlet 1")
}

/// The consumer's call `note(value)`.
pub fn note(value: u64) -> Bytes {
    ProbeConsumer::noteCall {
        value: U256::from(value),
    }
    .abi_encode()
    .into()
}

/// What both counterparties agree to.
pub fn terms(consumer: Address, salt: B256) -> Terms {
    Terms {
        counterparties: counterparties()
            .iter()
            .map(PrivateKeySigner::address)
            .collect(),
        threshold: 2,
        salt,
        consumer,
        signerThreshold: 1,
        ordered: true,
        versionDelay: 0,
        bindingVersion: binding_version(),
        measurement: measurement(),
    }
}

/// Both counterparties' signatures under the terms.
pub fn approvals(terms: &Terms, gateway: Address) -> Vec<Approval> {
    let digest = terms.digest(&domain(CHAIN, gateway));
    counterparties()
        .iter()
        .map(|party| Approval {
            counterparty: party.address(),
            signature: party.sign_hash_sync(&digest).unwrap().as_bytes().into(),
        })
        .collect()
}

/// Ascending by address, as the gateway wants them.
fn counterparties() -> [PrivateKeySigner; 2] {
    let mut parties = [key("first counterparty"), key("second counterparty")];
    parties.sort_by_key(PrivateKeySigner::address);
    parties
}

/// A connection that signs with the node's own keys, for everything but the ledger under test.
fn connect(node: &Node) -> DynProvider {
    let client = rpc_client(node.url(), Duration::from_secs(10)).unwrap();
    client.set_poll_interval(Duration::from_millis(20));
    ProviderBuilder::new()
        .wallet(node.wallet())
        .connect_client(client)
        .erased()
}

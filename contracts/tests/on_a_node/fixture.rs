//! A node with a registry, a gateway, one binding of two counterparties and a consumer that notes what it gets.

use std::{marker::PhantomData, time::Duration};

use alloy::{
    contract::{CallBuilder, CallDecoder},
    network::Ethereum,
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::{DynProvider, Provider, ProviderBuilder, ext::AnvilApi},
    rpc::types::TransactionReceipt,
    signers::{SignerSync, local::PrivateKeySigner},
    sol,
    sol_types::{Eip712Domain, SolCall, SolError, SolEvent},
};
use cryptlet_contracts::{
    Approval, CryptoDelegate, Result, Signable, SignerRegistry, Terms, binding_id, domain,
    node::{Node, NodeSettings},
};

pub use cryptlet_contracts::CryptoDelegate::CryptoDelegateInstance as Gateway;
pub use cryptlet_contracts::SignerRegistry::SignerRegistryInstance as Registry;

sol! {
    #[allow(missing_docs)]
    #[sol(rpc, all_derives)]
    ProbeConsumer,
    "artifacts/test/ProbeConsumer.json"
}

sol! {
    #[allow(missing_docs)]
    #[sol(rpc, all_derives)]
    TestWallet,
    "artifacts/test/TestWallet.json"
}

pub const CHAIN: u64 = 31_337;
/// 2006-01-01, midnight UTC.
pub const GENESIS: u64 = 1_136_073_600;
pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 24 * HOUR;

/// A key that belongs to a name.
pub fn key(name: &str) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256(name)).expect("a hash is a key, but for 1 of 2^127")
}

pub fn hash(name: &str) -> B256 {
    keccak256(name)
}

/// Two counterparties, ascending by address as the gateway wants them.
pub fn counterparties() -> [PrivateKeySigner; 2] {
    let mut parties = [key("first counterparty"), key("second counterparty")];
    parties.sort_by_key(|party| party.address());
    parties
}

/// 65 bytes r, s, v.
pub fn signature(signer: &PrivateKeySigner, digest: B256) -> Bytes {
    let signature = signer
        .sign_hash_sync(&digest)
        .expect("a key in memory signs");
    signature.as_bytes().into()
}

/// What a binding's counterparties agree on, if a test does not say otherwise.
pub fn terms(counterparties: &[Address], salt: &str, consumer: Address) -> Terms {
    Terms {
        counterparties: counterparties.to_vec(),
        threshold: 2,
        salt: hash(salt),
        consumer,
        signerThreshold: 1,
        ordered: true,
        versionDelay: 0,
        bindingVersion: hash("binding version 1"),
        measurement: hash("cryptlet 1"),
    }
}

/// Signatures of a message by several counterparties, in ascending order.
pub fn approvals(
    message: &impl Signable,
    domain: &Eip712Domain,
    signers: &[&PrivateKeySigner],
) -> Vec<Approval> {
    let digest = message.digest(domain);
    let mut approvals: Vec<_> = signers
        .iter()
        .map(|signer| Approval {
            counterparty: signer.address(),
            signature: signature(signer, digest),
        })
        .collect();
    approvals.sort_by_key(|approval| approval.counterparty);
    approvals
}

/// Signatures of a message by several hosts, in the order that the gateway wants.
pub fn vouches(
    message: &impl Signable,
    domain: &Eip712Domain,
    signers: &[&PrivateKeySigner],
) -> Vec<Bytes> {
    let digest = message.digest(domain);
    let mut signers = signers.to_vec();
    signers.sort_by_key(|signer| signer.address());
    signers
        .into_iter()
        .map(|signer| signature(signer, digest))
        .collect()
}

/// A node and a connection that funds and signs everything from the node's own accounts.
pub struct Chain {
    /// Stops when the test is over.
    _node: Node,
    pub provider: DynProvider,
    pub accounts: Vec<Address>,
}

impl Chain {
    pub async fn start() -> Self {
        let node = Node::start(NodeSettings {
            chain: CHAIN,
            genesis: GENESIS,
        })
        .unwrap_or_else(|error| panic!("{error}"));
        // alloy's client takes the TLS provider of the process even for plain HTTP. Another test of
        // this program may have installed it already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let provider = ProviderBuilder::new()
            .wallet(node.wallet())
            .connect_http(node.url())
            .erased();
        provider
            .client()
            .set_poll_interval(Duration::from_millis(20));
        let accounts = node.accounts().to_vec();
        Self {
            _node: node,
            provider,
            accounts,
        }
    }

    /// Mines a block at `timestamp`, so that calls see that time.
    pub async fn set_time(&self, timestamp: u64) {
        self.provider
            .anvil_set_time(timestamp)
            .await
            .expect("the node takes a time");
        self.provider
            .evm_mine(None)
            .await
            .expect("the node mines a block");
    }

    pub async fn now(&self) -> u64 {
        self.provider
            .get_block_by_number(Default::default())
            .await
            .expect("the node answers")
            .expect("there is a latest block")
            .header
            .timestamp
    }
}

/// A call of a contract, not sent yet.
pub type Call<'a, C> = CallBuilder<&'a DynProvider, PhantomData<C>, Ethereum>;

/// Sends a transaction that must succeed.
pub async fn send(
    call: CallBuilder<impl Provider, impl CallDecoder, Ethereum>,
) -> TransactionReceipt {
    let receipt = call
        .send()
        .await
        .expect("the node takes the transaction")
        .get_receipt()
        .await
        .expect("the transaction is mined");
    assert!(receipt.status(), "the transaction reverted");
    receipt
}

/// The custom error that a call is refused with. Any other outcome fails the test.
pub async fn refusal<E: SolError>(
    call: CallBuilder<impl Provider, impl CallDecoder, Ethereum>,
) -> E {
    match call.call_raw().await {
        Ok(answer) => panic!(
            "must be refused with {}, but answered {answer}",
            E::SIGNATURE
        ),
        Err(error) => {
            let data = error.as_revert_data();
            data.as_ref()
                .and_then(|data| E::abi_decode(data).ok())
                .unwrap_or_else(|| {
                    panic!(
                        "must be refused with {}, not {data:?} ({error})",
                        E::SIGNATURE
                    )
                })
        }
    }
}

/// The only event of this type in a receipt.
pub fn event<E: SolEvent>(receipt: &TransactionReceipt) -> E {
    let mut events = events::<E>(receipt);
    assert_eq!(events.len(), 1, "one {} is expected", E::SIGNATURE);
    events.remove(0)
}

pub fn events<E: SolEvent>(receipt: &TransactionReceipt) -> Vec<E> {
    receipt
        .logs()
        .iter()
        .filter_map(|log| E::decode_log(&log.inner).ok())
        .map(|log| log.data)
        .collect()
}

/// Everything that a delivery needs.
pub struct Fixture {
    pub chain: Chain,
    pub registry: Registry<DynProvider>,
    pub gateway: Gateway<DynProvider>,
    pub probe: ProbeConsumer::ProbeConsumerInstance<DynProvider>,
    pub parties: [PrivateKeySigner; 2],
    pub terms: Terms,
    pub binding: B256,
    /// Whose delivery key is admitted for the binding.
    pub host: PrivateKeySigner,
    pub domain: Eip712Domain,
}

impl Fixture {
    /// An ordered binding that one host serves.
    pub async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// A binding whose terms differ.
    pub async fn with(change: impl FnOnce(&mut Terms)) -> Self {
        let chain = Chain::start().await;
        let (guardian, verifier) = (chain.accounts[8], chain.accounts[9]);
        let registry = SignerRegistry::deploy(
            chain.provider.clone(),
            guardian,
            vec![SignerRegistry::Verifier { verifier, tier: 0 }],
        )
        .await
        .expect("the registry is deployed");
        let gateway = CryptoDelegate::deploy(chain.provider.clone(), *registry.address())
            .await
            .expect("the gateway is deployed");

        let parties = counterparties();
        let addresses = [parties[0].address(), parties[1].address()];
        let binding = binding_id(&addresses, hash("salt"));
        let probe = ProbeConsumer::deploy(chain.provider.clone(), *gateway.address(), binding)
            .await
            .expect("the consumer is deployed");
        let mut terms = terms(&addresses, "salt", *probe.address());
        change(&mut terms);

        let fixture = Self {
            domain: domain(CHAIN, *gateway.address()),
            chain,
            registry,
            gateway,
            probe,
            parties,
            terms,
            binding,
            host: key("host"),
        };
        let signed = fixture.approvals(&fixture.terms);
        send(fixture.gateway.createBinding(fixture.terms.clone(), signed)).await;
        fixture.admit(&fixture.host, fixture.binding).await;
        fixture
    }

    pub fn guardian(&self) -> Address {
        self.chain.accounts[8]
    }

    pub fn verifier(&self) -> Address {
        self.chain.accounts[9]
    }

    /// Admits a key for ten years.
    pub async fn admit(&self, signer: &PrivateKeySigner, binding: B256) {
        let expiry = self.chain.now().await + 3_650 * DAY;
        let admission = self
            .registry
            .admit(binding, signer.address(), hash("workload"), expiry, 1);
        send(admission.from(self.verifier())).await;
    }

    /// Both counterparties' signatures.
    pub fn approvals(&self, message: &impl Signable) -> Vec<Approval> {
        approvals(message, &self.domain, &[&self.parties[0], &self.parties[1]])
    }

    /// The host's signature.
    pub fn vouch(&self, message: &impl Signable) -> Vec<Bytes> {
        vouches(message, &self.domain, &[&self.host])
    }

    /// A delivery of `call` that the gateway takes.
    pub fn result(&self, delivery: u64, call: &[u8]) -> Result {
        Result {
            binding: self.binding,
            bindingVersion: self.terms.bindingVersion,
            delivery,
            measurement: self.terms.measurement,
            executionHash: hash("execution"),
            receiptHash: keccak256(delivery.to_be_bytes()),
            outputHash: keccak256(call),
            notBefore: GENESIS,
            validUntil: GENESIS + 30 * DAY,
            gasLimit: 300_000,
            maxFee: Default::default(),
        }
    }

    /// A transaction that delivers what the host signed.
    pub fn deliver(&self, result: &Result, call: &Bytes) -> Call<'_, CryptoDelegate::deliverCall> {
        self.gateway
            .deliver(result.clone(), call.clone(), self.vouch(result))
    }

    /// Delivers `note(value)` as number `delivery`; it must be taken.
    pub async fn note(&self, delivery: u64, value: u64) -> CryptoDelegate::Delivered {
        let call = note(value);
        let receipt = send(self.deliver(&self.result(delivery, &call), &call)).await;
        event(&receipt)
    }

    /// The values that have arrived at the consumer.
    pub async fn noted(&self) -> Vec<U256> {
        let count = self.probe.count().call().await.expect("the probe answers");
        let mut values = Vec::new();
        for index in 0..count.to::<u64>() {
            let value = self.probe.values(U256::from(index)).call().await;
            values.push(value.expect("the probe answers"));
        }
        values
    }
}

/// The consumer's call `note(value)`.
pub fn note(value: u64) -> Bytes {
    ProbeConsumer::noteCall {
        value: U256::from(value),
    }
    .abi_encode()
    .into()
}

pub fn numbers(values: &[u64]) -> Vec<U256> {
    values.iter().copied().map(U256::from).collect()
}

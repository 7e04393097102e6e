//! A fabric with many bindings on a journal of its own, and the node that it asks.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{DynProvider, Provider as _, ProviderBuilder};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Result, bail};
use cryptlet_attest::{BindingId, Measurement};
use cryptlet_contracts::node::{Node, NodeSettings};
use cryptlet_contracts::{CryptoDelegate, SignerRegistry};
use cryptlet_fabric::{Approval, Binding, Configuration, Fabric, Seams, Steps};
use cryptlet_ledger::evm::rpc_client;
use cryptlet_vault::{Algorithm, Cost, KeyName, Passphrase, Purpose, SignatureDelegate, Vault};
use tempfile::TempDir;

use super::guest::{Kind, VERSIONS};

/// How long the node may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
const ATTESTATION_KEY: &str = "attestation";
const ACCOUNT_KEY: &str = "account";

/// The message that wakes every binding.
pub const TOPIC: &str = "Again";
/// The same with something to keep.
pub const DOCUMENT_TOPIC: &str = "Filed";

/// One cryptlet in its versions.
pub struct Deployed {
    pub kind: Kind,
    /// By version, in the order of [`VERSIONS`].
    pub measurements: Vec<Measurement>,
}

/// One binding.
pub struct Bound {
    pub name: String,
    pub id: BindingId,
    /// Place of its cryptlet among [`Host::cryptlets`].
    pub cryptlet: usize,
}

/// A fabric that serves.
pub struct Host {
    pub fabric: Arc<Fabric>,
    pub cryptlets: Vec<Deployed>,
    pub bindings: Vec<Bound>,
    state: PathBuf,
    /// Both are stopped or removed with it.
    _node: Node,
    _folder: TempDir,
}

impl Host {
    /// Deploys `cryptlets` cryptlets, every second of which keeps state, and spreads `bindings`
    /// bindings over them, each on the first version. Those with state are ordered.
    ///
    /// # Errors
    ///
    /// If there is no node, or the fabric refuses something.
    pub async fn start(cryptlets: usize, bindings: usize, steps: Arc<dyn Steps>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let state = folder.path().join("state");
        let node = Node::start(NodeSettings::default())?;
        let chain = ProviderBuilder::new()
            .wallet(node.wallet())
            .connect_client(rpc_client(node.url(), PATIENCE)?)
            .erased();
        let places = Places::deploy(&node, chain).await?;
        let delegate = make_keys(&state, bindings)?;
        let configuration = places.configuration(&node)?;
        let seams = Seams {
            steps,
            ..Seams::live()?
        };
        let fabric = Fabric::open(&state, &configuration, delegate, seams).await?;
        let mut host = Self {
            fabric: Arc::new(fabric),
            cryptlets: Vec::new(),
            bindings: Vec::new(),
            state,
            _node: node,
            _folder: folder,
        };
        for number in 0..cryptlets {
            host.deploy(number).await?;
        }
        let parties = [host._node.keys()[1].clone(), host._node.keys()[2].clone()];
        for number in 0..bindings {
            host.bind(number, &places, &parties).await?;
        }
        Ok(host)
    }

    async fn deploy(&mut self, number: usize) -> Result<()> {
        let kind = if number.is_multiple_of(2) {
            Kind::Counting
        } else {
            Kind::Answering
        };
        let mut measurements = Vec::with_capacity(VERSIONS.len());
        for version in VERSIONS {
            let component = kind.component(&cryptlet_name(number), version)?;
            measurements.push(self.fabric.deploy(component).await?.measurement);
        }
        self.cryptlets.push(Deployed { kind, measurements });
        Ok(())
    }

    async fn bind(
        &mut self,
        number: usize,
        places: &Places,
        parties: &[PrivateKeySigner],
    ) -> Result<()> {
        let cryptlet = number % self.cryptlets.len();
        let Deployed { kind, measurements } = &self.cryptlets[cryptlet];
        let name = format!("binding-{number}");
        let mut counterparties: Vec<Address> =
            parties.iter().map(PrivateKeySigner::address).collect();
        counterparties.sort_unstable();
        let document = format!(
            r#"
counterparties = [{{ name = "Acme", address = "{}" }}, {{ name = "Globex", address = "{}" }}]

[binding]
name = "{name}"
cryptlet = "{}"
versions = "^1.0"
measurement = "{}"
salt = "{}"
threshold = 2

[contract]
ledger = "anvil"
chain = "eip155:{}"
gateway = "{}"
consumer = "{}"
ordered = {}
signer-threshold = 1
version-delay-seconds = 3600
validity-seconds = 86400
gas-limit = 300000
actions = []
events = []

[keys]
delivery = "{}"

[triggers]
messages = ["{TOPIC}(uint32 number)", "{DOCUMENT_TOPIC}(uint32 number, string document)"]

[grants]
state = {}
"#,
            counterparties[0],
            counterparties[1],
            cryptlet_name(cryptlet),
            measurements[0],
            B256::from(U256::from(number)),
            self._node.chain(),
            places.gateway,
            // Nothing is delivered; a document names some contract that is not the gateway.
            places.registry,
            *kind == Kind::Counting,
            delivery_key(number),
            *kind == Kind::Counting,
        );
        let binding = Binding::parse(&name, &document)?;
        let digest = binding.terms_digest();
        let approvals = parties
            .iter()
            .map(|party| {
                Ok(Approval {
                    counterparty: party.address(),
                    signature: Bytes::from(party.sign_hash_sync(&digest)?.as_bytes()),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let id = self.fabric.bind(binding, approvals).await?;
        self.bindings.push(Bound { name, id, cryptlet });
        Ok(())
    }

    /// Where the fabric keeps what must survive.
    pub fn journal(&self) -> PathBuf {
        self.state.join("journal.sqlite")
    }

    /// Stops the fabric and hands out what its journal says from now on.
    ///
    /// # Errors
    ///
    /// If somebody else still holds the fabric.
    pub fn stop(self) -> Result<Stopped> {
        let Ok(fabric) = Arc::try_unwrap(self.fabric) else {
            bail!("somebody still works with the fabric")
        };
        drop(fabric);
        Ok(Stopped {
            journal: self.state.join("journal.sqlite"),
            cryptlets: self.cryptlets,
            bindings: self.bindings,
            _folder: self._folder,
        })
    }
}

/// What is left of a fabric that was stopped.
pub struct Stopped {
    pub journal: PathBuf,
    pub cryptlets: Vec<Deployed>,
    pub bindings: Vec<Bound>,
    _folder: TempDir,
}

fn cryptlet_name(number: usize) -> String {
    format!("cryptlet-n{number}")
}

fn delivery_key(number: usize) -> String {
    format!("delivery-{number}")
}

/// Where the contracts are.
struct Places {
    gateway: Address,
    registry: Address,
}

impl Places {
    async fn deploy(node: &Node, chain: DynProvider) -> Result<Self> {
        let verifier = node.accounts()[0];
        let registry = SignerRegistry::deploy(
            chain.clone(),
            node.accounts()[3],
            vec![SignerRegistry::Verifier { verifier, tier: 0 }],
        )
        .await?;
        let gateway = CryptoDelegate::deploy(chain, *registry.address()).await?;
        Ok(Self {
            gateway: *gateway.address(),
            registry: *registry.address(),
        })
    }

    fn configuration(&self, node: &Node) -> Result<Configuration> {
        let text = format!(
            r#"
[fabric]
origin = "bench.example/log"
attestation-key = "{ATTESTATION_KEY}"

[ledgers.anvil]
chain = "eip155:{}"
rpc = "{}"
gateway = "{}"
registry = "{}"
account = "{ACCOUNT_KEY}"
finality = "depth:2"
max-fee-per-gas = "500000000000"
"#,
            node.chain(),
            node.url(),
            self.gateway,
            self.registry
        );
        Ok(Configuration::parse("the bench's configuration", &text)?)
    }
}

/// Makes the fabric's keys; they protect nothing, so their files are cheap to open.
fn make_keys(state: &Path, bindings: usize) -> Result<SignatureDelegate> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)?;
    let passphrase = Passphrase::new("correct horse battery staple")?;
    let vault = Vault::open(state.join("keys"))?;
    let make = |name: &str, algorithm, purpose| -> Result<()> {
        let name: KeyName = name.parse()?;
        vault.create(&name, algorithm, purpose, &passphrase, Cost::Light)?;
        Ok(())
    };
    make(ATTESTATION_KEY, Algorithm::Ed25519, Purpose::Attestation)?;
    make(ACCOUNT_KEY, Algorithm::Secp256k1, Purpose::Account)?;
    for number in 0..bindings {
        make(
            &delivery_key(number),
            Algorithm::Secp256k1,
            Purpose::Delivery,
        )?;
    }
    vault.unlock_all(&passphrase)?;
    Ok(vault.delegate())
}

//! A node, contracts, wallets, rates and a fabric: everything the story happens in.

use std::path::{Path, PathBuf};

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::providers::{DynProvider, Provider as _, ProviderBuilder, ext::AnvilApi as _};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context as _, Result, ensure};
use cryptlet_attest::Measurement;
use cryptlet_contracts::node::{Node, NodeSettings};
use cryptlet_contracts::{
    AllowVersion, Approval as ChainApproval, CollateralToken, CryptoDelegate, InterestRateSwap,
    RevokeVersion, Signable, SignerRegistry,
};
use cryptlet_fabric::{
    Approval, Binding, Configuration, Fabric, Identity, Ledger, Publication, Runs, Seams, Service,
};
use cryptlet_ledger::evm::rpc_client;
use cryptlet_ledger::{ChainId, Finality};
use cryptlet_vault::{Algorithm, Cost, KeyName, Passphrase, Purpose, SignatureDelegate, Vault};

use crate::rates::RateServer;
use crate::swap::{self, Parties, Places};
use crate::{Components, schedule};

/// The attestation key's name in the vault.
pub const ATTESTATION_KEY: &str = "attestation";
/// The account key's name in the vault.
pub const ACCOUNT_KEY: &str = "anvil-account";
/// The log's name.
pub const ORIGIN: &str = "demo.cryptlet-fabric.example/log";
/// What each party has to begin with and what it puts up: 5 million with six decimals.
pub const COLLATERAL: u64 = 5_000_000_000_000;

/// How long the node may take to answer; machines that test are busy.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Everything outside the fabric, and the folder that one can be opened on.
pub struct World {
    /// The chain.
    pub node: Node,
    /// The chain, as wallets use it: account 0 pays unless a call says otherwise.
    pub chain: DynProvider,
    /// Publishes the rates.
    pub rates: RateServer,
    /// Acme's wallet.
    pub acme: PrivateKeySigner,
    /// Globex's wallet.
    pub globex: PrivateKeySigner,
    /// The contracts.
    pub contracts: Contracts,
    /// What the parties agreed to.
    pub binding: Binding,
    /// Their signatures.
    pub approvals: Vec<Approval>,
    /// The account of the delivery key.
    pub signer: Address,
    /// The fabric's state folder.
    pub state: PathBuf,
    /// What runs.
    pub components: Components,
}

/// The contracts of the story.
#[derive(Clone)]
pub struct Contracts {
    /// Who may sign for which binding.
    pub registry: SignerRegistry::SignerRegistryInstance<DynProvider>,
    /// The gateway.
    pub gateway: CryptoDelegate::CryptoDelegateInstance<DynProvider>,
    /// The money.
    pub token: CollateralToken::CollateralTokenInstance<DynProvider>,
    /// The swap.
    pub swap: InterestRateSwap::InterestRateSwapInstance<DynProvider>,
}

impl World {
    /// Starts a node in 2006, deploys the contracts, makes keys, has both parties sign, and
    /// prepares a state folder. No fabric runs yet.
    pub async fn new(state: &Path, components: Components) -> Result<Self> {
        let world = Self::before_agreement(state, components).await?;
        world.agree_on_the_chain().await?;
        world.admit().await?;
        Ok(world)
    }

    /// The same, but the chain knows nothing of the binding yet, and no delivery key is admitted.
    pub async fn before_agreement(state: &Path, components: Components) -> Result<Self> {
        let boundaries = schedule::boundaries();
        let node = Node::start(NodeSettings {
            genesis: boundaries[0],
            ..NodeSettings::default()
        })?;
        let chain = ProviderBuilder::new()
            .wallet(node.wallet())
            .connect_client(rpc_client(node.url(), PATIENCE)?)
            .erased();
        let rates = RateServer::start().await?;
        let acme = node.keys()[1].clone();
        let globex = node.keys()[2].clone();
        let delegate = make_keys(state)?;

        let verifier = node.accounts()[0];
        let registry = SignerRegistry::deploy(
            chain.clone(),
            node.accounts()[3],
            vec![SignerRegistry::Verifier { verifier, tier: 0 }],
        )
        .await?;
        let gateway = CryptoDelegate::deploy(chain.clone(), *registry.address()).await?;
        let allocations = [&acme, &globex]
            .map(|wallet| CollateralToken::Allocation {
                holder: wallet.address(),
                amount: U256::from(COLLATERAL),
            })
            .to_vec();
        let token = CollateralToken::deploy(
            chain.clone(),
            "Demonstration Dollar".into(),
            "DUSD".into(),
            6,
            allocations,
        )
        .await?;
        let parties = Parties {
            acme: acme.address(),
            globex: globex.address(),
            salt: keccak256("the swap of 2006"),
        };
        let id = parties.binding_id();
        let swap = InterestRateSwap::deploy(
            chain.clone(),
            *gateway.address(),
            id,
            *token.address(),
            acme.address(),
            globex.address(),
            schedule::notional(),
            schedule::FIXED_BPS,
            boundaries,
        )
        .await?;
        let contracts = Contracts {
            registry,
            gateway,
            token,
            swap,
        };
        let places = Places {
            chain: node.chain(),
            gateway: *contracts.gateway.address(),
            consumer: *contracts.swap.address(),
            rates: rates.base()?,
        };
        let binding = swap::binding(
            &parties,
            &places,
            Measurement::of(&components.swap),
            Measurement::of(&components.reference_rate),
        )?;
        let approvals = [&acme, &globex]
            .into_iter()
            .map(|wallet| approve(wallet, binding.terms_digest()))
            .collect::<Result<Vec<_>>>()?;

        let world = Self {
            node,
            chain,
            rates,
            acme,
            globex,
            contracts,
            binding,
            approvals,
            signer: address_of(&delegate, swap::DELIVERY_KEY)?,
            state: state.to_owned(),
            components,
        };
        world.put_up_collateral().await?;
        world.fund(&delegate).await?;
        world.configuration().write(state)?;
        Ok(world)
    }

    /// The fabric's configuration.
    #[must_use]
    pub fn configuration(&self) -> Configuration {
        let ledger = Ledger {
            chain: ChainId(self.node.chain()),
            rpc: self.node.url(),
            gateway: *self.contracts.gateway.address(),
            registry: *self.contracts.registry.address(),
            account: ACCOUNT_KEY.into(),
            finality: Finality::Depth(2),
            max_fee_per_gas: 500_000_000_000,
        };
        Configuration {
            fabric: Identity {
                origin: ORIGIN.into(),
                attestation_key: ATTESTATION_KEY.into(),
            },
            ledgers: [(swap::LEDGER.to_owned(), ledger)].into(),
            limits: cryptlet_container::Settings::default().limits,
            service: Service {
                // Any port: nobody should have to free one to try things.
                listen: ([127, 0, 0, 1], 0).into(),
                ..Service::default()
            },
            log: Publication::default(),
            runs: Runs::default(),
            compilation: Default::default(),
            directories: Default::default(),
            bindings: Default::default(),
        }
    }

    /// Opens the fabric on the state folder.
    pub async fn open(&self, seams: Seams) -> Result<Fabric> {
        let delegate = unlock(&self.state)?;
        Ok(Fabric::open(&self.state, &self.configuration(), delegate, seams).await?)
    }

    /// Deploys the cryptlets and activates the binding.
    pub async fn set_up(&self, fabric: &Fabric) -> Result<()> {
        fabric
            .deploy(self.components.reference_rate.clone())
            .await?;
        fabric.deploy(self.components.swap.clone()).await?;
        fabric
            .bind(self.binding.clone(), self.approvals.clone())
            .await?;
        Ok(())
    }

    /// Lets time pass to the end of a period (counted from 1) and has a passer-by end it.
    pub async fn end_period(&self, period: usize) -> Result<()> {
        let end = schedule::boundaries()[period];
        let now = self.now().await?;
        if now < end {
            self.chain.anvil_set_next_block_timestamp(end).await?;
        }
        let anybody = self.node.accounts()[5];
        let receipt = self
            .contracts
            .swap
            .endPeriod()
            .from(anybody)
            .send()
            .await?
            .get_receipt()
            .await?;
        ensure!(
            receipt.status(),
            "endPeriod of period {period} was reverted"
        );
        self.mine(2).await
    }

    /// The latest block's time.
    pub async fn now(&self) -> Result<u64> {
        let block = self
            .chain
            .get_block(alloy::eips::BlockId::latest())
            .await?
            .context("the node has no latest block")?;
        Ok(block.header.timestamp)
    }

    /// Adds blocks, so that what is included becomes final.
    pub async fn mine(&self, blocks: u64) -> Result<()> {
        self.chain.anvil_mine(Some(blocks), None).await?;
        Ok(())
    }

    /// Advances the fabric, adding blocks in between, until nothing moves any more. Returns what
    /// still waits.
    pub async fn settle(&self, fabric: &Fabric) -> Result<Vec<cryptlet_fabric::Waiting>> {
        // Built, sent, included and final take a few passes; many more mean that it never ends.
        for _ in 0..40 {
            let progress = fabric.advance().await?;
            if progress.is_quiet() {
                let open = fabric.journal().open_deliveries(&self.binding.id())?;
                if open.is_empty() || !progress.waiting.is_empty() {
                    return Ok(progress.waiting);
                }
            }
            self.mine(1).await?;
        }
        anyhow::bail!("the fabric did not come to rest")
    }

    /// Acme alone takes back the version that runs.
    pub async fn revoke(&self) -> Result<()> {
        let terms = self.binding.terms();
        let revocation = RevokeVersion {
            binding: B256::from(*self.binding.id().as_bytes()),
            bindingVersion: terms.bindingVersion,
            measurement: terms.measurement,
            nonce: 0,
        };
        let approval = self
            .chain_approvals(revocation.digest(&self.domain()))?
            .into_iter()
            .find(|approval| approval.counterparty == self.acme.address())
            .context("Acme signs")?;
        let receipt = self
            .contracts
            .gateway
            .revokeVersion(
                revocation.binding,
                revocation.bindingVersion,
                revocation.measurement,
                revocation.nonce,
                approval,
            )
            .send()
            .await?
            .get_receipt()
            .await?;
        ensure!(receipt.status(), "revokeVersion was reverted");
        Ok(())
    }

    /// Both parties allow a measurement on the chain, and the agreed delay passes.
    pub async fn allow(&self, measurement: Measurement) -> Result<()> {
        let terms = self.binding.terms();
        let id = B256::from(*self.binding.id().as_bytes());
        let nonce = self.contracts.gateway.binding(id).call().await?.changeNonce;
        let change = AllowVersion {
            binding: id,
            bindingVersion: terms.bindingVersion,
            measurement: B256::from(*measurement.as_bytes()),
            nonce,
        };
        let digest = change.digest(&self.domain());
        let receipt = self
            .contracts
            .gateway
            .allowVersion(
                id,
                change.bindingVersion,
                change.measurement,
                nonce,
                self.chain_approvals(digest)?,
            )
            .send()
            .await?
            .get_receipt()
            .await?;
        ensure!(receipt.status(), "allowVersion was reverted");
        self.pass(terms.versionDelay).await
    }

    /// Lets time pass on the chain, and adds the block that says so.
    pub async fn pass(&self, seconds: u64) -> Result<()> {
        self.chain.anvil_increase_time(seconds).await?;
        self.mine(1).await
    }

    /// Both parties' signatures under a digest, as the gateway takes them: ascending.
    pub fn chain_approvals(&self, digest: B256) -> Result<Vec<ChainApproval>> {
        let mut wallets = [&self.acme, &self.globex];
        wallets.sort_by_key(|wallet| wallet.address());
        wallets
            .into_iter()
            .map(|wallet| {
                Ok(ChainApproval {
                    counterparty: wallet.address(),
                    signature: Bytes::from(wallet.sign_hash_sync(&digest)?.as_bytes()),
                })
            })
            .collect()
    }

    /// The gateway's EIP-712 domain.
    #[must_use]
    pub fn domain(&self) -> alloy::sol_types::Eip712Domain {
        cryptlet_contracts::domain(self.node.chain(), *self.contracts.gateway.address())
    }

    /// Somebody hands the gateway the binding with both signatures.
    pub async fn agree_on_the_chain(&self) -> Result<()> {
        let approvals = self.chain_approvals(self.binding.terms_digest())?;
        let receipt = self
            .contracts
            .gateway
            .createBinding(terms(&self.binding), approvals)
            .send()
            .await?
            .get_receipt()
            .await?;
        ensure!(receipt.status(), "createBinding was reverted");
        Ok(())
    }

    /// The verifier of the software tier admits the delivery key for this binding alone.
    pub async fn admit(&self) -> Result<()> {
        let expiry = schedule::boundaries()[schedule::QUARTERS] + 365 * 86_400;
        let receipt = self
            .contracts
            .registry
            .admit(
                B256::from(*self.binding.id().as_bytes()),
                self.signer,
                keccak256("demonstration, software tier"),
                expiry,
                1,
            )
            .send()
            .await?
            .get_receipt()
            .await?;
        ensure!(receipt.status(), "admit was reverted");
        Ok(())
    }

    async fn put_up_collateral(&self) -> Result<()> {
        let amount = U256::from(COLLATERAL);
        for wallet in [&self.acme, &self.globex] {
            let from = wallet.address();
            let approve = self
                .contracts
                .token
                .approve(*self.contracts.swap.address(), amount)
                .from(from);
            ensure!(approve.send().await?.get_receipt().await?.status());
            let deposit = self.contracts.swap.deposit(amount).from(from);
            ensure!(deposit.send().await?.get_receipt().await?.status());
        }
        Ok(())
    }

    /// Pays the fabric's account for its gas.
    async fn fund(&self, delegate: &SignatureDelegate) -> Result<()> {
        let payment = TransactionRequest::default()
            .to(address_of(delegate, ACCOUNT_KEY)?)
            .value(U256::from(10).pow(U256::from(18)));
        let receipt = self
            .chain
            .send_transaction(payment)
            .await?
            .get_receipt()
            .await?;
        ensure!(receipt.status(), "the account could not be funded");
        Ok(())
    }
}

/// A party's signature, as the fabric takes it.
pub fn approve(wallet: &PrivateKeySigner, digest: B256) -> Result<Approval> {
    Ok(Approval {
        counterparty: wallet.address(),
        signature: Bytes::from(wallet.sign_hash_sync(&digest)?.as_bytes()),
    })
}

/// A binding's terms, as the gateway takes them.
#[must_use]
pub fn terms(binding: &Binding) -> CryptoDelegate::Terms {
    let terms = binding.terms();
    CryptoDelegate::Terms {
        counterparties: terms.counterparties,
        threshold: terms.threshold,
        salt: terms.salt,
        consumer: terms.consumer,
        signerThreshold: terms.signerThreshold,
        ordered: terms.ordered,
        versionDelay: terms.versionDelay,
        bindingVersion: terms.bindingVersion,
        measurement: terms.measurement,
    }
}

/// The passphrase file of a story's state folder.
#[must_use]
pub fn passphrase_file(state: &Path) -> PathBuf {
    state.join("passphrase")
}

/// Opens the vault of a state folder and unlocks its keys.
pub fn unlock(state: &Path) -> Result<SignatureDelegate> {
    let vault = Vault::open(state.join("keys"))?;
    vault.unlock_all(&Passphrase::from_file(passphrase_file(state))?)?;
    Ok(vault.delegate())
}

/// The account of a key.
pub fn address_of(delegate: &SignatureDelegate, key: &str) -> Result<Address> {
    let info = delegate.info(key)?;
    let address = info.address.context("the key has no account")?;
    Ok(Address::from(address.to_bytes()))
}

/// Makes the fabric's keys; they protect nothing of value, so their files are cheap to open.
fn make_keys(state: &Path) -> Result<SignatureDelegate> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true).mode(0o700).create(state)?;
    write_private(&passphrase_file(state), "correct horse battery staple\n")?;
    let passphrase = Passphrase::from_file(passphrase_file(state))?;
    let vault = Vault::open(state.join("keys"))?;
    for (name, algorithm, purpose) in [
        (ATTESTATION_KEY, Algorithm::Ed25519, Purpose::Attestation),
        (swap::DELIVERY_KEY, Algorithm::Secp256k1, Purpose::Delivery),
        (ACCOUNT_KEY, Algorithm::Secp256k1, Purpose::Account),
    ] {
        let name: KeyName = name.parse()?;
        vault.create(&name, algorithm, purpose, &passphrase, Cost::Light)?;
    }
    vault.unlock_all(&passphrase)?;
    Ok(vault.delegate())
}

/// Writes a file that only its owner can read.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

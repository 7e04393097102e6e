//! The service that joins the rooms.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cryptlet_attest::{
    BindingId, BindingVersion, CheckpointKey, Evidence, Host, KeyEntry, LogEntry, Measurement,
    TrustedKey, digest,
};
use cryptlet_container::{
    CacheSettings, Compiler, CompilerProgram, Container, Cryptlet, Grants, Settings,
};
use cryptlet_ledger::{Contracts, EvmLedger, EvmSettings};
use cryptlet_vault::{KeyInfo, Purpose, SignatureDelegate};
use semver::Version;
use tokio::sync::broadcast;

use crate::account::AccountLane;
use crate::advance::Turns;
use crate::backup::RESTORED;
use crate::binding::{Approval, Binding};
use crate::canary::Trials;
use crate::configuration::Configuration;
use crate::directories::Directories;
use crate::error::FabricError;
use crate::journal::{BindingRow, Journal, JournalError, LogOwner, VersionRow};
use crate::keys::{LedgerSigner, LogKey};
use crate::modules::Modules;
use crate::network::{PublicWeb, Web};
use crate::publish::Publisher;
use crate::scheduler::{Scheduler, SystemStopwatch};
use crate::sealing::HostFacts;
use crate::seams::{
    Clock, Notice, Randomness, Step, Steps, SystemClock, SystemRandomness, TracedSteps,
};
use crate::shadow::Shadows;
use crate::shares::{Backlog, Weights, slots};
use crate::versions::{Decision, VersionNotice};

/// What decides time, chance and the network for a fabric, and what compiles for it.
pub struct Seams {
    /// When invocations are accepted.
    pub clock: Arc<dyn Clock>,
    /// Seeds and salts.
    pub randomness: Arc<dyn Randomness>,
    /// The way out to the web.
    pub web: Arc<dyn Web>,
    /// Told of every step.
    pub steps: Arc<dyn Steps>,
    /// The program that compiles components, within the bounds of the configuration. None: this process
    /// does, without bounds, which is for tests alone.
    pub compiler: Option<CompilerProgram>,
}

impl Seams {
    /// The host's clock, the operating system's randomness, the real web, and no program that compiles.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up.
    pub fn live() -> Result<Self, FabricError> {
        Ok(Self {
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            web: Arc::new(PublicWeb::new()?),
            steps: Arc::new(TracedSteps),
            compiler: None,
        })
    }
}

/// A running fabric on one state folder.
///
/// It does nothing by itself: [`Fabric::advance`] takes everything that can go on one step
/// further. Killing the process at any point loses nothing that was accepted.
pub struct Fabric {
    pub(crate) journal: Arc<Journal>,
    pub(crate) container: Arc<Container>,
    pub(crate) delegate: SignatureDelegate,
    pub(crate) ledgers: BTreeMap<String, EvmLedger>,
    pub(crate) seams: Seams,
    pub(crate) directories: Arc<Directories>,
    pub(crate) host: Arc<HostFacts>,
    pub(crate) turns: Turns,
    pub(crate) accounts: BTreeMap<String, AccountLane>,
    pub(crate) modules: Arc<Modules>,
    pub(crate) scheduler: Scheduler,
    pub(crate) weights: Weights,
    pub(crate) backlog: Arc<Backlog>,
    deploying: tokio::sync::Mutex<()>,
    trusted: TrustedKey,
    notices: broadcast::Sender<Notice>,
    pub(crate) version_notices: broadcast::Sender<VersionNotice>,
    pub(crate) shadows: Shadows,
    pub(crate) trials: Trials,
    queue_limit: AtomicU64,
    pub(crate) draining: Arc<AtomicBool>,
}

/// Folder of the compiled code, and the file of its key, below the state folder.
const COMPILED: &str = "compiled";
const COMPILED_KEY: &str = "compiled.key";

/// Notices that are kept for whoever reads slowly.
const NOTICES: usize = 16_384;

impl Fabric {
    /// Opens the state folder and connects to every configured ledger.
    ///
    /// The keys that the configuration names must be unlocked in `delegate`.
    ///
    /// # Errors
    ///
    /// If the folder is in use, damaged or just restored from a backup, its log does not begin with
    /// the published one, a key is locked, a node is missing or serves another chain, or a directory
    /// of the configuration cannot be read.
    pub async fn open(
        state: &Path,
        configuration: &Configuration,
        delegate: SignatureDelegate,
        seams: Seams,
    ) -> Result<Self, FabricError> {
        let directories = Directories::new(configuration.directories.clone());
        directories.check()?;
        let key = LogKey::new(
            delegate.clone(),
            configuration.fabric.attestation_key.clone(),
        )?;
        let public = key.public();
        let origin = configuration.fabric.origin.clone();
        let trusted = TrustedKey::new(&origin, &public)?;
        let executable = executable_digest()?;
        let engine_configuration = Container::engine_configuration();
        // Now that the key is at hand: whoever reads the journal later needs no secret.
        let evidence = Evidence::software(&key, executable, engine_configuration)
            .map_err(|error| JournalError::Signing(error.to_string()))?
            .to_bytes();
        let journal = Arc::new(Journal::open(state, Arc::new(Owner { origin, key }))?);
        Publisher::new(&configuration.log.folder(state), trusted.clone()).check(&journal)?;
        let restored = state.join(RESTORED);
        if restored.symlink_metadata().is_ok() {
            return Err(FabricError::Restored(restored));
        }
        if !journal.evidence()?.contains(&evidence) {
            journal
                .commit(move |writing| writing.keep_evidence(&evidence))
                .await?;
        }
        if journal.log_size()? == 0 {
            let entry = LogEntry::Key(KeyEntry {
                name: trusted.name().to_owned(),
                algorithm: "ed25519".into(),
                purpose: "attestation".into(),
                public: public.to_vec(),
            });
            journal
                .commit(move |writing| writing.append(&entry).map(drop))
                .await?;
        }
        let shadows = Shadows::of(&journal)?;
        let trials = Trials::of(&journal)?;
        let compiler = seams.compiler.clone();
        let container = Arc::new(Container::new(Settings {
            limits: configuration.limits,
            cache: Some(CacheSettings {
                folder: state.join(COMPILED),
                key: state.join(COMPILED_KEY),
                bytes: configuration.runs.compiled_code_bytes,
            }),
            compiler: compiler.map_or(Compiler::InProcess, |program| Compiler::Child {
                program,
                bounds: configuration.compilation.bounds(),
            }),
            ..Settings::default()
        })?);
        let host = Arc::new(HostFacts {
            operator_costs: Container::operator_costs(),
            part: Host {
                fabric_version: env!("CARGO_PKG_VERSION").into(),
                executable,
                engine_configuration,
                wasmtime: Container::WASMTIME_VERSION.into(),
                key: trusted.identity(),
                previous: None,
            },
        });
        let mut ledgers = BTreeMap::new();
        let mut accounts = BTreeMap::new();
        for (name, ledger) in &configuration.ledgers {
            let mut settings = EvmSettings::new(
                name,
                ledger.rpc.clone(),
                ledger.chain,
                Contracts {
                    gateway: ledger.gateway,
                    registry: ledger.registry,
                },
                &ledger.account,
            );
            settings.finality = ledger.finality;
            settings.max_fee_per_gas = ledger.max_fee_per_gas;
            let signer = Arc::new(LedgerSigner(delegate.clone()));
            let lane = AccountLane::new(name, &ledger.account);
            accounts.insert(name.clone(), lane);
            ledgers.insert(name.clone(), EvmLedger::connect(settings, signer).await?);
        }
        Ok(Self {
            weights: Weights::new(configuration),
            backlog: Arc::new(Backlog::new(configuration.runs.queue, journal.waiting()?)),
            modules: Modules::new(Arc::clone(&container), Arc::clone(&journal)),
            journal,
            container,
            delegate,
            ledgers,
            seams,
            directories: Arc::new(directories),
            host,
            turns: Turns::default(),
            accounts,
            scheduler: Scheduler::new(slots(&configuration.runs), SystemStopwatch::start()),
            deploying: tokio::sync::Mutex::default(),
            trusted,
            notices: broadcast::Sender::new(NOTICES),
            version_notices: broadcast::Sender::new(NOTICES),
            shadows,
            trials,
            queue_limit: AtomicU64::new(configuration.service.queue),
            draining: Arc::default(),
        })
    }

    /// What auditors must trust: the verifier key of this fabric's log.
    #[must_use]
    pub fn trusted_key(&self) -> &TrustedKey {
        &self.trusted
    }

    /// The durable record.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The ledgers of the configuration, by their names there.
    #[must_use]
    pub fn ledgers(&self) -> &BTreeMap<String, EvmLedger> {
        &self.ledgers
    }

    /// Notices of every step from now on, so that nobody has to ask again and again.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// How many invocations of one binding may be accepted and wait; more are refused with
    /// [`FabricError::QueueFull`]. The configuration's `service.queue` at first.
    pub fn set_queue_limit(&self, limit: u64) {
        self.queue_limit.store(limit, Ordering::Relaxed);
    }

    pub(crate) fn queue_limit(&self) -> u64 {
        self.queue_limit.load(Ordering::Relaxed)
    }

    /// Starts no further invocation; what runs comes to its end, and what waits runs when the
    /// fabric is opened again.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether [`Fabric::drain`] was called.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Tells of a step whose traces, if it leaves any, are durable.
    pub(crate) fn reached(&self, step: Step, binding: &str, number: u64) {
        self.seams.steps.reached(step, binding, number);
        // Nobody may be listening.
        drop(self.notices.send(Notice {
            binding: binding.into(),
            number,
            step,
        }));
    }

    /// Measures, checks, compiles and keeps a component; it runs nowhere yet.
    ///
    /// # Errors
    ///
    /// If it is no cryptlet, this name and version stands for other bytes already, or it changes more
    /// than its version says, compared with the next lower and the next higher release.
    pub async fn deploy(&self, component: Vec<u8>) -> Result<VersionRow, FabricError> {
        self.take_in(component, None).await
    }

    /// Deploys a component as [`Fabric::deploy`] does, and tells the log who decided on it and why.
    ///
    /// # Errors
    ///
    /// As for [`Fabric::deploy`].
    pub async fn deploy_by(
        &self,
        component: Vec<u8>,
        decision: Decision,
    ) -> Result<VersionRow, FabricError> {
        self.take_in(component, Some(decision)).await
    }

    async fn take_in(
        &self,
        component: Vec<u8>,
        decision: Option<Decision>,
    ) -> Result<VersionRow, FabricError> {
        let container = Arc::clone(&self.container);
        let (component, cryptlet) = tokio::task::spawn_blocking(move || {
            let cryptlet = container.load(&component)?;
            Ok::<_, FabricError>((component, cryptlet))
        })
        .await??;
        // Two that are deployed at once are neighbours of each other.
        let _deploying = self.deploying.lock().await;
        self.check_neighbours(cryptlet.manifest())?;
        let identity = &cryptlet.manifest().cryptlet;
        let mut row = VersionRow {
            cryptlet: identity.name.clone(),
            version: identity.version.clone(),
            measurement: cryptlet.measurement(),
            deployed_at: self.seams.clock.now(),
        };
        let kept = row.clone();
        row.deployed_at = self
            .journal
            .commit(move |writing| writing.deploy(&kept, &component, decision.as_ref()))
            .await?;
        tracing::info!(cryptlet = row.cryptlet, version = %row.version, measurement = %row.measurement, "deployed");
        self.modules.remember(cryptlet);
        Ok(row)
    }

    /// Activates a binding that all its counterparties have signed.
    ///
    /// # Errors
    ///
    /// If a signature is missing, a cryptlet is not deployed or asks for what is not granted, the
    /// contract does not know its messages, or the ledger is not configured as the binding says.
    pub async fn bind(
        &self,
        binding: Binding,
        approvals: Vec<Approval>,
    ) -> Result<BindingId, FabricError> {
        binding.check()?;
        let ledger = self.ledger(&binding)?;
        let settings = ledger.settings();
        if settings.chain != binding.contract.chain || settings.gateway != binding.contract.gateway
        {
            return Err(FabricError::OtherLedger {
                binding: binding.binding.name.clone(),
                ledger: binding.contract.ledger.clone(),
                expected: format!(
                    "{} gateway {}",
                    binding.contract.chain, binding.contract.gateway
                ),
                found: format!("{} gateway {}", settings.chain, settings.gateway),
            });
        }
        let approvals = self.genuine_terms(&binding, &approvals, ledger).await?;
        let delivery_key = self.delivery_key(&binding)?;
        let cryptlet = self.cryptlet(&binding.binding.measurement).await?;
        let version = cryptlet.manifest().cryptlet.version.clone();
        self.check_version(&binding, &cryptlet).await?;
        let id = binding.id();
        let at = self.seams.clock.now();
        let name = binding.binding.name.clone();
        let activated = self
            .journal
            .commit(move |writing| {
                let activated = writing.activate(&binding, &approvals, &version, at)?;
                writing.append(&LogEntry::Key(KeyEntry {
                    name: delivery_key.name.to_string(),
                    algorithm: delivery_key.algorithm.to_string(),
                    purpose: delivery_key.purpose.to_string(),
                    public: delivery_key.public.clone(),
                }))?;
                Ok(activated)
            })
            .await?;
        tracing::info!(binding = name, %id, "binding activated");
        self.tell_moves(&name, vec![activated]);
        Ok(id)
    }

    /// The binding's delivery key, which must be for deliveries and for this binding alone: the
    /// chain admits it for one binding, and a shared key would blur who did what.
    fn delivery_key(&self, binding: &Binding) -> Result<KeyInfo, FabricError> {
        let key = &binding.keys.delivery;
        let info = self.delegate.info(key)?;
        if info.purpose != Purpose::Delivery {
            let reason = format!("key {key} is for {}", info.purpose);
            return Err(binding
                .invalid(
                    "keys.delivery",
                    reason,
                    "make a key with the purpose delivery",
                )
                .into());
        }
        for name in &binding.keys.granted {
            self.delegate.info(name)?;
        }
        let rows = self.journal.bindings()?;
        let other = rows.iter().find(|row| row.document.keys.delivery == *key);
        if let Some(other) = other {
            let reason = format!("key {key} delivers for {}", other.document.binding.name);
            return Err(binding
                .invalid("keys.delivery", reason, "make a key for this binding alone")
                .into());
        }
        Ok(info)
    }

    /// Checks that a version of the bound cryptlet may run under a binding.
    pub(crate) async fn check_version(
        &self,
        binding: &Binding,
        cryptlet: &Cryptlet,
    ) -> Result<(), FabricError> {
        let identity = &cryptlet.manifest().cryptlet;
        let agreement = &binding.binding;
        if identity.name != agreement.cryptlet || !agreement.versions.matches(&identity.version) {
            return Err(FabricError::OutsideBinding {
                binding: agreement.name.clone(),
                expected: format!("{} {}", agreement.cryptlet, agreement.versions),
                found: format!("{} {}", identity.name, identity.version),
            });
        }
        binding.check_messages(cryptlet.manifest())?;
        if let Some(name) = binding
            .directories()
            .find(|name| !self.directories.has(name))
        {
            return Err(FabricError::NoDirectory {
                binding: agreement.name.clone(),
                directory: name.to_owned(),
            });
        }
        let grants = self.grants(binding).await?;
        self.container.check_grants(cryptlet, &grants)?;
        Ok(())
    }

    /// What the container may let the bound cryptlet do.
    pub(crate) async fn grants(&self, binding: &Binding) -> Result<Grants, FabricError> {
        self.modules.grants(binding).await
    }

    /// Modules that no binding may run: neither as a version of its cryptlet nor as a source.
    pub(crate) fn unused(&self) -> Result<BTreeSet<Measurement>, FabricError> {
        let mut unused = self.journal.retired()?;
        if !unused.is_empty() {
            for row in self.journal.bindings()? {
                for source in row.document.sources.values() {
                    unused.remove(&source.measurement);
                }
            }
        }
        Ok(unused)
    }

    /// Gives up a module's compiled code unless some binding may still run it.
    pub(crate) fn forget_retired(&self, measurement: &Measurement) -> Result<(), FabricError> {
        if self.unused()?.contains(measurement) {
            self.modules.forget(measurement);
        }
        Ok(())
    }

    pub(crate) fn deployed(
        &self,
        cryptlet: &str,
        version: &Version,
    ) -> Result<VersionRow, FabricError> {
        self.journal
            .version(cryptlet, version)?
            .ok_or_else(|| FabricError::UnknownVersion {
                cryptlet: cryptlet.into(),
                version: version.clone(),
            })
    }

    pub(crate) fn binding(&self, name: &str) -> Result<BindingRow, FabricError> {
        self.journal
            .binding(name)?
            .ok_or_else(|| FabricError::UnknownBinding(name.into()))
    }

    /// The document of the binding that something was accepted under.
    pub(crate) fn agreed(
        &self,
        row: &BindingRow,
        version: &BindingVersion,
    ) -> Result<Arc<Binding>, FabricError> {
        if *version == row.version {
            return Ok(Arc::clone(&row.document));
        }
        self.journal
            .agreement(&row.id, version)?
            .map(|agreement| Arc::new(agreement.document))
            .ok_or_else(|| FabricError::NoDocument {
                binding: row.document.binding.name.clone(),
                version: *version,
            })
    }

    /// Where the account that pays on the binding's ledger takes its nonces.
    pub(crate) fn account(&self, binding: &Binding) -> Result<&AccountLane, FabricError> {
        self.accounts
            .get(&binding.contract.ledger)
            .ok_or_else(|| unknown_ledger(binding))
    }

    pub(crate) fn ledger(&self, binding: &Binding) -> Result<&EvmLedger, FabricError> {
        self.ledgers
            .get(&binding.contract.ledger)
            .ok_or_else(|| unknown_ledger(binding))
    }
}

fn unknown_ledger(binding: &Binding) -> FabricError {
    FabricError::UnknownLedger {
        binding: binding.binding.name.clone(),
        ledger: binding.contract.ledger.clone(),
    }
}

struct Owner {
    origin: String,
    key: LogKey,
}

impl LogOwner for Owner {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn key(&self) -> &dyn CheckpointKey {
        &self.key
    }
}

/// What this process is made of, for the receipts' host part.
fn executable_digest() -> Result<cryptlet_attest::Digest, FabricError> {
    let bytes = std::env::current_exe()
        .and_then(std::fs::read)
        .map_err(FabricError::Executable)?;
    Ok(digest("executable", &[&bytes]))
}

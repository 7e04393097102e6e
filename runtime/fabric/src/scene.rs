//! A fabric without ledgers, and a binding whose guests succeed, for tests of what happens between a
//! decision and its commit.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use cryptlet_attest::BindingId;
use cryptlet_vault::{Algorithm, Cost, Passphrase, Purpose, Vault};
use semver::Version;

use crate::accept::Message;
use crate::binding::{Binding, Triggers};
use crate::configuration::Configuration;
use crate::error::FabricError;
use crate::fabric::{Fabric, Seams};
use crate::guests::{component, handling, manifest};
use crate::journal::{JournalError, Writing};
use crate::seams::{Clock, SystemClock};
use crate::versions::Decision;

const BINDING: &str = include_str!("../tests/documents/binding.toml");
const CONFIGURATION: &str = r#"
[fabric]
origin = "fabric.example/log"
attestation-key = "attestation"
"#;
/// The binding's name.
pub(crate) const NAME: &str = "acme-globex-swap";

pub(crate) type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

pub(crate) struct Scene {
    pub(crate) fabric: Arc<Fabric>,
    pub(crate) id: BindingId,
    clock: Arc<Interrupted>,
    _folder: tempfile::TempDir,
}

impl Scene {
    /// Runs 1.0.0; deployed are so many minor versions.
    pub(crate) async fn new(versions: u64) -> TestResult<Self> {
        Self::with(versions, |_| ()).await
    }

    /// The same with another document.
    pub(crate) async fn with(versions: u64, change: impl FnOnce(&mut Binding)) -> TestResult<Self> {
        let folder = tempfile::tempdir()?;
        let clock = Arc::new(Interrupted::default());
        let fabric = Arc::new(open(folder.path(), Arc::clone(&clock) as _).await?);
        let mut document = Binding::parse("binding.toml", BINDING)?;
        for minor in 0..versions {
            let row = fabric.deploy(guest("guest", minor)).await?;
            if minor == 0 {
                document.binding.measurement = row.measurement;
            }
        }
        document.binding.cryptlet = "guest".into();
        document.contract.ordered = false;
        document.contract.events.clear();
        document.triggers = Triggers::default();
        document.triggers.messages = vec!["Remind(uint32 period)".parse()?];
        document.sources.clear();
        change(&mut document);
        let id = document.id();
        let activated = fabric
            .journal
            .commit(move |writing| writing.activate(&document, &[], &version(0), 1))
            .await?;
        fabric.tell_moves(NAME, vec![activated]);
        Ok(Self {
            fabric,
            id,
            clock,
            _folder: folder,
        })
    }

    /// Binds another cryptlet, under the same document but for its names and this change.
    pub(crate) async fn bind_another(&self, change: impl FnOnce(&mut Binding)) -> TestResult {
        let row = self.fabric.deploy(guest("another", 0)).await?;
        let mut document = Binding::clone(&self.fabric.binding(NAME)?.document);
        document.binding.name = "another".into();
        document.binding.cryptlet = row.cryptlet;
        document.binding.measurement = row.measurement;
        document.binding.salt = [9; 32].into();
        document.keys.delivery = "another-delivery".into();
        change(&mut document);
        self.fabric
            .journal
            .commit(move |writing| writing.activate(&document, &[], &version(0), 1))
            .await?;
        Ok(())
    }

    /// Sends the binding a message with this key.
    pub(crate) async fn send(&self, key: &str) -> Result<u64, FabricError> {
        self.send_to(NAME, key).await
    }

    /// Sends another binding of the same messages one.
    pub(crate) async fn send_to(&self, binding: &str, key: &str) -> Result<u64, FabricError> {
        let message = Message {
            sender: "acme".into(),
            topic: "Remind".into(),
            body: br#"{"period":1}"#.to_vec(),
            idempotency_key: key.into(),
        };
        self.fabric.send(binding, message).await
    }

    /// Commits this when the clock is read next: after a decision was checked, before it is written.
    pub(crate) fn meanwhile<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, JournalError> + Send + 'static,
    ) {
        let journal = Arc::clone(&self.fabric.journal);
        self.clock.interrupt(move || {
            // The clock is read on a thread that must not wait for a future.
            let committed = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                let runtime = runtime.expect("a runtime without drivers starts");
                runtime.block_on(journal.commit(work)).map(drop)
            });
            let committed = committed.join().expect("the commit does not panic");
            committed.expect("the commit is possible");
        });
    }
}

pub(crate) fn version(minor: u64) -> Version {
    Version::new(1, minor, 0)
}

pub(crate) fn decided() -> Decision {
    Decision::new("ann", "a test").expect("it is one")
}

fn guest(name: &str, minor: u64) -> Vec<u8> {
    let manifest = manifest("contract", "")
        .replace("\"guest\"", &format!("\"{name}\""))
        .replace("1.0.0", &version(minor).to_string());
    component(&manifest, &handling("(call $ok @‹null›)"))
}

async fn open(home: &std::path::Path, clock: Arc<dyn Clock>) -> TestResult<Fabric> {
    let state = home.join("state");
    DirBuilder::new().mode(0o700).create(&state)?;
    let vault = Vault::open(state.join("keys"))?;
    let passphrase = Passphrase::new("correct horse")?;
    vault.create(
        &"attestation".parse()?,
        Algorithm::Ed25519,
        Purpose::Attestation,
        &passphrase,
        Cost::Light,
    )?;
    vault.unlock_all(&passphrase)?;
    let configuration = Configuration::parse("fabric.toml", CONFIGURATION)?;
    let seams = Seams {
        clock,
        ..Seams::live()?
    };
    Ok(Fabric::open(&state, &configuration, vault.delegate(), seams).await?)
}

/// The system's clock, during whose next reading something else may happen.
#[derive(Default)]
struct Interrupted(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Interrupted {
    fn interrupt(&self, by: impl FnOnce() + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(by));
    }
}

impl Clock for Interrupted {
    fn now(&self) -> u64 {
        let by = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(by) = by {
            by();
        }
        SystemClock.now()
    }
}

//! A binding whose runs are made by the container and sealed as the fabric seals them, with fixed
//! answers from outside.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use cryptlet_attest::{Digest, Host, Measurement};
use cryptlet_container::{
    BuildError, Container, Cryptlet, EncodedCall, HttpError, HttpLimits, HttpRequest, HttpResponse,
    Job, KeyError, PublicKey, Services, Settings, SubmissionStatus,
};
use cryptlet_schema::Limits;
use semver::Version;

use crate::accept::{Accepting, read_input};
use crate::binding::{Binding, Granted, Http, Source, Triggers};
use crate::grants::grants;
use crate::journal::scene::{begun, message};
use crate::journal::{Journal, VersionRow};
use crate::replay::{RecordedRun, Replay, ReplayRefusal, Replayer};
use crate::sealing::{Finished, HostFacts};
use crate::services::encode_call;

pub type TestResult = Result<(), Box<dyn std::error::Error>>;

const BINDING: &str = include_str!("../../../tests/documents/binding.toml");

/// The host that ran. Replays have another engine, as on another machine.
static CONTAINER: LazyLock<Container> =
    LazyLock::new(|| Container::new(Settings::default()).expect("the container starts"));

/// A binding and the journal of its runs.
pub struct Scene {
    pub journal: Journal,
    binding: Arc<Binding>,
    cryptlet: Cryptlet,
    sources: BTreeMap<String, Cryptlet>,
    modules: Vec<Vec<u8>>,
    host_limits: Option<Limits>,
    folder: tempfile::TempDir,
}

/// A run that was recorded, and the modules of it and its sources.
#[derive(Clone)]
pub struct Recording {
    pub recorded: RecordedRun,
    pub modules: Vec<Vec<u8>>,
}

impl Recording {
    pub fn replay(&self) -> Result<Replay, ReplayRefusal> {
        let replayer = Replayer::new().expect("the engine starts");
        for module in &self.modules {
            replayer.load(module).expect("the module loads");
        }
        replayer.replay(&self.recorded)
    }

    pub fn fuel(&self) -> u64 {
        let statements = self.recorded.statements();
        statements.map(|statement| statement.execution.fuel).sum()
    }
}

impl Scene {
    /// Everything is granted that a test's guest may ask for.
    pub async fn new(
        component: &[u8],
        sources: &[(&str, Vec<u8>)],
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let journal = begun(folder.path()).await?;
        let cryptlet = CONTAINER.load(component)?;
        let mut binding = Binding::parse("binding.toml", BINDING)?;
        binding.binding.cryptlet = "guest".into();
        binding.binding.measurement = cryptlet.measurement();
        binding.contract.actions = vec!["settle(uint32 period)".parse()?];
        binding.triggers = Triggers::default();
        binding.grants = granted();
        binding.sources = sources
            .iter()
            .map(|(name, component)| {
                let source = Source {
                    cryptlet: "guest".into(),
                    version: Version::new(1, 0, 0),
                    measurement: Measurement::of(component),
                    grants: granted(),
                };
                ((*name).to_owned(), source)
            })
            .collect();
        let row = VersionRow {
            cryptlet: "guest".into(),
            version: Version::new(1, 0, 0),
            measurement: cryptlet.measurement(),
            deployed_at: 1,
        };
        let (kept, document) = (component.to_vec(), binding.clone());
        journal
            .commit(move |writing| {
                writing.deploy(&row, &kept, None)?;
                writing.activate(&document, &[], &Version::new(1, 0, 0), 1)
            })
            .await?;
        let mut modules = vec![component.to_vec()];
        modules.extend(sources.iter().map(|(_, component)| component.clone()));
        Ok(Self {
            journal,
            binding: Arc::new(binding),
            cryptlet,
            sources: sources
                .iter()
                .map(|(name, component)| Ok(((*name).to_owned(), CONTAINER.load(component)?)))
                .collect::<Result<_, cryptlet_container::LoadError>>()?,
            modules,
            host_limits: None,
            folder,
        })
    }

    /// From now on the host allows no more than this: the binding stays as it was signed.
    pub fn limit(&mut self, limits: Limits) {
        self.host_limits = Some(limits);
    }

    /// Changes the journal behind its back.
    pub fn tamper(&self, sql: &str) -> rusqlite::Result<()> {
        let connection = rusqlite::Connection::open(self.folder.path().join("journal.sqlite"))?;
        connection.pragma_update(None, "foreign_keys", false)?;
        connection.execute_batch(sql)
    }

    /// Accepts a message, runs it and seals it.
    pub async fn run(&mut self) -> Result<Recording, Box<dyn std::error::Error>> {
        let id = self.binding.id();
        let mut accepting: Accepting = message(id, &uniquely(&self.journal)?, "{}");
        accepting.new.binding_version = self.binding.version();
        self.journal
            .commit(move |writing| accepting.write(writing).map(|_| ()))
            .await?;
        let accepted = self
            .journal
            .next_accepted(&id, 1)?
            .pop()
            .ok_or("nothing waits")?;
        let number = accepted.number;
        let invocation = Arc::new(read_input("swap", number, &accepted.input)?);
        let mut grants = grants(&self.binding, self.sources.clone())?;
        if let Some(limits) = self.host_limits {
            grants.limits = Some(limits);
        }
        let run = CONTAINER.run(Job {
            cryptlet: &self.cryptlet,
            grants: Arc::new(grants),
            invocation: Arc::clone(&invocation),
            seed: accepted.seed,
            state: Arc::new(self.journal.state(&id)?),
            services: Arc::new(Fixed {
                binding: Arc::clone(&self.binding),
                next_submission: self.journal.next_submission(&id)?,
            }),
        });
        let finished = Finished {
            id,
            binding: Arc::clone(&self.binding),
            accepted,
            invocation,
            cryptlet: self.cryptlet.clone(),
            run,
            host: Arc::new(host()),
        };
        let sealing = finished.seal(self.journal.standing(&id)?)?;
        self.journal
            .commit(move |writing| crate::sealing::write(&[sealing], writing, 0).map(drop))
            .await?;
        let row = self.journal.bindings()?.remove(0);
        let recorded = self.journal.recorded_run(&row, number)?;
        Ok(Recording {
            recorded: recorded.ok_or("it was recorded")?,
            modules: self.modules.clone(),
        })
    }
}

fn uniquely(journal: &Journal) -> Result<String, crate::journal::JournalError> {
    journal.log_size().map(|size| size.to_string())
}

fn granted() -> Granted {
    let base = "http://rates.example/data/".parse().expect("an address");
    let rates = Http::new(base, vec!["GET".into()]);
    Granted {
        events: true,
        state: true,
        log: true,
        wasi: true,
        http: [("rates".to_owned(), rates)].into(),
        directories: Default::default(),
        limits: None,
    }
}

fn host() -> HostFacts {
    let digest = Digest::from_bytes([8; 32]);
    HostFacts {
        operator_costs: Container::operator_costs(),
        part: Host {
            fabric_version: "0.1.0".into(),
            executable: digest,
            engine_configuration: Container::engine_configuration(),
            wasmtime: Container::WASMTIME_VERSION.into(),
            key: "fabric.example/log+00000000".into(),
            previous: None,
        },
    }
}

/// Always the same answers, but to what the journal counts.
struct Fixed {
    binding: Arc<Binding>,
    next_submission: u64,
}

impl Services for Fixed {
    fn fetch(&self, _: &HttpRequest, _: &HttpLimits) -> Result<HttpResponse, HttpError> {
        Ok(HttpResponse {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/csv".to_owned())],
            body: b"4.38".to_vec(),
        })
    }

    fn build(&self, action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
        encode_call(&self.binding.contract.actions, action, fields)
    }

    fn submission_status(&self, _: u64) -> Option<SubmissionStatus> {
        None
    }

    fn next_submission(&self) -> u64 {
        self.next_submission
    }

    fn public_key(&self, key: &str) -> Result<PublicKey, KeyError> {
        Err(KeyError::UnknownKey(key.to_owned()))
    }

    fn sign(&self, key: &str, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(KeyError::UnknownKey(key.to_owned()))
    }
}

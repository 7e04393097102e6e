//! A host for cryptlets in other languages: two containers as two machines would have them, and runs
//! that default what a test does not care about.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use cryptlet_container::{
    BuildError, CacheSettings, CodeOrigin, Container, Cryptlet, EncodedCall, Grants, HttpError,
    HttpLimits, HttpRequest, HttpResponse, Invocation, Job, KeyError, PublicKey, ReplayError,
    ReplayJob, Run, Services, Settings, State, SubmissionStatus, Transcript, Trigger,
};

/// One of the cryptlets that ship, as two containers loaded it.
pub struct Loaded {
    pub name: &'static str,
    pub here: Cryptlet,
    pub elsewhere: Cryptlet,
}

/// Where invocations run, and where an auditor replays them.
pub static HERE: LazyLock<Container> = LazyLock::new(container);
pub static ELSEWHERE: LazyLock<Container> = LazyLock::new(container);

/// In JavaScript.
pub static INVOICE_TOTAL: LazyLock<Loaded> = LazyLock::new(|| loaded("invoice-total"));
/// In Python.
pub static DAY_COUNT: LazyLock<Loaded> = LazyLock::new(|| loaded("day-count"));

/// Interpreters take long to compile, so what they were compiled to is kept between test runs.
fn container() -> Container {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("languages");
    Container::new(Settings {
        instances: 8,
        cache: Some(CacheSettings {
            key: folder.join("key"),
            folder: folder.join("code"),
            bytes: 1 << 30,
        }),
        ..Settings::default()
    })
    .expect("the container starts")
}

fn loaded(name: &'static str) -> Loaded {
    let path = shipped().join(format!("{name}-1.0.0.wasm"));
    let component = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask guests`", path.display()));
    let here = HERE.load(&component).expect("a host takes it");
    let elsewhere = ELSEWHERE.load(&component).expect("another host takes it");
    assert_eq!(elsewhere.code_origin(), CodeOrigin::Cache);
    Loaded {
        name,
        here,
        elsewhere,
    }
}

fn shipped() -> PathBuf {
    env::var_os("CRYPTLETS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/cryptlets")),
        PathBuf::from,
    )
}

/// One run to be done.
pub struct Case<'a> {
    pub loaded: &'a Loaded,
    pub grants: Grants,
    pub seed: [u8; 32],
    pub instant: u64,
    pub body: String,
}

impl<'a> Case<'a> {
    pub fn of(loaded: &'a Loaded, body: &str) -> Case<'a> {
        Case {
            loaded,
            grants: Grants {
                log: true,
                ..Grants::default()
            },
            seed: [7; 32],
            instant: 1_767_225_600_000,
            body: body.to_owned(),
        }
    }

    pub fn run(&self) -> Run {
        HERE.run(Job {
            cryptlet: &self.loaded.here,
            grants: Arc::new(self.grants.clone()),
            invocation: Arc::new(self.invocation()),
            seed: self.seed,
            state: Arc::new(State::new()),
            services: Arc::new(NothingOutside),
        })
    }

    pub fn replay(&self, transcript: &Transcript) -> Result<Run, ReplayError> {
        ELSEWHERE.replay(ReplayJob {
            cryptlet: &self.loaded.elsewhere,
            grants: &self.grants,
            invocation: self.invocation(),
            seed: self.seed,
            state: Arc::new(State::new()),
            transcript: Arc::new(transcript.clone()),
            call_encoding: Arc::new(|action, fields| NothingOutside.build(action, fields)),
        })
    }

    fn invocation(&self) -> Invocation {
        Invocation {
            binding: "0xb1".to_owned(),
            number: 1,
            instant: self.instant,
            trigger: Trigger::Message {
                sender: "acme".to_owned(),
                topic: "question".to_owned(),
                body: self.body.clone().into_bytes(),
            },
        }
    }
}

/// The outside of guests that import nothing but the log.
pub struct NothingOutside;

impl Services for NothingOutside {
    fn fetch(&self, request: &HttpRequest, _: &HttpLimits) -> Result<HttpResponse, HttpError> {
        Err(HttpError::Denied(request.url.clone()))
    }

    fn build(&self, action: &str, _: &[u8]) -> Result<EncodedCall, BuildError> {
        Err(BuildError::UnknownAction(action.to_owned()))
    }

    fn submission_status(&self, _: u64) -> Option<SubmissionStatus> {
        None
    }

    fn next_submission(&self) -> u64 {
        1
    }

    fn public_key(&self, key: &str) -> Result<PublicKey, KeyError> {
        Err(KeyError::UnknownKey(key.to_owned()))
    }

    fn sign(&self, key: &str, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(KeyError::UnknownKey(key.to_owned()))
    }
}

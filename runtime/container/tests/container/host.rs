//! A host for tests: one container for all of them, services with fixed answers, and a builder of
//! runs that defaults what a test does not care about.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use cryptlet_container::{
    BuildError, Container, Cryptlet, DirectoryEntry, DirectoryGrant, EncodedCall, EntryKind,
    FileError, FileStatus, Grants, HttpError, HttpGrant, HttpLimits, HttpRequest, HttpResponse,
    Invocation, Job, KeyAlgorithm, KeyError, Opened, PublicKey, ReplayError, ReplayJob, Run,
    Services, Settings, ShadowJob, ShadowRun, State, SubmissionStatus, Transcript, Trigger,
};

pub static CONTAINER: LazyLock<Container> = LazyLock::new(|| {
    Container::new(Settings {
        instances: 16,
        ..Settings::default()
    })
    .expect("the container starts")
});

/// Loads a component that must be good.
pub fn load(component: &[u8]) -> Cryptlet {
    CONTAINER.load(component).expect("the component loads")
}

/// Everything that a test's guest may need.
pub fn all_grants() -> Grants {
    Grants {
        ledger: true,
        events: true,
        state: true,
        log: true,
        wasi: true,
        keys: vec!["desk".to_owned()],
        http: BTreeMap::from([(
            "rates".to_owned(),
            HttpGrant::reading("http://rates.example/data/".parse().expect("an address")),
        )]),
        directories: BTreeMap::from([("documents".to_owned(), DirectoryGrant::default())]),
        ..Grants::default()
    }
}

/// Answers that a test fixes beforehand, and what it was asked.
#[derive(Default)]
pub struct Fixed {
    pub body: Vec<u8>,
    pub fetched: Mutex<Vec<HttpRequest>>,
    /// Contents by directory and path: `documents/2026/a.txt`.
    pub files: BTreeMap<String, Vec<u8>>,
    /// A directory and path of what does not come to rest.
    pub changing: Option<String>,
}

impl Fixed {
    pub fn with_body(body: impl Into<Vec<u8>>) -> Arc<Fixed> {
        Arc::new(Fixed {
            body: body.into(),
            ..Fixed::default()
        })
    }

    pub fn with_files(files: &[(&str, &[u8])]) -> Fixed {
        let files = files
            .iter()
            .map(|(path, content)| ((*path).to_owned(), content.to_vec()));
        Fixed {
            files: files.collect(),
            ..Fixed::default()
        }
    }

    /// What lies in a directory, with its path below it.
    fn within(&self, directory: &str, path: &str) -> Vec<(&str, &[u8])> {
        let folder = match path {
            "" => format!("{directory}/"),
            path => format!("{directory}/{path}/"),
        };
        let below = self.files.iter().filter_map(|(place, content)| {
            let rest = place.strip_prefix(&folder)?;
            Some((rest, content.as_slice()))
        });
        below.collect()
    }
}

impl Services for Fixed {
    fn fetch(&self, request: &HttpRequest, _: &HttpLimits) -> Result<HttpResponse, HttpError> {
        self.fetched
            .lock()
            .expect("no test panics while it holds this")
            .push(request.clone());
        Ok(HttpResponse {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/csv".to_owned())],
            body: self.body.clone(),
        })
    }

    fn build(&self, action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
        encode_call(action, fields)
    }

    fn submission_status(&self, submission: u64) -> Option<SubmissionStatus> {
        (submission == 3).then(|| SubmissionStatus::Reverted("no collateral".to_owned()))
    }

    fn next_submission(&self) -> u64 {
        41
    }

    fn public_key(&self, key: &str) -> Result<PublicKey, KeyError> {
        Ok(PublicKey {
            algorithm: KeyAlgorithm::Ed25519,
            bytes: key.as_bytes().to_vec(),
        })
    }

    fn sign(&self, _: &str, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(message.iter().rev().copied().collect())
    }

    fn open_file(&self, directory: &str, path: &str, _: u64) -> Result<Opened, FileError> {
        let place = format!("{directory}/{path}");
        if self.changing.as_ref() == Some(&place) {
            return Err(FileError::Busy);
        }
        if let Some(content) = self.files.get(&place) {
            return Ok(Opened::File(content.clone()));
        }
        match self.within(directory, path).is_empty() {
            true => Err(FileError::NoEntry),
            false => Ok(Opened::Directory),
        }
    }

    fn file_status(&self, directory: &str, path: &str) -> Result<FileStatus, FileError> {
        Ok(match self.open_file(directory, path, u64::MAX)? {
            Opened::File(content) => FileStatus::File {
                bytes: content.len() as u64,
            },
            Opened::Directory => FileStatus::Directory,
        })
    }

    /// Backwards and with repetitions, as a disk might.
    fn list_directory(
        &self,
        directory: &str,
        path: &str,
        _: u64,
    ) -> Result<Vec<DirectoryEntry>, FileError> {
        let below = self.within(directory, path);
        let entries = below.iter().rev().map(|(rest, _)| {
            let (name, kind) = match rest.split_once('/') {
                Some((folder, _)) => (folder, EntryKind::Directory),
                None => (*rest, EntryKind::File),
            };
            DirectoryEntry {
                name: name.to_owned(),
                kind,
            }
        });
        Ok(entries.collect())
    }
}

fn encode_call(action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
    if action != "settle" {
        return Err(BuildError::UnknownAction(action.to_owned()));
    }
    Ok(EncodedCall {
        digest: [9; 32],
        bytes: fields.to_vec(),
    })
}

/// One run to be done, with defaults for everything.
pub struct Case {
    pub cryptlet: Cryptlet,
    pub grants: Grants,
    pub services: Arc<dyn Services>,
    pub state: State,
    pub seed: [u8; 32],
    pub body: Vec<u8>,
}

impl Case {
    pub fn of(component: &[u8]) -> Case {
        Case::with(load(component))
    }

    pub fn with(cryptlet: Cryptlet) -> Case {
        Case {
            cryptlet,
            grants: all_grants(),
            services: Arc::new(Fixed::default()),
            state: State::new(),
            seed: [7; 32],
            body: b"{}".to_vec(),
        }
    }

    pub fn invocation(&self) -> Invocation {
        Invocation {
            binding: "0xb1".to_owned(),
            number: 5,
            instant: 1_136_073_600_123,
            trigger: Trigger::Message {
                sender: "desk".to_owned(),
                topic: "question".to_owned(),
                body: self.body.clone(),
            },
        }
    }

    pub fn run(&self) -> Run {
        CONTAINER.run(self.job())
    }

    pub fn job(&self) -> Job<'_> {
        Job {
            cryptlet: &self.cryptlet,
            grants: Arc::new(self.grants.clone()),
            invocation: Arc::new(self.invocation()),
            seed: self.seed,
            state: Arc::new(self.state.clone()),
            services: Arc::clone(&self.services),
        }
    }

    pub fn replay(&self, transcript: &Transcript) -> Result<Run, ReplayError> {
        CONTAINER.replay(ReplayJob {
            cryptlet: &self.cryptlet,
            grants: &self.grants,
            invocation: self.invocation(),
            seed: self.seed,
            state: Arc::new(self.state.clone()),
            transcript: Arc::new(transcript.clone()),
            call_encoding: Arc::new(encode_call),
        })
    }
}

impl Case {
    /// Has this case's cryptlet run beside one whose transcript this is.
    pub fn shadow(&self, transcript: &Transcript) -> ShadowRun {
        CONTAINER.shadow(self.shadow_job(transcript))
    }

    /// The job of that.
    pub fn shadow_job(&self, transcript: &Transcript) -> ShadowJob<'_> {
        ShadowJob {
            cryptlet: &self.cryptlet,
            grants: &self.grants,
            invocation: self.invocation(),
            seed: self.seed,
            state: Arc::new(self.state.clone()),
            transcript: Arc::new(transcript.clone()),
            call_encoding: Arc::new(encode_call),
        }
    }
}

/// A guest that answers `{"said":"yes"}` and nothing else.
pub fn honest() -> Vec<u8> {
    super::guests::contract("", r#"(call $ok @‹{"said":"yes"}›)"#)
}

/// Runs the honest guest and checks that everything about it is as ever.
pub fn assert_the_next_honest_run_is_right() {
    let run = Case::of(&honest()).run();
    assert!(run.outcome.is_ok(), "{}: {:?}", run.outcome, run.diagnostic);
    assert_eq!(run.reply.as_deref(), Some(&br#"{"said":"yes"}"#[..]));
    assert_eq!(run.meter.host_calls, 0);
    assert_eq!(run.meter.peak_memory, 2 * 65536);
    assert_eq!(run.state_before, run.state_after);
}

//! One invocation in the real container, with an author's files in place of the outside.

mod answering;
mod fixed;
mod input;
mod outside;
mod report;
mod schema;
mod state;

pub use fixed::FixedSource;
pub use input::{Input, instant};
pub use outside::{GivenPage, GivenSite, Outside};
pub use report::{RunReport, Usage};
pub use state::{State, read as read_state};

use std::collections::BTreeMap;
use std::sync::Arc;

use cryptlet_container::{
    AskError, Container, Cryptlet, DirectoryGrant, Grants, Invocation, Job, Record, Run, Source,
};

use answering::{Answered, UNKNOWN_REQUEST};

/// The code by which the container says that a question does not fit its source.
const REQUEST_SCHEMA: &str = "request-schema";
/// The most questions with fixed answers in one run: each costs a run of its own.
const MOST_QUESTIONS: usize = 256;

/// The binding that runs here, the one of the SDK's fixture.
pub const BINDING: [u8; 32] = [0x11; 32];

/// What stands behind the name of a source.
pub enum GivenSource {
    /// A utility cryptlet, run for real.
    Component(Cryptlet),
    /// Answers from a file.
    Fixed(FixedSource),
}

/// Everything that one run needs.
pub struct Session<'a> {
    /// Where it runs.
    pub container: &'a Container,
    /// What runs.
    pub cryptlet: &'a Cryptlet,
    /// Why, and when.
    pub input: Input,
    /// The binding's state before the run.
    pub state: State,
    /// What the manifest's sources are.
    pub sources: BTreeMap<String, GivenSource>,
    /// Most bytes that a run may read of a directory, where that is not what a silent grant says.
    pub directory_bytes: BTreeMap<String, u64>,
    /// Pages, sites, actions and keys.
    pub outside: Arc<Outside>,
}

impl Session<'_> {
    /// Runs it.
    ///
    /// A source with fixed answers becomes a small component that is asked like any other. Which
    /// bytes it is asked is known only when they come, so the run is done again, which changes
    /// nothing in it, until every question has its answer.
    ///
    /// # Errors
    ///
    /// A source was asked something that its file does not answer, or the grants do not fit.
    pub fn run(&self) -> Result<Run, String> {
        let mut answered: BTreeMap<&str, Vec<Answered>> = BTreeMap::new();
        loop {
            let grants = Arc::new(self.grants(&answered)?);
            let checked = self.container.check_grants(self.cryptlet, &grants);
            checked.map_err(|error| error.to_string())?;
            let run = self.container.run(self.job(&grants));
            let Some((name, request)) = self.unanswered(&run, &answered) else {
                return Ok(run);
            };
            if answered.values().map(Vec::len).sum::<usize>() == MOST_QUESTIONS {
                return Err(format!(
                    "the run asks its sources more than {MOST_QUESTIONS} things, which is more \
                     than fixed answers are made for; give the source as a component"
                ));
            }
            let answer = self.answer(name, &request)?;
            answered
                .entry(name)
                .or_default()
                .push(Answered { request, answer });
        }
    }

    fn job(&self, grants: &Arc<Grants>) -> Job<'_> {
        Job {
            cryptlet: self.cryptlet,
            grants: Arc::clone(grants),
            invocation: Arc::new(Invocation {
                binding: format!("0x{}", hex::encode(BINDING)),
                number: 1,
                instant: self.input.instant,
                trigger: self.input.trigger.clone(),
            }),
            seed: [0; 32],
            state: Arc::new(self.state.clone()),
            services: Arc::clone(&self.outside) as Arc<dyn cryptlet_container::Services>,
        }
    }

    /// All that the manifest asks for: whether a binding gives it is for its signers to say.
    fn grants(&self, answered: &BTreeMap<&str, Vec<Answered>>) -> Result<Grants, String> {
        let asked = &self.cryptlet.manifest().capabilities;
        let mut sources = BTreeMap::new();
        for name in &asked.sources {
            let source = match self.sources.get(name) {
                Some(GivenSource::Component(cryptlet)) => Source {
                    cryptlet: cryptlet.clone(),
                    grants: self.granted(cryptlet, Some(name)),
                },
                Some(GivenSource::Fixed(_)) | None => {
                    let answers = answered.get(name.as_str()).map(Vec::as_slice);
                    let component = answering::component(name, answers.unwrap_or_default())?;
                    let cryptlet = self.container.load(&component).map_err(|error| {
                        format!("the fixed answers of source `{name}` make no cryptlet: {error}")
                    })?;
                    Source {
                        cryptlet,
                        grants: Grants::default(),
                    }
                }
            };
            sources.insert(name.clone(), source);
        }
        Ok(Grants {
            sources,
            ..self.granted(self.cryptlet, None)
        })
    }

    fn granted(&self, cryptlet: &Cryptlet, source: Option<&str>) -> Grants {
        let asked = &cryptlet.manifest().capabilities;
        Grants {
            ledger: asked.ledger,
            events: asked.events,
            state: asked.state,
            log: asked.log,
            wasi: asked.wasi,
            keys: asked.keychain.clone(),
            http: self.outside.grants(source),
            directories: asked
                .directories
                .iter()
                .map(|name| (name.clone(), self.directory(name)))
                .collect(),
            sources: BTreeMap::new(),
            limits: None,
        }
    }

    fn directory(&self, name: &str) -> DirectoryGrant {
        let bytes = self.directory_bytes.get(name);
        bytes.map_or_else(DirectoryGrant::default, |bytes| DirectoryGrant {
            bytes: *bytes,
        })
    }

    /// The first question to a source without component that has no answer yet.
    fn unanswered(
        &self,
        run: &Run,
        answered: &BTreeMap<&str, Vec<Answered>>,
    ) -> Option<(&str, Vec<u8>)> {
        let asked = &self.cryptlet.manifest().capabilities.sources;
        run.transcript.records().iter().find_map(|record| {
            let Record::Ask {
                source,
                request,
                answer: Err(AskError::Failed(failure)),
                ..
            } = record
            else {
                return None;
            };
            let name = asked.iter().find(|name| *name == source)?;
            let is_open = matches!(failure.code.as_str(), UNKNOWN_REQUEST | REQUEST_SCHEMA)
                && !matches!(self.sources.get(name), Some(GivenSource::Component(_)))
                && !answered
                    .get(name.as_str())
                    .is_some_and(|answers| answers.iter().any(|known| known.request == *request));
            is_open.then(|| (name.as_str(), request.clone()))
        })
    }

    fn answer(&self, name: &str, request: &[u8]) -> Result<fixed::Answer, String> {
        let shown = String::from_utf8_lossy(request);
        match self.sources.get(name) {
            Some(GivenSource::Fixed(source)) => source.answer(request).ok_or_else(|| {
                format!(
                    "source `{name}` was asked {shown}, and {} has no answer to it; add \
                     {{\"request\": {shown}, \"reply\": …}} there",
                    source.file.display()
                )
            }),
            _ => Err(format!(
                "source `{name}` was asked {shown}, and nothing is given that answers; give \
                 `--source {name}=FILE.json` with fixed answers, or `--source {name}=FILE.wasm` \
                 with the cryptlet"
            )),
        }
    }
}

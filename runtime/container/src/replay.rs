//! A run done again from its transcript: the same bytes and the same fuel, or the host call where it
//! is not so.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use cryptlet_attest::Outcome;

use crate::Cryptlet;
use crate::files::{DirectoryEntry, FileError, FileStatus, Opened};
use crate::grants::Grants;
use crate::invocation::{Invocation, SubmissionStatus};
use crate::run::{Run, State};
use crate::services::{
    BuildError, CallEncoding, EncodedCall, HttpError, HttpLimits, HttpRequest, HttpResponse,
    KeyError, PublicKey, Services,
};
use crate::shadow::{AnsweredBefore, Answers, Unanswered};
use crate::transcript::{Record, Transcript};

/// A run to be done again.
pub struct ReplayJob<'a> {
    /// What ran.
    pub cryptlet: &'a Cryptlet,
    /// What the binding gave it.
    pub grants: &'a Grants,
    /// Why it ran.
    pub invocation: Invocation,
    /// Where its randomness came from.
    pub seed: [u8; 32],
    /// The binding's state before the run.
    pub state: Arc<State>,
    /// What the host answered.
    pub transcript: Arc<Transcript>,
    /// Stands in for the host's encodings of calls, which the transcript may only repeat.
    pub call_encoding: Arc<CallEncoding>,
}

impl fmt::Debug for ReplayJob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayJob")
            .field("cryptlet", &self.cryptlet)
            .field("invocation", &self.invocation)
            .finish_non_exhaustive()
    }
}

/// The replay did not give what was recorded.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReplayError {
    /// The run goes another way than the transcript.
    #[error("the run diverges from its transcript at {divergence}")]
    Diverged {
        /// Where they part.
        divergence: Divergence,
        /// What the replay came to, for whoever compares the rest.
        run: Box<Run>,
    },
    /// This machine stopped the replay; it says nothing about the run.
    #[error("the replay was interrupted by {which}; run it on a machine with more to give")]
    Interrupted {
        /// `wall-clock`, `stack` or `host`.
        which: String,
    },
}

/// The first host call in which two transcripts differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Index of the call, counted from 0; further indices lead into the transcripts of sources.
    pub path: Vec<usize>,
    /// What the transcript has; `None` if it ends before.
    pub expected: Option<Box<Record>>,
    /// What the replay did; `None` if it ended before.
    pub found: Option<Box<Record>>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: Vec<String> = self.path.iter().map(ToString::to_string).collect();
        let name = |record: &Option<Box<Record>>| record.as_ref().map_or("the end", |r| r.name());
        write!(
            f,
            "host call {}: expected {}, found {}",
            path.join("/"),
            name(&self.expected),
            name(&self.found)
        )?;
        match (&self.expected, &self.found) {
            (Some(a), Some(b)) if a.name() == b.name() => {
                write!(f, " with another question or answer")
            }
            _ => Ok(()),
        }
    }
}

/// Judges a replay: the transcripts agree, or where they part.
pub(crate) fn judge(expected: &Transcript, run: Run) -> Result<Run, ReplayError> {
    if let Outcome::Interrupted { which } = &run.outcome {
        return Err(ReplayError::Interrupted {
            which: which.clone(),
        });
    }
    match divergence(expected, &run.transcript) {
        Some(divergence) => Err(ReplayError::Diverged {
            divergence,
            run: Box::new(run),
        }),
        None => Ok(run),
    }
}

fn divergence(expected: &Transcript, found: &Transcript) -> Option<Divergence> {
    let length = expected.records().len().max(found.records().len());
    let index =
        (0..length).find(|index| expected.records().get(*index) != found.records().get(*index))?;
    let (a, b) = (expected.records().get(index), found.records().get(index));
    let mut path = vec![index];
    if let (Some(a), Some(b)) = (a.and_then(nested), b.and_then(nested))
        && let Some(inner) = divergence(&a, &b)
    {
        path.extend(inner.path);
        return Some(Divergence { path, ..inner });
    }
    Some(Divergence {
        path,
        expected: a.cloned().map(Box::new),
        found: b.cloned().map(Box::new),
    })
}

fn nested(record: &Record) -> Option<Transcript> {
    match record {
        Record::Ask {
            transcript: Some(bytes),
            ..
        } => Transcript::from_bytes(bytes).ok(),
        _ => None,
    }
}

/// Where answers come from.
#[derive(Clone)]
pub(crate) enum Outside {
    Live(Arc<dyn Services>),
    Recorded {
        transcript: Arc<Transcript>,
        call_encoding: Arc<CallEncoding>,
    },
    Shadow(Arc<Answers>),
}

impl Outside {
    /// What answers the call at `index`.
    pub(crate) fn services(&self, index: usize) -> Arc<dyn Services> {
        match self {
            Outside::Live(services) => Arc::clone(services),
            Outside::Recorded {
                transcript,
                call_encoding,
            } => Arc::new(Recorded {
                transcript: Arc::clone(transcript),
                index,
                call_encoding: Arc::clone(call_encoding),
            }),
            Outside::Shadow(answers) => Arc::clone(answers) as Arc<dyn Services>,
        }
    }

    /// The question that nothing recorded answers, after which a shadow run does not go on.
    pub(crate) fn unanswered(&self) -> Option<Unanswered> {
        match self {
            Outside::Live(_) | Outside::Recorded { .. } => None,
            Outside::Shadow(answers) => answers.unanswered(),
        }
    }

    /// What source `name` answered to `request`, if this run need not ask it.
    pub(crate) fn answered(&self, name: &str, request: &[u8]) -> Option<AnsweredBefore> {
        match self {
            Outside::Live(_) | Outside::Recorded { .. } => None,
            Outside::Shadow(answers) => answers.ask(name, request),
        }
    }

    /// When the run ends on the wall clock, if its own limit would have it end at `limit` and its
    /// host at `latest`. A replay has no time of its own: a slow auditor must not be told of a run
    /// that it was slow.
    pub(crate) fn deadline(&self, limit: Instant, latest: Instant) -> Instant {
        match self {
            Outside::Live(_) => limit.min(latest),
            Outside::Recorded { .. } | Outside::Shadow(_) => latest,
        }
    }

    /// What answers source `name` that is asked by the call at `index`.
    pub(crate) fn for_source(&self, index: usize, name: &str, grants: &Grants) -> Outside {
        match self {
            Outside::Live(services) => Outside::Live(Arc::clone(services)),
            Outside::Recorded {
                transcript,
                call_encoding,
            } => {
                let nested = transcript.records().get(index).and_then(nested);
                Outside::Recorded {
                    transcript: Arc::new(nested.unwrap_or_default()),
                    call_encoding: Arc::clone(call_encoding),
                }
            }
            Outside::Shadow(answers) => Outside::Shadow(Arc::new(answers.for_source(name, grants))),
        }
    }
}

/// Services that know one recorded call. Asked for anything else they answer that there is nothing,
/// the guest goes on, and the comparison of the transcripts names this call.
struct Recorded {
    transcript: Arc<Transcript>,
    index: usize,
    call_encoding: Arc<CallEncoding>,
}

impl Recorded {
    fn record(&self) -> Option<&Record> {
        self.transcript.records().get(self.index)
    }
}

const NOTHING: &str = "the transcript has another call here";

impl Services for Recorded {
    fn fetch(&self, _: &HttpRequest, _: &HttpLimits) -> Result<HttpResponse, HttpError> {
        match self.record() {
            Some(Record::Fetch { answer, .. }) => answer.clone(),
            _ => Err(HttpError::Invalid(NOTHING.to_owned())),
        }
    }

    fn build(&self, action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
        (self.call_encoding)(action, fields)
    }

    fn submission_status(&self, _: u64) -> Option<SubmissionStatus> {
        match self.record() {
            Some(Record::Status { answer, .. }) => answer.clone(),
            _ => None,
        }
    }

    fn next_submission(&self) -> u64 {
        match self.record() {
            Some(Record::Submit { answer, .. }) => *answer,
            _ => 0,
        }
    }

    fn public_key(&self, _: &str) -> Result<PublicKey, KeyError> {
        match self.record() {
            Some(Record::PublicKeyOf { answer, .. }) => answer.clone(),
            _ => Err(KeyError::Limit(NOTHING.to_owned())),
        }
    }

    fn sign(&self, _: &str, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self.record() {
            Some(Record::Sign { answer, .. }) => answer.clone().map(Into::into),
            _ => Err(KeyError::Limit(NOTHING.to_owned())),
        }
    }

    fn open_file(&self, _: &str, _: &str, _: u64) -> Result<Opened, FileError> {
        match self.record() {
            Some(Record::OpenFile { answer, .. }) => answer.clone(),
            _ => Err(FileError::NoDirectory),
        }
    }

    fn file_status(&self, _: &str, _: &str) -> Result<FileStatus, FileError> {
        match self.record() {
            Some(Record::FileStatus { answer, .. }) => *answer,
            _ => Err(FileError::NoDirectory),
        }
    }

    fn list_directory(&self, _: &str, _: &str, _: u64) -> Result<Vec<DirectoryEntry>, FileError> {
        match self.record() {
            Some(Record::ListDirectory { answer, .. }) => answer.clone(),
            _ => Err(FileError::NoDirectory),
        }
    }
}

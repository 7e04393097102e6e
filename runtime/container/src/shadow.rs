//! A candidate's run beside the active version's: the same invocation, seed and state, and what the
//! host answered the active version, matched by question. Nothing leaves.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Cryptlet;
use crate::acts::{Act, fetched};
use crate::files::{DirectoryEntry, FileError, FileStatus, Opened, entries_bytes, opening_bytes};
use crate::grants::Grants;
use crate::invocation::{Invocation, SubmissionStatus};
use crate::run::{Run, State};
use crate::services::{
    BuildError, CallEncoding, EncodedCall, HttpError, HttpLimits, HttpRequest, HttpResponse,
    KeyError, PublicKey, Services,
};
use crate::transcript::{AskError, Record, Transcript};
use crate::transcript_size;

/// A run of a candidate beside one of the active version.
pub struct ShadowJob<'a> {
    /// The candidate.
    pub cryptlet: &'a Cryptlet,
    /// What the binding gives it.
    pub grants: &'a Grants,
    /// Why the active version ran.
    pub invocation: Invocation,
    /// Where the active version's randomness came from.
    pub seed: [u8; 32],
    /// The binding's state before the run.
    pub state: Arc<State>,
    /// What the host answered the active version.
    pub transcript: Arc<Transcript>,
    /// Encodes calls, which are never answered from a transcript.
    pub call_encoding: Arc<CallEncoding>,
}

impl fmt::Debug for ShadowJob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShadowJob")
            .field("cryptlet", &self.cryptlet)
            .field("invocation", &self.invocation)
            .finish_non_exhaustive()
    }
}

/// What a candidate came to.
#[derive(Clone, Debug)]
pub struct ShadowRun {
    /// The run, as far as it went. What it staged goes nowhere.
    pub run: Run,
    /// The question that ended it, if the active version had not asked it.
    pub unanswered: Option<Unanswered>,
    /// What it would have done outside.
    pub acts: Vec<Act>,
    /// What the active version did outside.
    pub active_acts: Vec<Act>,
}

/// A question that the active version did not ask: only the outside could answer it, and a shadow
/// run does not reach there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{call} {question}", in_sources(.sources))]
pub struct Unanswered {
    /// Names of the sources that lead to the question, outermost first; empty for the candidate's own.
    pub sources: Vec<String>,
    /// The host call, as WIT names it.
    pub call: &'static str,
    /// What was asked, for people: an address, a source's name, a key's name or a submission's number.
    pub question: String,
}

fn in_sources(sources: &[String]) -> String {
    sources
        .iter()
        .map(|name| format!("source {name}: "))
        .collect()
}

/// What the outside told the active version, to be told again.
///
/// That something was too large is told again only to who may read no more than the active version
/// might when it heard that.
///
/// A question that was asked several times is answered in the order in which it was answered then,
/// and from there on with the last answer.
pub(crate) struct Answers {
    recorded: Vec<Answer>,
    given: Mutex<Vec<bool>>,
    next_submission: u64,
    sources: Vec<String>,
    unanswered: Arc<Mutex<Option<Unanswered>>>,
    call_encoding: Arc<CallEncoding>,
}

/// What a source answered to the active version.
pub(crate) struct AnsweredBefore {
    pub(crate) answer: Result<Vec<u8>, AskError>,
    /// What the host kept of it.
    pub(crate) kept: u64,
}

/// A recorded call.
struct Answer {
    transcript: Arc<Transcript>,
    index: usize,
    /// Where its request went, if it fetched. A request that was refused asked nobody: whether it is,
    /// depends on those before it.
    fetched: Option<HttpRequest>,
    /// What the run might still read of the directory that it asked about.
    left: u64,
}

impl Answer {
    fn record(&self) -> &Record {
        &self.transcript.records()[self.index]
    }
}

impl Answers {
    /// Those of a run, for a candidate that may do what `grants` say.
    pub(crate) fn of(
        transcript: &Arc<Transcript>,
        grants: &Grants,
        call_encoding: Arc<CallEncoding>,
    ) -> Answers {
        let next_submission = transcript.records().iter().find_map(|record| match record {
            Record::Submit { answer, .. } => Some(*answer),
            _ => None,
        });
        Answers {
            // Without one a candidate's first is told the number that a new binding's first gets.
            next_submission: next_submission.unwrap_or(0),
            ..Answers::among(recorded(transcript, grants), call_encoding)
        }
    }

    fn among(recorded: Vec<Answer>, call_encoding: Arc<CallEncoding>) -> Answers {
        Answers {
            given: Mutex::new(vec![false; recorded.len()]),
            recorded,
            next_submission: 0,
            sources: Vec::new(),
            unanswered: Arc::default(),
            call_encoding,
        }
    }

    /// Those that source `name` heard, whatever it was asked: for a question to it that is new.
    pub(crate) fn for_source(&self, name: &str, grants: &Grants) -> Answers {
        let heard: Vec<Answer> = self
            .recorded
            .iter()
            .filter_map(|answer| match answer.record() {
                Record::Ask {
                    source,
                    transcript: Some(bytes),
                    ..
                } if source == name => Transcript::from_bytes(bytes).ok(),
                _ => None,
            })
            .flat_map(|transcript| recorded(&Arc::new(transcript), grants))
            .collect();
        let mut sources = self.sources.clone();
        sources.push(name.to_owned());
        Answers {
            sources,
            unanswered: Arc::clone(&self.unanswered),
            ..Answers::among(heard, Arc::clone(&self.call_encoding))
        }
    }

    /// What source `name` answered to `request`; none if it was not asked so.
    pub(crate) fn ask(&self, name: &str, request: &[u8]) -> Option<AnsweredBefore> {
        self.find(|answer| match answer.record() {
            Record::Ask {
                source,
                request: asked,
                answer,
                transcript,
            } if source == name && asked == request => Some((answer, transcript)),
            _ => None,
        })
        .map(|(answer, transcript)| AnsweredBefore {
            answer: answer.clone().map(Into::into),
            kept: transcript.as_deref().map_or(0, transcript_size::of_source),
        })
    }

    /// The question that was not answered, if there was one.
    pub(crate) fn unanswered(&self) -> Option<Unanswered> {
        self.unanswered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn find<'a, T>(&'a self, answers: impl Fn(&'a Answer) -> Option<T>) -> Option<T> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = None;
        for (index, answer) in self.recorded.iter().enumerate() {
            if let Some(found) = answers(answer) {
                if !given[index] {
                    given[index] = true;
                    return Some(found);
                }
                last = Some(found);
            }
        }
        last
    }

    fn unknown(&self, call: &'static str, question: String) {
        self.unanswered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| Unanswered {
                sources: self.sources.clone(),
                call,
                question,
            });
    }
}

/// The calls of one run that had these grants.
fn recorded(transcript: &Arc<Transcript>, grants: &Grants) -> Vec<Answer> {
    let mut read: BTreeMap<&str, u64> = BTreeMap::new();
    let mut answers = Vec::new();
    for (index, record) in transcript.records().iter().enumerate() {
        let mut left = 0;
        if let Record::OpenFile { directory, .. } | Record::ListDirectory { directory, .. } = record
        {
            let granted = grants.directories.get(directory);
            let read = read.entry(directory).or_default();
            left = granted.map_or(0, |grant| grant.bytes.saturating_sub(*read));
            *read = read.saturating_add(match record {
                Record::OpenFile { answer, .. } => opening_bytes(answer, left),
                Record::ListDirectory { answer, .. } => entries_bytes(answer, left),
                _ => 0,
            });
        }
        let refused = matches!(
            record,
            Record::Fetch {
                answer: Err(HttpError::Denied(_)),
                ..
            }
        );
        answers.push(Answer {
            transcript: Arc::clone(transcript),
            index,
            fetched: fetched(record, grants).filter(|_| !refused),
            left,
        });
    }
    answers
}

impl Answers {
    fn unknown_file<T>(
        &self,
        call: &'static str,
        directory: &str,
        path: &str,
    ) -> Result<T, FileError> {
        self.unknown(call, format!("/{directory}/{path}"));
        Err(FileError::NoDirectory)
    }
}

/// The guest never hears this: the run ends where it would.
const NOTHING: &str = "the active version did not ask this";

impl Services for Answers {
    fn fetch(&self, request: &HttpRequest, limits: &HttpLimits) -> Result<HttpResponse, HttpError> {
        let wanted = without_key(request.clone());
        let answer = self.find(|answer| match answer.record() {
            Record::Fetch {
                answer: Err(HttpError::TooLarge(allowed)),
                ..
            } if *allowed < limits.response_bytes => None,
            Record::Fetch { answer: known, .. } if answer.fetched.as_ref() == Some(&wanted) => {
                Some(known)
            }
            _ => None,
        });
        answer.cloned().unwrap_or_else(|| {
            self.unknown("http.fetch", format!("{} {}", wanted.method, wanted.url));
            Err(HttpError::Invalid(NOTHING.to_owned()))
        })
    }

    fn build(&self, action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
        (self.call_encoding)(action, fields)
    }

    fn submission_status(&self, submission: u64) -> Option<SubmissionStatus> {
        let answer = self.find(|answer| match answer.record() {
            Record::Status {
                submission: asked,
                answer,
            } if *asked == submission => Some(answer),
            _ => None,
        });
        answer.cloned().unwrap_or_else(|| {
            self.unknown("router.status", format!("of submission {submission}"));
            None
        })
    }

    fn next_submission(&self) -> u64 {
        self.next_submission
    }

    fn public_key(&self, key: &str) -> Result<PublicKey, KeyError> {
        let answer = self.find(|answer| match answer.record() {
            Record::PublicKeyOf { key: asked, answer } if asked == key => Some(answer),
            _ => None,
        });
        answer.cloned().unwrap_or_else(|| {
            self.unknown("keychain.public-key-of", key.to_owned());
            Err(KeyError::Limit(NOTHING.to_owned()))
        })
    }

    fn sign(&self, key: &str, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let answer = self.find(|answer| match answer.record() {
            Record::Sign {
                key: asked,
                message: signed,
                answer,
            } if asked == key && signed == message => Some(answer),
            _ => None,
        });
        match answer {
            Some(answer) => answer.clone().map(Into::into),
            None => {
                self.unknown("keychain.sign", format!("another message with {key}"));
                Err(KeyError::Limit(NOTHING.to_owned()))
            }
        }
    }

    fn open_file(&self, directory: &str, path: &str, most_bytes: u64) -> Result<Opened, FileError> {
        let answer = self.find(|answer| match answer.record() {
            Record::OpenFile {
                answer: Err(FileError::TooLarge),
                ..
            } if answer.left < most_bytes => None,
            Record::OpenFile {
                directory: asked,
                path: opened,
                answer,
            } if asked == directory && opened == path => Some(answer),
            _ => None,
        });
        answer
            .cloned()
            .unwrap_or_else(|| self.unknown_file("descriptor.open-at", directory, path))
    }

    fn file_status(&self, directory: &str, path: &str) -> Result<FileStatus, FileError> {
        let answer = self.find(|answer| match answer.record() {
            Record::FileStatus {
                directory: asked,
                path: looked_at,
                answer,
            } if asked == directory && looked_at == path => Some(answer),
            _ => None,
        });
        answer
            .copied()
            .unwrap_or_else(|| self.unknown_file("descriptor.stat-at", directory, path))
    }

    fn list_directory(
        &self,
        directory: &str,
        path: &str,
        most_bytes: u64,
    ) -> Result<Vec<DirectoryEntry>, FileError> {
        let answer = self.find(|answer| match answer.record() {
            Record::ListDirectory {
                answer: Err(FileError::TooLarge),
                ..
            } if answer.left < most_bytes => None,
            Record::ListDirectory {
                directory: asked,
                path: listed,
                answer,
            } if asked == directory && listed == path => Some(answer),
            _ => None,
        });
        answer
            .cloned()
            .unwrap_or_else(|| self.unknown_file("descriptor.read-directory", directory, path))
    }
}

/// The request without what the host adds, which depends on where in the run it stands. A guest cannot
/// set this header.
fn without_key(mut request: HttpRequest) -> HttpRequest {
    request
        .headers
        .retain(|(name, _)| name != "idempotency-key");
    request
}

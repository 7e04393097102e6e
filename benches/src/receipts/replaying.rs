//! Replaying recorded runs, against running them.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow, ensure};
use cryptlet_attest::{Digest, Salt, TrustedKey};
use cryptlet_container::{
    BuildError, Container, Cryptlet, EncodedCall, Grants, HttpError, HttpGrant, HttpLimits,
    HttpRequest, HttpResponse, Invocation, Job, KeyError, PublicKey, ReplayJob, Run, Services,
    Settings, State, SubmissionStatus, Transcript, Trigger,
};

use super::statement::Run as Stated;
use super::{Sizes, log};
use crate::contest::{Case, Contest};
use crate::shipped;

const TABLE: &[u8] =
    include_bytes!("../../../cryptlets/reference-rate/data/us-treasury-bill-3-month.csv");

/// What a run needs of its thread.
const STACK: usize = 4 * 1024 * 1024;

/// The shipped `reference-rate`, on all processors either way. Live, the outside answers at once; the
/// runs are sealed and logged in one durable commit, as a host must before anybody may see them.
pub fn hold(sizes: &Sizes) -> Result<Case> {
    let container = Container::new(Settings::default())?;
    let desk = Desk {
        cryptlet: container.load(&shipped::reference_rate()?)?,
        container,
        grants: Arc::new(Grants {
            http: BTreeMap::from([(
                "rates".to_owned(),
                HttpGrant::reading("http://rates.example/data/".parse()?),
            )]),
            ..Grants::default()
        }),
    };
    let folder = tempfile::tempdir()?;
    let journal = log::empty(folder.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let key = TrustedKey::new(log::ORIGIN, log::key().verifying_key().as_bytes())?.identity();
    let recorded = (0..sizes.runs)
        .map(|_| OnceLock::new())
        .collect::<Vec<OnceLock<Recorded>>>();
    on_all_processors(sizes.runs, |number| {
        let run = desk.run(number as u64);
        ensure!(run.reply.is_some(), "a run did not answer: {run:?}");
        recorded[number].get_or_init(|| Recorded::of(number, run));
        Ok(())
    })?;
    let recorded: Vec<Recorded> = recorded
        .into_iter()
        .filter_map(OnceLock::into_inner)
        .collect();
    Contest {
        case: "replay recorded runs",
        rival_name: "the same runs live, answers at once, logged in one durable commit",
        unit: "runs/s",
        bar: 1.0,
        amount: sizes.runs,
        rounds: sizes.rounds,
    }
    .hold(
        || {
            let begin = Instant::now();
            on_all_processors(recorded.len(), |number| {
                desk.replay(number, &recorded[number])
            })?;
            Ok(begin.elapsed())
        },
        || {
            let begin = Instant::now();
            on_all_processors(sizes.runs, |number| {
                black_box(desk.run(number as u64));
                Ok(())
            })?;
            let (runs, key) = (sizes.runs as u64, key.clone());
            runtime.block_on(journal.commit(move |writing| {
                for number in 0..runs {
                    writing.append(&Stated::new(number).seal(None, &key))?;
                }
                Ok(())
            }))?;
            Ok(begin.elapsed())
        },
    )
}

/// What the log has of a run.
struct Recorded {
    run: Run,
    transcript: Arc<Transcript>,
    digest: Digest,
}

impl Recorded {
    fn of(number: usize, run: Run) -> Self {
        Self {
            digest: digest(number, &run.transcript),
            transcript: Arc::new(run.transcript.clone()),
            run,
        }
    }
}

fn digest(number: usize, transcript: &Transcript) -> Digest {
    let mut salt = [0; 32];
    salt[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Salt::from_bytes(salt).digest("transcript", &transcript.to_bytes())
}

/// Each thread takes the next number, until all of them are done.
fn on_all_processors(count: usize, work: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let turns = || -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            work(number)?;
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let started = (0..threads).map(|_| {
            thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, turns)
        });
        let started: Vec<_> = started.collect::<Result<_, _>>()?;
        started.into_iter().try_for_each(|thread| {
            let ended = thread.join().map_err(|_| anyhow!("a run panicked"));
            ended.and_then(|outcome| outcome)
        })
    })
}

struct Desk {
    container: Container,
    cryptlet: Cryptlet,
    grants: Arc<Grants>,
}

impl Desk {
    fn run(&self, number: u64) -> Run {
        self.container.run(Job {
            cryptlet: &self.cryptlet,
            grants: Arc::clone(&self.grants),
            invocation: Arc::new(invocation(number)),
            seed: [7; 32],
            state: Arc::new(State::new()),
            services: Arc::new(Rates),
        })
    }

    fn replay(&self, number: usize, recorded: &Recorded) -> Result<()> {
        let run = self.container.replay(ReplayJob {
            cryptlet: &self.cryptlet,
            grants: &self.grants,
            invocation: invocation(number as u64),
            seed: [7; 32],
            state: Arc::new(State::new()),
            transcript: Arc::clone(&recorded.transcript),
            call_encoding: Arc::new(no_call),
        })?;
        let expected = &recorded.run;
        let same = run.reply == expected.reply
            && run.meter.fuel == expected.meter.fuel
            && run.state_after == expected.state_after
            && digest(number, &run.transcript) == recorded.digest;
        ensure!(same, "the replay of run {number} came out otherwise");
        Ok(())
    }
}

fn invocation(number: u64) -> Invocation {
    Invocation {
        binding: "0xb1".to_owned(),
        number,
        instant: 1_700_000_000_000 + number,
        trigger: Trigger::Message {
            sender: "desk".to_owned(),
            topic: "RateFor".to_owned(),
            body: br#"{"quarter":"2007-Q3"}"#.to_vec(),
        },
    }
}

/// `reference-rate` writes to no ledger.
fn no_call(action: &str, _: &[u8]) -> Result<EncodedCall, BuildError> {
    Err(BuildError::UnknownAction(action.to_owned()))
}

/// The outside, as far as `reference-rate` asks for it.
struct Rates;

impl Services for Rates {
    fn fetch(&self, _: &HttpRequest, _: &HttpLimits) -> Result<HttpResponse, HttpError> {
        Ok(HttpResponse {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/csv".to_owned())],
            body: TABLE.to_vec(),
        })
    }

    fn build(&self, action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
        no_call(action, fields)
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

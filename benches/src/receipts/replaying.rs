//! Replaying recorded runs, against running them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context as _, Result, anyhow, ensure};
use cryptlet_container::{
    BuildError, Container, Cryptlet, EncodedCall, Grants, HttpError, HttpGrant, HttpLimits,
    HttpRequest, HttpResponse, Invocation, Job, KeyError, PublicKey, ReplayJob, Run, Services,
    Settings, State, SubmissionStatus, Trigger,
};

use super::Sizes;
use crate::contest::{Case, Contest};

const TABLE: &[u8] =
    include_bytes!("../../../cryptlets/reference-rate/data/us-treasury-bill-3-month.csv");

/// What a run needs of its thread.
const STACK: usize = 4 * 1024 * 1024;

/// The shipped `reference-rate`. Live, the table is there at once and nothing is written down: less
/// than any host does. Replays share the machine's processors, as those of a whole journal do.
pub fn hold(sizes: &Sizes) -> Result<Case> {
    let container = Container::new(Settings::default())?;
    let desk = Desk {
        cryptlet: container.load(&component()?)?,
        container,
        grants: Grants {
            http: BTreeMap::from([(
                "rates".to_owned(),
                HttpGrant::reading("http://rates.example/data/".parse()?),
            )]),
            ..Grants::default()
        },
    };
    let recorded: Vec<Run> = on_a_thread(|| {
        (0..sizes.runs as u64)
            .map(|number| desk.run(number))
            .collect()
    })?;
    ensure!(
        recorded.iter().all(|run| run.reply.is_some()),
        "a run did not answer: {:?}",
        recorded.iter().find(|run| run.reply.is_none())
    );
    Contest {
        case: "replay recorded runs",
        rival_name: "the same runs live, one after the other, answers at once",
        unit: "runs/s",
        bar: 1.0,
        amount: sizes.runs,
        rounds: sizes.rounds,
    }
    .hold(
        || {
            let begin = Instant::now();
            desk.replay_all(&recorded)?;
            Ok(begin.elapsed())
        },
        || {
            let begin = Instant::now();
            on_a_thread(|| {
                for number in 0..sizes.runs as u64 {
                    desk.run(number);
                }
            })?;
            Ok(begin.elapsed())
        },
    )
}

fn component() -> Result<Vec<u8>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/cryptlets");
    let folder = env::var_os("CRYPTLETS").map_or_else(|| PathBuf::from(default), PathBuf::from);
    let path = folder.join("reference-rate-1.0.0.wasm");
    fs::read(&path).with_context(|| format!("no {}; run `cargo xtask guests`", path.display()))
}

fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    thread::scope(|scope| {
        thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, work)?
            .join()
            .map_err(|_| anyhow!("a run panicked"))
    })
}

struct Desk {
    container: Container,
    cryptlet: Cryptlet,
    grants: Grants,
}

impl Desk {
    fn run(&self, number: u64) -> Run {
        self.container.run(Job {
            cryptlet: &self.cryptlet,
            grants: &self.grants,
            invocation: invocation(number),
            seed: [7; 32],
            state: Arc::new(State::new()),
            services: Arc::new(Rates),
        })
    }

    fn replay(&self, number: u64, recorded: &Run) -> Result<()> {
        let run = self.container.replay(ReplayJob {
            cryptlet: &self.cryptlet,
            grants: &self.grants,
            invocation: invocation(number),
            seed: [7; 32],
            state: Arc::new(State::new()),
            transcript: &recorded.transcript,
        })?;
        let same = run.reply == recorded.reply && run.meter.fuel == recorded.meter.fuel;
        ensure!(same, "the replay of run {number} came out otherwise");
        Ok(())
    }

    /// Each thread takes the next run, as `cryptlet audit replay --all` does.
    fn replay_all(&self, recorded: &[Run]) -> Result<()> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<()> {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(run) = recorded.get(number) else {
                    return Ok(());
                };
                self.replay(number as u64, run)?;
            }
        };
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let started = (0..threads).map(|_| {
                thread::Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, work)
            });
            let started: Vec<_> = started.collect::<Result<_, _>>()?;
            started.into_iter().try_for_each(|thread| {
                let ended = thread.join().map_err(|_| anyhow!("a replay panicked"));
                ended.and_then(|outcome| outcome)
            })
        })
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

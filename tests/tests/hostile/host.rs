//! The host that is attacked: one container, one honest cryptlet, and what attacks come to.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use cryptlet_attest::Outcome;
use cryptlet_container::{
    CacheSettings, CodeOrigin, Compiler, CompilerBounds, CompilerProgram, Container, Cryptlet,
    DirectoryGrant, Grants, HttpGrant, Invocation, Job, Meter, ReplayJob, Run, Settings, Source,
    State, Trigger, state_root,
};

use crate::folder::{self, Attack};
use crate::guests;
use crate::verdict::{Given, Stage, Verdict};
use crate::web::{Outside, call_encoding};

const INSTANT: u64 = 1_136_073_600_123;
/// What the compiler may take of the processors: no honest cryptlet needs a second.
const COMPILER_SECONDS: u64 = 4;
/// What stops guests for many reasons: a verdict must say for which.
const STOPS_MANY: [&str; 3] = ["trap canonical-abi", "Compilation", "Excessive"];
/// What anybody should have to read about an attack.
const MOST_SAID: usize = 16 << 10;
/// Bytes of log lines that a host may keep of one invocation.
const MOST_LINES: usize = 5 << 20;

/// A container and a cryptlet that means well.
pub struct Host {
    pub container: Container,
    honest: Cryptlet,
}

/// How an attack ended.
pub enum Ending {
    Refused { stage: Stage, error: Refusal },
    Ran(Box<Run>),
}

/// An error, as programs and as people see it.
pub struct Refusal {
    variant: String,
    text: String,
}

/// A cryptlet with what it is given, ready to be run any number of times.
pub struct Armed {
    pub verdict: Verdict,
    cryptlet: Cryptlet,
    grants: Grants,
    state: Arc<State>,
}

impl Host {
    pub fn new(instances: u32) -> Result<Host> {
        Host::with(instances, None)
    }

    /// One that keeps what it compiled.
    pub fn keeping(cache: CacheSettings) -> Result<Host> {
        Host::with(4, Some(cache))
    }

    fn with(instances: u32, cache: Option<CacheSettings>) -> Result<Host> {
        let container = Container::new(Settings {
            instances,
            cache,
            compiler: Compiler::Child {
                program: CompilerProgram {
                    path: env!("CARGO_BIN_EXE_compile-for-attacked").into(),
                    arguments: Vec::new(),
                },
                bounds: CompilerBounds {
                    processor_seconds: COMPILER_SECONDS,
                    ..CompilerBounds::default()
                },
            },
            ..Settings::default()
        })?;
        let honest = container.load(&honest())?;
        Ok(Host { container, honest })
    }

    pub fn honest_is_from_the_cache(&self) -> bool {
        self.honest.code_origin() == CodeOrigin::Cache
    }

    /// Hands a guest in, as an operator would: load, check of the grants, run.
    pub fn suffer(&self, attack: &Attack) -> Result<Ending> {
        Ok(match self.arm(attack)? {
            Ok(armed) => Ending::Ran(Box::new(self.run(&armed)?)),
            Err((stage, error)) => Ending::Refused { stage, error },
        })
    }

    /// Loads a guest and checks its grants.
    pub fn arm(&self, attack: &Attack) -> Result<Result<Armed, (Stage, Refusal)>> {
        let cryptlet = match self.container.load(&attack.component) {
            Ok(cryptlet) => cryptlet,
            Err(error) => return Ok(Err((Stage::Load, Refusal::of(&error)))),
        };
        let given = &attack.verdict.binding;
        let grants = self.grants(&cryptlet, given)?;
        if let Err(error) = self.container.check_grants(&cryptlet, &grants)
            && !given.unchecked
        {
            return Ok(Err((Stage::Grants, Refusal::of(&error))));
        }
        let entries = given.state.iter();
        let state = entries.map(|(key, value)| (key.clone(), value.clone().into_bytes()));
        let mut armed = Armed {
            verdict: attack.verdict.clone(),
            cryptlet,
            grants,
            state: Arc::new(state.collect()),
        };
        for _ in 0..given.runs_before {
            self.run_before(&mut armed)?;
        }
        Ok(Ok(armed))
    }

    /// A run that goes well, whose state the next one finds.
    fn run_before(&self, armed: &mut Armed) -> Result<()> {
        let run = self.run(armed)?;
        ensure!(run.outcome == Outcome::Ok, "{:?}", run.diagnostic);
        let state = Arc::make_mut(&mut armed.state);
        for (key, change) in run.state_changes {
            match change {
                Some(value) => state.insert(key, value),
                None => state.remove(&key),
            };
        }
        ensure!(run.state_after == state_root(state));
        Ok(())
    }

    /// Runs a guest once.
    pub fn run(&self, armed: &Armed) -> Result<Run> {
        let outside = Arc::new(Outside::answering(&armed.verdict.web));
        let run = self.run_with(armed, Arc::clone(&outside));
        ensure!(outside.is_spent(), "it did not fetch what its verdict says");
        Ok(run)
    }

    /// Runs a guest once with another outside than its verdict's.
    pub fn run_with(&self, armed: &Armed, outside: Arc<Outside>) -> Run {
        self.container.run(Job {
            services: outside,
            ..armed.job()
        })
    }

    /// Does a run again from its transcript: what it cost and how it ended must come out the same.
    pub fn replay(&self, armed: &Armed, run: &Run) -> Result<()> {
        let job = armed.job();
        let again = self.container.replay(ReplayJob {
            cryptlet: job.cryptlet,
            grants: &job.grants,
            invocation: Arc::unwrap_or_clone(job.invocation),
            seed: job.seed,
            state: job.state,
            transcript: Arc::new(run.transcript.clone()),
            call_encoding: Arc::new(call_encoding),
        })?;
        ensure!(
            (&again.outcome, again.meter.fuel) == (&run.outcome, run.meter.fuel),
            "its replay ended with {} for {} units of fuel",
            again.outcome,
            again.meter.fuel
        );
        Ok(())
    }

    /// Runs the honest cryptlet, which must be served whatever others do.
    pub fn serve(&self) -> Result<(String, Meter)> {
        let state = State::from([("answer".to_owned(), br#"{"value":42}"#.to_vec())]);
        let run = self.container.run(Job {
            cryptlet: &self.honest,
            grants: Arc::new(Grants {
                state: true,
                ..Grants::default()
            }),
            invocation: Arc::new(invocation("0xb0")),
            seed: [3; 32],
            state: Arc::new(state),
            services: Arc::new(Outside::default()),
        });
        ensure!(
            run.outcome == Outcome::Ok && run.state_before == run.state_after,
            "the honest run ended with {}: {:?}",
            run.outcome,
            run.diagnostic
        );
        let reply = run.reply.context("the honest run has a reply")?;
        Ok((String::from_utf8(reply)?, run.meter))
    }

    /// All that the manifest asks for, and what the verdict says otherwise.
    fn grants(&self, cryptlet: &Cryptlet, given: &Given) -> Result<Grants> {
        let asked = &cryptlet.manifest().capabilities;
        let gives = |name: &str| !given.withholds.iter().any(|withheld| withheld == name);
        let mut grants = Grants {
            ledger: asked.ledger && gives("ledger"),
            events: asked.events && gives("events"),
            state: asked.state && gives("state"),
            log: asked.log && gives("log"),
            wasi: asked.wasi && gives("wasi"),
            keys: asked.keychain.clone(),
            ..Grants::default()
        };
        grants.keys.retain(|key| gives(key));
        for name in asked.directories.iter().filter(|name| gives(name)) {
            let grant = DirectoryGrant::default();
            grants.directories.insert(name.clone(), grant);
        }
        if asked.http && gives("http") {
            let mut bases = given.http.clone();
            if bases.is_empty() {
                bases.insert("rates".to_owned(), "https://rates.example/".to_owned());
            }
            for (name, base) in bases {
                grants.http.insert(name, HttpGrant::reading(base.parse()?));
            }
        }
        for (name, folder) in &given.sources {
            let source = folder::attack(folder)?;
            let cryptlet = self.container.load(&source.component)?;
            let grants_of_source = self.grants(&cryptlet, &source.verdict.binding)?;
            grants.sources.insert(
                name.clone(),
                Source {
                    cryptlet,
                    grants: grants_of_source,
                },
            );
        }
        Ok(grants)
    }
}

impl Armed {
    fn job(&self) -> Job<'_> {
        Job {
            cryptlet: &self.cryptlet,
            grants: Arc::new(self.grants.clone()),
            invocation: Arc::new(invocation("0xba")),
            seed: [7; 32],
            state: Arc::clone(&self.state),
            services: Arc::new(Outside::default()),
        }
    }
}

impl Refusal {
    fn of<E: std::error::Error>(error: &E) -> Refusal {
        let variant = format!("{error:?}");
        let end = variant.find(|letter: char| !letter.is_alphanumeric());
        Refusal {
            variant: variant[..end.unwrap_or(variant.len())].to_owned(),
            text: error.to_string(),
        }
    }
}

/// Whether an attack ended as its verdict says.
pub fn judge(verdict: &Verdict, ending: &Ending) -> Result<()> {
    let (stage, by, said) = match ending {
        Ending::Refused { stage, error } => (*stage, error.variant.clone(), error.text.clone()),
        Ending::Ran(run) => {
            let stage = if run.outcome.is_ok() {
                Stage::Nowhere
            } else {
                Stage::Run
            };
            (stage, run.outcome.to_string(), said(run))
        }
    };
    ensure!(
        (stage, &by) == (verdict.stopped, &verdict.by),
        "stopped at {stage:?} by `{by}`: {said}"
    );
    ensure!(
        !verdict.says.is_empty() || !STOPS_MANY.contains(&by.as_str()),
        "`{by}` alone does not tell why, and its verdict does not name anything of: {said}"
    );
    for says in &verdict.says {
        ensure!(said.contains(says), "`{says}` is not in: {said}");
    }
    ensure!(said.len() < MOST_SAID, "it says {} bytes", said.len());
    if let Ending::Ran(run) = ending {
        let reply = run.reply.as_deref().map(String::from_utf8_lossy);
        ensure!(
            reply.as_deref() == verdict.replies.as_deref(),
            "it replied {reply:?}"
        );
        let nothing_left = run.submissions.is_empty()
            && run.events.is_empty()
            && run.state_changes.is_empty()
            && run.state_before == run.state_after;
        ensure!(
            nothing_left || stage == Stage::Nowhere,
            "something of it was kept"
        );
        let lines = bytes_of_lines(run);
        ensure!(lines < MOST_LINES, "{lines} bytes of lines are kept");
        let whole = !matches!(
            run.outcome,
            Outcome::Limit { .. } | Outcome::Trap { .. } | Outcome::Interrupted { .. }
        ) || run.meter.fuel == run.limits.fuel;
        ensure!(whole, "a stopped run is charged its whole limit");
    }
    Ok(())
}

/// What is kept of lines for people, those of the sources that were asked among them.
fn bytes_of_lines(run: &Run) -> usize {
    let own = run.logs.iter().map(|line| 64 + line.message.len());
    let below = run.children.iter().map(|child| bytes_of_lines(&child.run));
    own.chain(below).sum()
}

fn said(run: &Run) -> String {
    match (&run.failure, &run.diagnostic) {
        (Some(failure), _) => failure.message.clone(),
        (None, Some(diagnostic)) => diagnostic.clone(),
        (None, None) => String::new(),
    }
}

fn invocation(binding: &str) -> Invocation {
    Invocation {
        binding: binding.to_owned(),
        number: 1,
        instant: INSTANT,
        trigger: Trigger::Message {
            sender: "somebody".to_owned(),
            topic: "Question".to_owned(),
            body: b"{}".to_vec(),
        },
    }
}

/// Fills its memory with letters that nobody else may ever see, and replies what its state holds.
fn honest() -> Vec<u8> {
    guests::contract(
        "[capabilities]\nstate = true",
        "(drop (memory.grow (i32.const 2)))
         (memory.fill (i32.const 131072) (i32.const 90) (i32.const 131072))
         (call $state_get @‹answer› (i32.const 256))
         (call $ok (i32.load (i32.const 260)) (i32.load (i32.const 264)))",
    )
}

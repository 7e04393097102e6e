//! The container: an engine, a pool of places, and the way in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cryptlet_attest::{Digest, Measurement, Outcome};
use cryptlet_schema::Limits;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::acts::acts;
use crate::admission::{Admission, Permit};
use crate::cache::{CacheError, CacheSettings, CodeCache};
use crate::chain::Chain;
use crate::compiler::{Compiler, Flights};
use crate::cryptlet::Cryptlet;
use crate::engine;
use crate::execution::{self, Purpose, Task};
use crate::grants::{self, GrantError, Grants};
use crate::host::{self, Guest};
use crate::load::{LoadError, Workshop};
use crate::migration::{self, MigrationError, MigrationJob, Nobody};
use crate::replay::{self, Outside, ReplayError, ReplayJob};
use crate::run::{Job, Meter, Run, state_root};
use crate::shadow::{Answers, ShadowJob, ShadowRun};
use crate::ticker::Ticker;
use crate::transcript::Transcript;

/// What a host gives its container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Instances at one time. A run takes as many as its chain of calls can need.
    pub instances: u32,
    /// The most that any run gets, whatever its manifest asks for.
    pub limits: Limits,
    /// The largest component that is compiled, in bytes.
    pub component_bytes: usize,
    /// Where compiled code is kept between starts; none: every start compiles.
    pub cache: Option<CacheSettings>,
    /// Where components are compiled.
    pub compiler: Compiler,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            instances: 64,
            limits: Limits {
                fuel: 10_000_000_000,
                memory_bytes: 256 << 20,
                table_elements: 100_000,
                output_bytes: 1 << 20,
                log_bytes: 256 << 10,
                host_calls: 4_000,
                call_depth: 4,
                http_response_bytes: 16 << 20,
                wall_clock_milliseconds: 60_000,
            },
            component_bytes: 32 << 20,
            cache: None,
            compiler: Compiler::InProcess,
        }
    }
}

/// Settings cannot hold.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// A chain of calls would wait for places that do not exist.
    #[error(
        "{instances} instances cannot hold a chain of {call_depth} cryptlets; \
         raise `instances` or lower `limits.call-depth`"
    )]
    TooFewInstances {
        /// Places of the pool.
        instances: u32,
        /// Places that one run may need.
        call_depth: u64,
    },
    /// The compiled code that is kept cannot be got at.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The engine does not start.
    #[error("the engine does not start with these settings: {0}")]
    Engine(String),
    /// The thread of the wall clock does not start.
    #[error("the wall clock's thread does not start: {0}")]
    Ticker(#[from] std::io::Error),
}

/// What runs hold of the pool at one moment; nothing once the last of them is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Places that runs were admitted to.
    pub places: u32,
    /// Core instances.
    pub instances: u64,
    /// Linear memories.
    pub memories: u64,
    /// Tables.
    pub tables: u64,
}

/// No place is free: here is the job back.
#[derive(Debug)]
pub struct Busy<'a>(pub Box<Job<'a>>);

/// Runs cryptlets.
pub struct Container {
    inner: Arc<Inner>,
    with_wasi: Linker<Guest>,
    plain: Linker<Guest>,
    component_bytes: usize,
    places: u32,
    cache: Option<CodeCache>,
    compilations: Flights,
    _ticker: Ticker,
}

struct Inner {
    engine: Engine,
    admission: Arc<Admission>,
    limits: Limits,
}

impl Container {
    /// The version of wasmtime that runs guests.
    pub const WASMTIME_VERSION: &'static str = engine::WASMTIME_VERSION;

    /// Starts an engine.
    ///
    /// # Errors
    ///
    /// The settings cannot hold on this machine.
    pub fn new(settings: Settings) -> Result<Container, ContainerError> {
        if u64::from(settings.instances) < settings.limits.call_depth.max(1) {
            return Err(ContainerError::TooFewInstances {
                instances: settings.instances,
                call_depth: settings.limits.call_depth,
            });
        }
        let failed = |error: wasmtime::Error| ContainerError::Engine(format!("{error:#}"));
        let engine = engine::build(settings.instances, &settings.limits).map_err(failed)?;
        let cache = settings.cache.as_ref();
        let cache = cache.map(|cache| CodeCache::open(cache, &engine));
        Ok(Container {
            cache: cache.transpose()?,
            compilations: Flights::new(settings.compiler, &engine),
            plain: host::link(&engine).map_err(failed)?,
            with_wasi: host::link_with_wasi(&engine).map_err(failed)?,
            component_bytes: settings.component_bytes,
            places: settings.instances,
            _ticker: Ticker::start(&engine)?,
            inner: Arc::new(Inner {
                engine,
                admission: Admission::new(settings.instances),
                limits: settings.limits,
            }),
        })
    }

    /// Digest over everything about the engine that a guest could notice.
    pub fn engine_configuration() -> Digest {
        engine::configuration_digest()
    }

    /// Digest over the table that says what every operator costs in fuel.
    pub fn operator_costs() -> Digest {
        engine::operator_costs_digest()
    }

    /// Measures, checks and compiles a component, or takes what this host compiled it to before.
    ///
    /// Blocks for as long as the compilation takes. Whoever loads the same component meanwhile waits
    /// for the same compilation.
    ///
    /// # Errors
    ///
    /// It is none, its manifest is missing or does not read, it imports what the manifest does not
    /// ask for, or it was not compiled within the compiler's bounds.
    pub fn load(&self, component: &[u8]) -> Result<Cryptlet, LoadError> {
        let cryptlet = Workshop {
            engine: &self.inner.engine,
            plain: &self.plain,
            with_wasi: &self.with_wasi,
            component_bytes: self.component_bytes,
            cache: self.cache.as_ref(),
            compilations: &self.compilations,
        }
        .load(component)?;
        tracing::info!(
            cryptlet = %cryptlet.manifest().cryptlet.name,
            measurement = %cryptlet.measurement(),
            code = ?cryptlet.code_origin(),
            "cryptlet loaded"
        );
        Ok(cryptlet)
    }

    /// Checks that a binding gives all that a cryptlet and its sources ask for.
    ///
    /// # Errors
    ///
    /// Names the first thing that is missing or cannot work.
    pub fn check_grants(&self, cryptlet: &Cryptlet, grants: &Grants) -> Result<(), GrantError> {
        grants::check(cryptlet, grants)
    }

    /// Waits for places, then runs the job on the calling thread, which needs two MiB of stack.
    ///
    /// Blocks for as long as the run takes: on an async runtime, call it from a blocking thread.
    pub fn run(&self, job: Job<'_>) -> Run {
        let limits = self.limits_of(job.cryptlet, &job.grants);
        let places = host::chain_length(&job.grants, &limits);
        let permit = self.inner.admission.enter(places);
        self.run_with(permit, limits, job)
    }

    /// Runs the job if places are free now.
    ///
    /// # Errors
    ///
    /// Hands the job back if they are not.
    pub fn try_run<'a>(&self, job: Job<'a>) -> Result<Run, Busy<'a>> {
        let limits = self.limits_of(job.cryptlet, &job.grants);
        let places = host::chain_length(&job.grants, &limits);
        match self.inner.admission.try_enter(places) {
            Some(permit) => Ok(self.run_with(permit, limits, job)),
            None => Err(Busy(Box::new(job))),
        }
    }

    /// What runs hold of the pool now.
    pub fn held(&self) -> Held {
        let places = self.places.saturating_sub(self.inner.admission.free());
        match self.inner.engine.pooling_allocator_metrics() {
            Some(pool) => Held {
                places,
                instances: pool.core_instances(),
                memories: pool.memories() as u64,
                tables: pool.tables() as u64,
            },
            None => Held {
                places,
                ..Held::default()
            },
        }
    }

    /// Whether each place for a linear memory had one before and is free now: from here on, every
    /// guest gets a place that another one wrote to.
    pub fn has_used_every_memory(&self) -> bool {
        let all = engine::memories(self.places);
        let pool = self.inner.engine.pooling_allocator_metrics();
        pool.is_some_and(|pool| pool.unused_warm_memories() == all)
    }

    /// Does a run again from its transcript. Reply, outputs, state root, fuel and transcript come out
    /// bit by bit as they were, those of the sources too.
    ///
    /// # Errors
    ///
    /// Names the host call where the run goes another way.
    pub fn replay(&self, job: ReplayJob<'_>) -> Result<Run, ReplayError> {
        let limits = self.limits_of(job.cryptlet, job.grants);
        let places = host::chain_length(job.grants, &limits);
        let permit = self.inner.admission.enter(places);
        let begun = Instant::now();
        let run = self.run_task(
            permit,
            Task {
                chain: self.chain(),
                cryptlet: job.cryptlet.clone(),
                grants: Arc::new(job.grants.clone()),
                invocation: Arc::new(job.invocation),
                seed: job.seed,
                state: job.state,
                outside: Outside::Recorded {
                    transcript: Arc::clone(&job.transcript),
                    call_encoding: job.call_encoding,
                },
                limits,
                begun,
                deadline: self.latest(begun),
                purpose: Purpose::Handle,
            },
        );
        replay::judge(&job.transcript, run)
    }

    /// Waits for a place, then brings a copy of a state up to the cryptlet's state version: the run's
    /// `state_changes` lead there. Whoever has the same job can do it again and comes to the same.
    ///
    /// # Errors
    ///
    /// The cryptlet has nothing to migrate with, or the state is not of a lower version. A guest that
    /// fails or traps is no error but a run that says so.
    pub fn migrate(&self, job: MigrationJob<'_>) -> Result<Run, MigrationError> {
        migration::check(&job)?;
        let grants = job.narrowed_grants();
        let limits = self.limits_of(job.cryptlet, &grants);
        let permit = self.inner.admission.enter(1);
        let begun = Instant::now();
        let run = self.run_task(
            permit,
            Task {
                chain: self.chain(),
                cryptlet: job.cryptlet.clone(),
                grants: Arc::new(grants),
                invocation: Arc::new(job.invocation()),
                seed: job.seed,
                state: job.state,
                outside: Outside::Live(Arc::new(Nobody)),
                limits,
                begun,
                deadline: self.latest(begun),
                purpose: Purpose::Migrate { from: job.from },
            },
        );
        Ok(migration::without_reply(run))
    }

    /// Has a candidate run what the active version ran, with the answers that the active version
    /// heard. Nothing that it stages leaves, and nothing outside is asked; calls are encoded here. A
    /// question that the active version did not ask ends the run.
    pub fn shadow(&self, job: ShadowJob<'_>) -> ShadowRun {
        let limits = self.limits_of(job.cryptlet, job.grants);
        let places = host::chain_length(job.grants, &limits);
        let permit = self.inner.admission.enter(places);
        self.shadow_with(permit, limits, job)
    }

    /// Does the same if places are free now; none if they are not. Whoever waits in line for places is
    /// never behind it.
    pub fn try_shadow(&self, job: ShadowJob<'_>) -> Option<ShadowRun> {
        let limits = self.limits_of(job.cryptlet, job.grants);
        let places = host::chain_length(job.grants, &limits);
        let permit = self.inner.admission.try_enter(places)?;
        Some(self.shadow_with(permit, limits, job))
    }

    fn shadow_with(&self, permit: Permit, limits: Limits, job: ShadowJob<'_>) -> ShadowRun {
        let begun = Instant::now();
        let answers = Arc::new(Answers::of(&job.transcript, job.grants, job.call_encoding));
        let run = self.run_task(
            permit,
            Task {
                chain: self.chain(),
                cryptlet: job.cryptlet.clone(),
                grants: Arc::new(job.grants.clone()),
                invocation: Arc::new(job.invocation),
                seed: job.seed,
                state: job.state,
                outside: Outside::Shadow(Arc::clone(&answers)),
                limits,
                begun,
                deadline: self.latest(begun),
                purpose: Purpose::Handle,
            },
        );
        ShadowRun {
            unanswered: answers.unanswered(),
            acts: acts(&run.transcript, &job.transcript, job.grants),
            active_acts: acts(&job.transcript, &job.transcript, job.grants),
            run,
        }
    }

    fn run_with(&self, permit: Permit, limits: Limits, job: Job<'_>) -> Run {
        let begun = Instant::now();
        let task = Task {
            chain: self.chain(),
            cryptlet: job.cryptlet.clone(),
            grants: job.grants,
            invocation: job.invocation,
            seed: job.seed,
            state: job.state,
            outside: Outside::Live(job.services),
            limits,
            begun,
            deadline: self.latest(begun),
            purpose: Purpose::Handle,
        };
        self.run_task(permit, task)
    }

    /// The permit is given back when the run and its instance are gone.
    fn run_task(&self, permit: Permit, task: Task) -> Run {
        let measurement = task.cryptlet.measurement();
        let number = task.invocation.number;
        let run = if Engine::same(
            task.cryptlet.entry().component().engine(),
            &self.inner.engine,
        ) {
            execution::execute(task).run
        } else {
            foreign(task)
        };
        drop(permit);
        log_end(measurement, number, &run);
        run
    }

    fn limits_of(&self, cryptlet: &Cryptlet, grants: &Grants) -> Limits {
        execution::effective_limits(cryptlet, grants, &self.inner.limits)
    }

    fn chain(&self) -> Chain {
        Chain::new(&self.inner.engine, &self.inner.limits)
    }

    fn latest(&self, begun: Instant) -> Instant {
        begun + Duration::from_millis(self.inner.limits.wall_clock_milliseconds)
    }
}

impl std::fmt::Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Container")
            .field("limits", &self.inner.limits)
            .finish_non_exhaustive()
    }
}

/// A cryptlet of another container: nothing of it ran, and another machine's container may well run
/// it, so this is no deterministic outcome.
fn foreign(task: Task) -> Run {
    let root = state_root(&task.state);
    Run {
        outcome: Outcome::Interrupted {
            which: "host".to_owned(),
        },
        reply: None,
        failure: None,
        submissions: Vec::new(),
        events: Vec::new(),
        logs: Vec::new(),
        state_changes: std::collections::BTreeMap::new(),
        state_before: root,
        state_after: root,
        transcript: Transcript::default(),
        meter: Meter::default(),
        limits: task.limits,
        children: Vec::new(),
        discarded: false,
        diagnostic: Some("the cryptlet was loaded by another container; load it here".to_owned()),
    }
}

/// For those who look into the container; who runs a binding says so in its own words.
fn log_end(measurement: Measurement, number: u64, run: &Run) {
    tracing::debug!(
        %measurement,
        invocation = number,
        outcome = %run.outcome,
        fuel = run.meter.fuel,
        host_calls = run.meter.host_calls,
        "run ended"
    );
}

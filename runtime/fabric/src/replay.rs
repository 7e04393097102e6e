//! Recorded runs done again: from what an auditor was shown to the execution parts that an honest host
//! must have sealed, field by field.
//!
//! ```no_run
//! # fn example(bundle: &cryptlet_attest::bundle::Bundle) -> Result<(), Box<dyn std::error::Error>> {
//! use cryptlet_fabric::replay::{RecordedRun, Replayer};
//!
//! let replayer = Replayer::new()?;
//! for module in &bundle.modules {
//!     replayer.load(module)?;
//! }
//! let replay = replayer.replay(&RecordedRun::from_bundle(bundle)?)?;
//! assert!(replay.is_reproduced());
//! # Ok(())
//! # }
//! ```

mod comparison;
mod recorded;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::available_parallelism;

use cryptlet_attest::{Execution, Measurement, Outcome};
use cryptlet_container::{
    AskError, CallEncoding, Compiler, Container, ContainerError, Cryptlet, Divergence, Grants,
    Invocation, LoadError, Record, ReplayError, ReplayJob, Run, Settings, State, Transcript,
    state_root,
};
use cryptlet_schema::Limits;

pub use comparison::{ComparedField, Comparison, ReplayedExecution};
pub use recorded::{FieldSalts, KnownState, RecordedRun};
pub use refusal::ReplayRefusal;

use crate::binding::Binding;
use crate::execution::{Agreed, Part};
use crate::grants::grants;
use crate::services::encode_call;

/// Replays runs: every module is compiled once, and any number of threads may replay.
#[derive(Debug)]
pub struct Replayer {
    pub(crate) container: Container,
    /// Those that were refused too, with the reason.
    modules: RwLock<BTreeMap<Measurement, Result<Cryptlet, String>>>,
}

/// What a replay came to.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The run and all sources of its chain of calls, by ordinal.
    pub executions: Vec<ReplayedExecution>,
    /// The first host call in which the replay went another way, if it did.
    pub divergence: Option<Divergence>,
}

impl Replay {
    /// Whether everything that could be compared is as recorded.
    #[must_use]
    pub fn is_reproduced(&self) -> bool {
        self.divergence.is_none() && self.executions.iter().all(ReplayedExecution::is_reproduced)
    }

    /// Fields that were taken as recorded, because what they digest is not opened.
    pub fn withheld(&self) -> impl Iterator<Item = &str> {
        self.executions
            .iter()
            .flat_map(|execution| &execution.fields)
            .filter(|field| field.comparison == Comparison::Withheld)
            .map(|field| field.name.as_str())
    }

    /// Fuel of the run and its sources as it was replayed.
    #[must_use]
    pub fn fuel(&self) -> u64 {
        let each = self.executions.iter().map(|execution| execution.fuel);
        each.fold(0, u64::saturating_add)
    }
}

impl Replayer {
    /// Starts an engine that allows as much as any manifest may ask for: a statement's own limits
    /// bound its replay.
    ///
    /// # Errors
    ///
    /// If this machine cannot hold such an engine.
    pub fn new() -> Result<Self, ContainerError> {
        Self::with_compiler(Compiler::InProcess)
    }

    /// The same, with components compiled elsewhere: for modules that a stranger gave.
    ///
    /// # Errors
    ///
    /// If this machine cannot hold such an engine.
    pub fn with_compiler(compiler: Compiler) -> Result<Self, ContainerError> {
        // A run and the source that it asks on each processor, or one chain of any length.
        let processors = available_parallelism().map_or(1, NonZero::get) as u64;
        let instances = (2 * processors).max(Limits::MAXIMUM.call_depth);
        let container = Container::new(Settings {
            instances: u32::try_from(instances).unwrap_or(u32::MAX),
            limits: Limits::MAXIMUM,
            compiler,
            ..Settings::default()
        })?;
        Ok(Self {
            container,
            modules: RwLock::default(),
        })
    }

    /// Measures, checks and compiles a component, as a fabric does before it deploys it. What is
    /// refused is remembered for the runs that need it.
    ///
    /// # Errors
    ///
    /// If no fabric could have deployed it.
    pub fn load(&self, component: &[u8]) -> Result<Measurement, LoadError> {
        let measurement = Measurement::of(component);
        if self.known(&measurement).is_some_and(|known| known.is_ok()) {
            return Ok(measurement);
        }
        let (known, loaded) = match self.container.load(component) {
            Ok(cryptlet) => (Ok(cryptlet), Ok(measurement)),
            Err(error) => (Err(error.to_string()), Err(error)),
        };
        let mut modules = self.modules.write().unwrap_or_else(PoisonError::into_inner);
        modules.insert(measurement, known);
        loaded
    }

    /// Whether [`load`](Self::load) was given this module.
    #[must_use]
    pub fn has(&self, measurement: &Measurement) -> bool {
        self.known(measurement).is_some()
    }

    /// Replays a run on the calling thread, which needs two MiB of stack, and compares it and the
    /// runs of its sources with what was recorded.
    ///
    /// # Errors
    ///
    /// If nothing can be said: the run is not replayable, something is missing, or this machine
    /// stopped it. A run that comes out otherwise than recorded is no error.
    pub fn replay(&self, recorded: &RecordedRun) -> Result<Replay, ReplayRefusal> {
        let scene = self.scene(recorded)?;
        let (run, divergence) = self.again(&scene)?;
        let root = Part {
            source: None,
            ordinal: 0,
            seed: scene.seed,
            invocation: &scene.invocation,
            cryptlet: &scene.cryptlet,
            run: &run,
        };
        let agreed = Agreed {
            binding: scene.binding.id(),
            version: recorded.agreed(),
            chain: scene.binding.contract.chain.to_string(),
            operator_costs: Container::operator_costs(),
        };
        Ok(Replay {
            executions: comparison::compare(recorded, &agreed, &root)?,
            divergence,
        })
    }

    /// All that a recorded run needs to be done again.
    pub(crate) fn scene(&self, recorded: &RecordedRun) -> Result<Scene, ReplayRefusal> {
        let execution = &recorded.run.execution;
        if let Outcome::Interrupted { which } = &execution.outcome {
            return Err(ReplayRefusal::NotReplayable {
                which: which.clone(),
            });
        }
        check_costs(recorded)?;
        let binding = agreement(recorded)?;
        let transcript = Transcript::from_bytes(&recorded.transcript)
            .map_err(|error| ReplayRefusal::malformed("transcript", &error))?;
        Ok(Scene {
            cryptlet: self.module(&execution.measurement, || {
                format!("{} {}", execution.cryptlet, execution.version)
            })?,
            grants: self.grants(recorded, &binding, &transcript)?,
            invocation: invocation(recorded)?,
            seed: execution.seed,
            state: Arc::new(state(recorded)?),
            call_encoding: call_encoding(&binding),
            transcript: Arc::new(transcript),
            binding,
        })
    }

    /// Does the run again, and says where it went another way if it did.
    pub(crate) fn again(&self, scene: &Scene) -> Result<(Run, Option<Divergence>), ReplayRefusal> {
        let replayed = self.container.replay(ReplayJob {
            cryptlet: &scene.cryptlet,
            grants: &scene.grants,
            invocation: scene.invocation.clone(),
            seed: scene.seed,
            state: Arc::clone(&scene.state),
            transcript: Arc::clone(&scene.transcript),
            call_encoding: Arc::clone(&scene.call_encoding),
        });
        match replayed {
            Ok(run) => Ok((run, None)),
            Err(ReplayError::Diverged { divergence, run }) => Ok((*run, Some(divergence))),
            Err(ReplayError::Interrupted { which }) => Err(ReplayRefusal::Interrupted { which }),
        }
    }

    fn known(&self, measurement: &Measurement) -> Option<Result<Cryptlet, String>> {
        let modules = self.modules.read().unwrap_or_else(PoisonError::into_inner);
        modules.get(measurement).cloned()
    }

    pub(crate) fn module(
        &self,
        measurement: &Measurement,
        what: impl FnOnce() -> String,
    ) -> Result<Cryptlet, ReplayRefusal> {
        match self.known(measurement) {
            Some(Ok(cryptlet)) => Ok(cryptlet),
            Some(Err(reason)) => Err(ReplayRefusal::BadModule {
                what: what(),
                reason,
            }),
            None => Err(ReplayRefusal::MissingModule {
                what: what(),
                measurement: *measurement,
            }),
        }
    }

    /// What the live fabric granted, bounded by what the statements say.
    fn grants(
        &self,
        recorded: &RecordedRun,
        binding: &Binding,
        transcript: &Transcript,
    ) -> Result<Grants, ReplayRefusal> {
        let mut grants = self.granted(binding, transcript)?;
        bound(&mut grants, limits_of(&recorded.run.execution)?);
        for statement in &recorded.sources {
            let asked = &statement.execution;
            let source = asked
                .source
                .as_ref()
                .and_then(|n| grants.sources.get_mut(n));
            if let Some(source) = source {
                bound(&mut source.grants, limits_of(asked)?);
            }
        }
        Ok(grants)
    }

    /// What the live fabric granted by the binding alone.
    pub(crate) fn granted(
        &self,
        binding: &Binding,
        transcript: &Transcript,
    ) -> Result<Grants, ReplayRefusal> {
        let mut sources = BTreeMap::new();
        for (name, source) in &binding.sources {
            let module = self.module(&source.measurement, || {
                format!("source {name}, {} {}", source.cryptlet, source.version)
            });
            match module {
                Ok(cryptlet) => {
                    sources.insert(name.clone(), cryptlet);
                }
                // What was never asked may be missing.
                Err(missing) if was_known(transcript, name) => return Err(missing),
                Err(_) => {}
            }
        }
        grants(binding, sources).map_err(|error| ReplayRefusal::malformed("agreement", &error))
    }
}

/// A recorded run with its modules, ready to be done again.
pub(crate) struct Scene {
    pub(crate) binding: Binding,
    pub(crate) cryptlet: Cryptlet,
    pub(crate) grants: Grants,
    pub(crate) invocation: Invocation,
    pub(crate) seed: [u8; 32],
    pub(crate) state: Arc<State>,
    pub(crate) transcript: Arc<Transcript>,
    pub(crate) call_encoding: Arc<CallEncoding>,
}

/// Calls are encoded as the counterparties agreed: a host that recorded another call for what the guest
/// asked for would make the contract do something else.
pub(crate) fn call_encoding(binding: &Binding) -> Arc<CallEncoding> {
    let actions = binding.contract.actions.clone();
    Arc::new(move |action: &str, fields: &[u8]| encode_call(&actions, action, fields))
}

/// The fuel of another table of costs says nothing here.
fn check_costs(recorded: &RecordedRun) -> Result<(), ReplayRefusal> {
    let here = Container::operator_costs();
    for statement in recorded.statements() {
        let found = statement.execution.operator_costs;
        if found != here {
            return Err(ReplayRefusal::OtherCosts {
                recorded: found,
                here,
            });
        }
    }
    Ok(())
}

impl RecordedRun {
    /// The modules that a replay may need, each with what it stands for: of the run, of its sources,
    /// and of those that the binding names and nobody asked.
    ///
    /// # Errors
    ///
    /// If the document is not the one that the run happened under.
    pub fn modules(&self) -> Result<BTreeMap<Measurement, String>, ReplayRefusal> {
        let named = agreement(self)?.sources.into_iter().map(|(name, source)| {
            let what = format!("source {name}, {} {}", source.cryptlet, source.version);
            (source.measurement, what)
        });
        let ran = self.statements().map(|statement| {
            let execution = &statement.execution;
            let what = format!("{} {}", execution.cryptlet, execution.version);
            (execution.measurement, what)
        });
        Ok(named.chain(ran).collect())
    }
}

fn agreement(recorded: &RecordedRun) -> Result<Binding, ReplayRefusal> {
    let execution = &recorded.run.execution;
    let found = recorded.agreed();
    if found != execution.binding_version {
        return Err(ReplayRefusal::OtherAgreement {
            recorded: execution.binding_version,
            found,
        });
    }
    Binding::from_json("the agreement", &recorded.document)
        .map_err(|error| ReplayRefusal::malformed("agreement", &error))
}

/// What the guest was told, which must be of the statement's binding: the guest knew it by no other
/// name.
fn invocation(recorded: &RecordedRun) -> Result<Invocation, ReplayRefusal> {
    let invocation = Invocation::from_input_bytes(&recorded.input)
        .map_err(|error| ReplayRefusal::malformed("input", &error))?;
    let binding = recorded.run.execution.binding.to_string();
    if invocation.binding != binding {
        let reason = format!(
            "it is of binding {}, the statement of {binding}",
            invocation.binding
        );
        return Err(ReplayRefusal::malformed("input", &reason));
    }
    Ok(invocation)
}

fn state(recorded: &RecordedRun) -> Result<State, ReplayRefusal> {
    match &recorded.state {
        Some(known) => Ok(known.state.clone()),
        None if recorded.run.execution.state_before == state_root(&State::new()) => {
            Ok(State::new())
        }
        None => Err(ReplayRefusal::MissingOpening {
            field: "state-before",
        }),
    }
}

fn limits_of(execution: &Execution) -> Result<Limits, ReplayRefusal> {
    Limits::from_entries(execution.limits.iter()).ok_or(ReplayRefusal::OtherLimits {
        ordinal: execution.ordinal,
    })
}

fn bound(grants: &mut Grants, limits: Limits) {
    grants.limits = Some(match grants.limits {
        Some(granted) => granted.capped_by(&limits),
        None => limits,
    });
}

/// Whether the guest asked this source and heard more than that there is none.
fn was_known(transcript: &Transcript, name: &str) -> bool {
    transcript.records().iter().any(|record| {
        matches!(record, Record::Ask { source, answer, .. }
            if source == name && !matches!(answer, Err(AskError::UnknownSource(_))))
    })
}

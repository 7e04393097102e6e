//! What each binding may have of this host: its weight, and room for what waits.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::configuration::{Configuration, Runs};
use crate::fabric::Fabric;
use crate::scheduler::Load;

/// Weights by the names of bindings; 1 for all others. They can change while the fabric runs.
pub(crate) struct Weights(RwLock<HashMap<String, NonZeroU32>>);

impl Weights {
    pub(crate) fn new(configuration: &Configuration) -> Weights {
        Weights(RwLock::new(configured(configuration)))
    }

    pub(crate) fn of(&self, binding: &str) -> NonZeroU32 {
        let weights = self.0.read().unwrap_or_else(PoisonError::into_inner);
        weights.get(binding).copied().unwrap_or(NonZeroU32::MIN)
    }
}

/// A weight of 0 does not pass the configuration's check.
fn configured(configuration: &Configuration) -> HashMap<String, NonZeroU32> {
    let bindings = configuration.bindings.iter();
    bindings
        .filter_map(|(name, binding)| Some((name.clone(), NonZeroU32::new(binding.weight)?)))
        .collect()
}

/// How many runs may compute at one time.
pub(crate) fn slots(runs: &Runs) -> NonZeroU32 {
    NonZeroU32::new(runs.slots).unwrap_or_else(|| {
        let processors = std::thread::available_parallelism().ok();
        let processors = processors.and_then(|processors| u32::try_from(processors.get()).ok());
        processors
            .and_then(NonZeroU32::new)
            .unwrap_or(NonZeroU32::MIN)
    })
}

/// What waits in all bindings together, and how much may.
pub(crate) struct Backlog {
    limit: AtomicU64,
    /// Below 0 for a moment if a run is told of before its acceptance is.
    waiting: AtomicI64,
}

/// As many invocations wait as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full {
    pub(crate) waiting: u64,
    pub(crate) limit: u64,
}

impl Backlog {
    /// With this many invocations that wait already.
    pub(crate) fn new(limit: u64, waiting: u64) -> Backlog {
        Backlog {
            limit: AtomicU64::new(limit),
            waiting: AtomicI64::new(i64::try_from(waiting).unwrap_or(i64::MAX)),
        }
    }

    /// Whether no more may come. Those of one commit do not see each other: there may be as many
    /// more as come at once.
    pub(crate) fn full(&self) -> Option<Full> {
        let waiting = self.waiting.load(Ordering::Relaxed).max(0).cast_unsigned();
        let limit = self.limit.load(Ordering::Relaxed);
        (waiting >= limit).then_some(Full { waiting, limit })
    }

    /// One more waits.
    pub(crate) fn came(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// One of those that waited has run.
    pub(crate) fn left(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Fabric {
    /// Takes over weights and the room for what waits from a configuration that was read again. The
    /// number of slots stays as it is.
    pub fn share(&self, configuration: &Configuration) {
        *self
            .weights
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner) = configured(configuration);
        self.backlog
            .limit
            .store(configuration.runs.queue, Ordering::Relaxed);
    }

    /// How much runs now, and how much waits for a processor.
    #[must_use]
    pub fn load(&self) -> Load {
        self.scheduler.load()
    }
}

//! What the runs of one chain of calls share: a run, the sources that it asks, and those that they ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use cryptlet_schema::Limits;
use wasmtime::Engine;

/// Runs whose log lines a chain keeps, if each has as many as the host allows. A source may be asked
/// thousands of times, and each time write as much as its own limit says.
const RUNS_WITH_LINES: u64 = 16;
/// A line without its text.
const LINE: u64 = 64;

/// Handed from an asker to its source.
#[derive(Clone)]
pub(crate) struct Chain {
    engine: Engine,
    limits: Limits,
    shared: Arc<Shared>,
    /// Cryptlets that the chain may still hold, this one included.
    pub(crate) depth_left: u64,
}

struct Shared {
    /// Sources that were asked so far.
    asked: AtomicU32,
    /// Bytes of log lines that may still be kept.
    room_for_lines: AtomicU64,
}

impl Chain {
    pub(crate) fn new(engine: &Engine, limits: &Limits) -> Chain {
        Chain {
            engine: engine.clone(),
            limits: *limits,
            shared: Arc::new(Shared {
                asked: AtomicU32::new(0),
                room_for_lines: AtomicU64::new(limits.log_bytes.saturating_mul(RUNS_WITH_LINES)),
            }),
            depth_left: limits.call_depth,
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn host_limits(&self) -> Limits {
        self.limits
    }

    /// Numbers the next source from 1.
    pub(crate) fn next_ordinal(&self) -> u32 {
        let asked = self.shared.asked.fetch_add(1, Ordering::Relaxed);
        asked.saturating_add(1)
    }

    /// Takes the room that a log line needs; says no if there is not as much left.
    pub(crate) fn has_room_for_line(&self, line: &str) -> bool {
        let taken = LINE + line.len() as u64;
        let room = &self.shared.room_for_lines;
        room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(taken)
        })
        .is_ok()
    }

    /// The chain as a source that is asked now sees it.
    pub(crate) fn deeper(&self) -> Chain {
        Chain {
            depth_left: self.depth_left.saturating_sub(1),
            ..self.clone()
        }
    }

    pub(crate) fn bounded_by(self, limits: &Limits) -> Chain {
        Chain {
            depth_left: self.depth_left.min(limits.call_depth),
            ..self
        }
    }
}

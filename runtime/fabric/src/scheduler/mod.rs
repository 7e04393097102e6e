//! The scheduler: which binding may use a processor next.
//!
//! There are as many slots as processors, and a run needs one for as long as it computes. While it
//! waits for an answer from outside, its slot is another's. Between bindings, weighted fair queueing
//! by the time that their runs took: a binding with a full queue gets its share and no more, and one
//! that was quiet is served at once.

mod fair_queue;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cryptlet_attest::BindingId;
use tokio::sync::oneshot;

use self::fair_queue::{FairQueue, Ticket};

/// Measures how long a slot is taken.
pub(crate) trait Stopwatch: Send + Sync {
    /// Nanoseconds since any moment; never less than before.
    fn nanoseconds(&self) -> u64;
}

/// The operating system's monotonic clock.
pub(crate) struct SystemStopwatch(Instant);

impl SystemStopwatch {
    pub(crate) fn start() -> SystemStopwatch {
        SystemStopwatch(Instant::now())
    }
}

impl Stopwatch for SystemStopwatch {
    fn nanoseconds(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// How much is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Slots for runs.
    pub slots: u32,
    /// Runs that compute now. Those that come back from waiting for an answer take a slot at once,
    /// so there may be more than slots for a moment.
    pub running: u32,
    /// Bindings that wait for a slot.
    pub waiting: usize,
}

/// Hands out slots.
#[derive(Clone)]
pub(crate) struct Scheduler(Arc<Inner>);

struct Inner {
    slots: u32,
    stopwatch: Box<dyn Stopwatch>,
    line: Mutex<Line>,
}

struct Line {
    queue: FairQueue<BindingId>,
    asking: HashMap<Ticket, Asking>,
}

struct Asking {
    weight: NonZeroU32,
    give: oneshot::Sender<Slot>,
}

impl Scheduler {
    pub(crate) fn new(slots: NonZeroU32, stopwatch: impl Stopwatch + 'static) -> Scheduler {
        Scheduler(Arc::new(Inner {
            slots: slots.get(),
            stopwatch: Box::new(stopwatch),
            line: Mutex::new(Line {
                queue: FairQueue::new(slots.get()),
                asking: HashMap::new(),
            }),
        }))
    }

    /// Waits for a slot. A binding asks for one at a time; whoever does not wait for it any more
    /// leaves the line.
    pub(crate) async fn slot(&self, binding: BindingId, weight: NonZeroU32) -> Slot {
        let (give, take) = oneshot::channel();
        let ticket = {
            let mut line = self.line();
            let ticket = line.queue.ask(binding);
            line.asking.insert(ticket, Asking { weight, give });
            ticket
        };
        let _leaving = Leaving {
            scheduler: self,
            ticket,
        };
        self.start_waiting();
        take.await
            .expect("whoever is in line is told, or has left it")
    }

    /// How much is going on now.
    pub(crate) fn load(&self) -> Load {
        let line = self.line();
        Load {
            slots: self.0.slots,
            running: line.queue.taken(),
            waiting: line.queue.waiting(),
        }
    }

    /// Gives free slots to those in line.
    fn start_waiting(&self) {
        let mut given = Vec::new();
        {
            let mut line = self.line();
            while let Some((ticket, binding)) = line.queue.start_next() {
                let asking = line
                    .asking
                    .remove(&ticket)
                    .expect("whoever is in the queue asks");
                let slot = Slot {
                    scheduler: self.clone(),
                    binding,
                    weight: asking.weight,
                    since: self.0.stopwatch.nanoseconds(),
                };
                given.push((asking.give, slot));
            }
        }
        for (give, slot) in given {
            // Whoever left just now gives it back by this.
            drop(give.send(slot));
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a request out of line when nobody waits for it any more.
struct Leaving<'a> {
    scheduler: &'a Scheduler,
    ticket: Ticket,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut line = self.scheduler.line();
        line.queue.withdraw(self.ticket);
        line.asking.remove(&self.ticket);
    }
}

/// A processor for one run, until this is dropped.
pub(crate) struct Slot {
    scheduler: Scheduler,
    binding: BindingId,
    weight: NonZeroU32,
    since: u64,
}

impl Slot {
    /// Waits for something outside, while another run has the slot. It is taken again at once when
    /// the answer is there: a run that has begun holds memory, and must come to its end.
    pub(crate) fn aside<T>(&mut self, wait: impl FnOnce() -> T) -> T {
        let nanoseconds = self.used();
        self.scheduler
            .line()
            .queue
            .pause(self.binding, self.weight, nanoseconds);
        self.scheduler.start_waiting();
        let _back = Back(self);
        wait()
    }

    fn used(&self) -> u64 {
        let now = self.scheduler.0.stopwatch.nanoseconds();
        now.saturating_sub(self.since)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let nanoseconds = self.used();
        self.scheduler
            .line()
            .queue
            .end(self.binding, self.weight, nanoseconds);
        self.scheduler.start_waiting();
    }
}

/// Takes the slot again, however the waiting ended.
struct Back<'a>(&'a mut Slot);

impl Drop for Back<'_> {
    fn drop(&mut self) {
        let scheduler = &self.0.scheduler;
        scheduler.line().queue.resume();
        self.0.since = scheduler.0.stopwatch.nanoseconds();
    }
}

//! Who runs next: start-time fair queueing (Goyal, Vin, Cheng 1996), as plain data.
//!
//! Each flow has a virtual time that advances by what its runs cost, divided by its weight; of those
//! that wait, the one furthest behind starts. What a run costs need not be known before it ends,
//! because a flow asks for its next one only then.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::num::NonZeroU32;

/// Virtual time: nanoseconds of a slot at weight 1, times [`SCALE`].
type Virtual = u128;

/// Keeps weights apart in whole numbers.
const SCALE: Virtual = 1 << 16;

/// What the shortest run costs, in nanoseconds, so that no number of runs is for nothing.
const LEAST_COST: u64 = 10_000;

/// How far a flow may be behind the others, in nanoseconds of a slot. It covers the moment between
/// the end of a run and the next one, in which a flow that has more to do does not wait here, and
/// lets whoever was quiet go first; a flow that was quiet for long must not hold up the others.
pub(super) const CREDIT: u64 = 10_000_000;

/// Flows that are remembered before those that owe nothing are forgotten.
const FORGET_ABOVE: usize = 64;

/// One request for a slot. The smaller one is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ticket {
    start: Virtual,
    /// In the order of arrival.
    number: u64,
}

/// Slots and those who wait for one.
#[derive(Debug)]
pub(super) struct FairQueue<K> {
    slots: u32,
    taken: u32,
    now: Virtual,
    /// How far each flow is.
    reached: HashMap<K, Virtual>,
    forget_above: usize,
    waiting: BTreeMap<Ticket, K>,
    next_ticket: u64,
}

impl<K: Copy + Eq + Hash> FairQueue<K> {
    pub(super) fn new(slots: u32) -> FairQueue<K> {
        FairQueue {
            slots,
            taken: 0,
            now: 0,
            reached: HashMap::new(),
            forget_above: FORGET_ABOVE,
            waiting: BTreeMap::new(),
            next_ticket: 0,
        }
    }

    /// Puts a flow in line.
    pub(super) fn ask(&mut self, flow: K) -> Ticket {
        let behind = self.now.saturating_sub(Virtual::from(CREDIT) * SCALE);
        let start = self.reached.get(&flow).map_or(behind, |at| behind.max(*at));
        self.reached.insert(flow, start);
        let ticket = Ticket {
            start,
            number: self.next_ticket,
        };
        self.next_ticket += 1;
        self.waiting.insert(ticket, flow);
        ticket
    }

    /// Gives a free slot to the one in line that is furthest behind; the first to come among equals.
    pub(super) fn start_next(&mut self) -> Option<(Ticket, K)> {
        if self.taken >= self.slots {
            return None;
        }
        let (ticket, flow) = self.waiting.pop_first()?;
        self.now = self.now.max(ticket.start);
        self.taken += 1;
        Some((ticket, flow))
    }

    /// Takes out of line what was asked for; nothing if it has its slot already.
    pub(super) fn withdraw(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    /// Takes a slot without waiting, for what has begun already; there may be too few for a while.
    pub(super) fn resume(&mut self) {
        self.taken += 1;
    }

    /// Frees a slot that a flow had for so many nanoseconds, without the end of its run.
    pub(super) fn pause(&mut self, flow: K, weight: NonZeroU32, nanoseconds: u64) {
        self.taken = self.taken.saturating_sub(1);
        let cost = Virtual::from(nanoseconds) * SCALE / Virtual::from(weight.get());
        *self.reached.entry(flow).or_insert(self.now) += cost;
    }

    /// Frees the slot of a run that ends after so many more nanoseconds in it.
    pub(super) fn end(&mut self, flow: K, weight: NonZeroU32, nanoseconds: u64) {
        self.pause(flow, weight, nanoseconds.max(LEAST_COST));
        if self.reached.len() > self.forget_above {
            let behind = self.now.saturating_sub(Virtual::from(CREDIT) * SCALE);
            // As if it had never been here.
            self.reached.retain(|_, at| *at > behind);
            self.forget_above = FORGET_ABOVE.max(2 * self.reached.len());
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn taken(&self) -> u32 {
        self.taken
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.reached.len()
    }
}

//! What goes into a run and what comes out.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use cryptlet_attest::{Digest, Limits as StatedLimits, Outcome};
use cryptlet_schema::Limits;

use crate::Cryptlet;
use crate::grants::Grants;
use crate::invocation::Invocation;
use crate::services::{EncodedCall, Services};
use crate::traffic::Traffic;
use crate::transcript::{Failure, Level, Transcript};

/// A binding's private state.
pub type State = BTreeMap<String, Vec<u8>>;

/// One run to be done.
pub struct Job<'a> {
    /// What runs.
    pub cryptlet: &'a Cryptlet,
    /// What the binding gives it.
    pub grants: Arc<Grants>,
    /// Why it runs.
    pub invocation: Arc<Invocation>,
    /// Where its randomness comes from; accepted before the run.
    pub seed: [u8; 32],
    /// The binding's state before the run.
    pub state: Arc<State>,
    /// The outside.
    pub services: Arc<dyn Services>,
}

impl std::fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("cryptlet", self.cryptlet)
            .field("invocation", &self.invocation)
            .finish_non_exhaustive()
    }
}

/// What one run came to.
///
/// Unless `outcome` is [`Outcome::Ok`], `submissions`, `events` and `state_changes` are empty and
/// `state_after` equals `state_before`: nothing staged leaves a run that did not succeed.
#[derive(Clone, Debug)]
pub struct Run {
    /// How it ended. After [`Outcome::Interrupted`] (`wall-clock`, `stack` or `host`) nothing about
    /// the run is reproducible: the machine had its say.
    pub outcome: Outcome,
    /// What the guest answered, if it did.
    pub reply: Option<Vec<u8>>,
    /// What the guest, or the check of its outputs, said went wrong.
    pub failure: Option<Failure>,
    /// Calls for the ledger, in the order of their numbers.
    pub submissions: Vec<Submission>,
    /// Published events, in order.
    pub events: Vec<Event>,
    /// What it wrote for people. Kept after failures too; never attested.
    pub logs: Vec<LogLine>,
    /// Changed state entries; `None` removes.
    pub state_changes: BTreeMap<String, Option<Vec<u8>>>,
    /// Root of the state before.
    pub state_before: Digest,
    /// Root of the state after.
    pub state_after: Digest,
    /// Every host call with its answer.
    pub transcript: Transcript,
    /// What it cost.
    pub meter: Meter,
    /// The limits that held: the lowest of manifest, binding and host for each.
    pub limits: Limits,
    /// Runs of the sources that it asked, in call order.
    pub children: Vec<Child>,
    /// This is the run of a source whose asker failed: its staged effects were dropped.
    pub discarded: bool,
    /// For people: what the engine says about a trap. Differs between machines; never attested.
    pub diagnostic: Option<String>,
}

/// A call for the ledger that leaves because the run succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Counted per binding.
    pub number: u64,
    /// Name of the contract's function.
    pub action: String,
    /// The call, not yet signed.
    pub call: EncodedCall,
}

/// A published event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Name of its schema.
    pub topic: String,
    /// JSON bytes that fit the schema.
    pub body: Vec<u8>,
}

/// A line for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How loud.
    pub level: Level,
    /// The text.
    pub message: String,
}

/// What a run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// Deterministic fuel. The engine counts exactly only up to the last call, so a run that did not
    /// return is charged its whole limit.
    pub fuel: u64,
    /// Most bytes of linear memory at one time.
    pub peak_memory: u64,
    /// Calls to the host, those of the virtual WASI included.
    pub host_calls: u64,
    /// The recorded calls by kind, and bytes in and out.
    pub traffic: Traffic,
}

impl Meter {
    /// Calls that are counted and leave no record: those of the virtual WASI, and the one that a run
    /// was stopped in.
    #[must_use]
    pub fn unrecorded_calls(&self) -> u64 {
        self.host_calls.saturating_sub(self.traffic.calls().calls)
    }
}

/// The run of a source that another run asked.
#[derive(Clone, Debug)]
pub struct Child {
    /// The name by which it was asked.
    pub source: String,
    /// Call order over the whole chain, from 1.
    pub ordinal: u32,
    /// Why it ran.
    pub invocation: Invocation,
    /// Where its randomness came from: derived from the asker's seed and the ordinal.
    pub seed: [u8; 32],
    /// What ran.
    pub cryptlet: Cryptlet,
    /// What it came to.
    pub run: Run,
}

thread_local! {
    /// The limits that held for the run before on this thread, which mostly hold for the next.
    static LAST_LIMITS: RefCell<Option<(Limits, StatedLimits)>> = const { RefCell::new(None) };
}

impl Run {
    /// The limits as its receipt states them.
    pub fn stated_limits(&self) -> StatedLimits {
        LAST_LIMITS.with_borrow_mut(|last| match last {
            Some((limits, stated)) if *limits == self.limits => stated.clone(),
            _ => {
                let entries = self.limits.receipt_entries();
                let stated = StatedLimits::from_iter(entries).shared();
                *last = Some((self.limits, stated.clone()));
                stated
            }
        })
    }

    /// Drops everything staged, here and in all children.
    pub(crate) fn discard(&mut self) {
        self.discarded = true;
        self.drop_effects();
    }

    pub(crate) fn drop_effects(&mut self) {
        self.submissions.clear();
        self.events.clear();
        self.state_changes.clear();
        self.state_after = self.state_before;
        for child in &mut self.children {
            child.run.discard();
        }
    }
}

/// Root of a state: a digest over the entries in key order.
///
/// ```
/// use cryptlet_container::{State, state_root};
/// let empty = State::new();
/// let one = State::from([("a".to_owned(), b"1".to_vec())]);
/// assert_ne!(state_root(&empty), state_root(&one));
/// ```
pub fn state_root(state: &State) -> Digest {
    root_of(
        state
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_slice())),
    )
}

pub(crate) fn root_of<'a>(entries: impl Iterator<Item = (&'a str, &'a [u8])>) -> Digest {
    cryptlet_attest::state_root(entries)
}

//! What a guest can call. Each file holds one interface of `wit/fabric.wit`; this one holds what they
//! share: the state of a run, the check of a capability and the count of calls.

mod events;
mod http;
mod keychain;
mod ledger;
mod source;
mod state;
mod wasi;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use cryptlet_schema::SchemaError;
use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker, ResourceTable};

pub use ledger::Draft;

use crate::Cryptlet;
use crate::bindings::cryptlet::fabric;
use crate::chain::Chain;
use crate::grants::Grants;
use crate::invocation::{Invocation, Position, SubmissionStatus};
use crate::replay::Outside;
use crate::run::{Child, Event, LogLine, State, Submission};
use crate::services::Services;
use crate::tally::{Stop, Tally};
use crate::transcript::{Failure, Record, Transcript};
use crate::transcript_size;
pub(crate) use source::chain_length;
pub(crate) use wasi::Wasi;

/// The host's side of one run.
pub struct Guest {
    pub(crate) chain: Chain,
    pub(crate) cryptlet: Cryptlet,
    pub(crate) grants: Arc<Grants>,
    pub(crate) invocation: Arc<Invocation>,
    pub(crate) seed: [u8; 32],
    pub(crate) outside: Outside,
    pub(crate) deadline: Instant,
    pub(crate) state: Arc<State>,
    /// What the state takes with the changes so far; counted at the first of them.
    pub(crate) state_bytes: Option<u64>,
    pub(crate) tally: Tally,
    pub(crate) transcript: Transcript,
    pub(crate) staged: Staged,
    pub(crate) table: ResourceTable,
    pub(crate) wasi: Wasi,
    /// Requests that left, by the name of their grant.
    pub(crate) requests: BTreeMap<String, u64>,
    /// The first output that does not fit its schema; fails the run when it ends.
    pub(crate) misfit: Option<Failure>,
}

/// What leaves if the run succeeds.
#[derive(Default)]
pub(crate) struct Staged {
    pub(crate) submissions: Vec<Submission>,
    pub(crate) events: Vec<Event>,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) lines_left_out: u64,
    pub(crate) state_changes: BTreeMap<String, Option<Vec<u8>>>,
    pub(crate) children: Vec<Child>,
}

/// A switch that both manifest and binding must have set.
#[derive(Clone, Copy)]
pub(crate) enum Capability {
    Ledger,
    Events,
    State,
    Log,
    Http,
    Wasi,
}

impl Capability {
    fn name(self) -> &'static str {
        match self {
            Capability::Ledger => "ledger",
            Capability::Events => "events",
            Capability::State => "state",
            Capability::Log => "log",
            Capability::Http => "http",
            Capability::Wasi => "wasi",
        }
    }
}

impl Guest {
    /// Counts a call. The load checked the imports already; every call asks again, because the
    /// grants belong to the binding and not to the component.
    pub(crate) fn enter(&mut self, capability: Capability) -> wasmtime::Result<()> {
        if !self.is_granted(capability) {
            return Err(self.tally.stop(Stop::NotGranted(capability.name())));
        }
        self.tally.host_call()
    }

    pub(crate) fn is_granted(&self, capability: Capability) -> bool {
        let asked = &self.cryptlet.manifest().capabilities;
        match capability {
            Capability::Ledger => asked.ledger && self.grants.ledger,
            Capability::Events => asked.events && self.grants.events,
            Capability::State => asked.state && self.grants.state,
            Capability::Log => asked.log && self.grants.log,
            Capability::Http => asked.http && !self.grants.http.is_empty(),
            Capability::Wasi => asked.wasi && self.grants.wasi,
        }
    }

    /// What answers the call that is recorded next.
    pub(crate) fn services(&self) -> Arc<dyn Services> {
        self.outside.services(self.transcript.records().len())
    }

    /// Ends a shadow run at a question that the active version did not ask; called before such a
    /// call is recorded.
    pub(crate) fn has_answer(&mut self) -> wasmtime::Result<()> {
        match self.outside.unanswered() {
            Some(unanswered) => Err(self.tally.stop(Stop::Interrupted(unanswered.to_string()))),
            None => Ok(()),
        }
    }

    /// Writes a call down; stops a run that makes its host write down too much.
    pub(crate) fn record(&mut self, record: Record) -> wasmtime::Result<()> {
        self.record_beside(record, 0)
    }

    /// The same of a call of which the host keeps `beside` bytes that are not in its record.
    pub(crate) fn record_beside(&mut self, record: Record, beside: u64) -> wasmtime::Result<()> {
        let bytes = transcript_size::of(&record).saturating_add(beside);
        self.transcript.push(record);
        self.tally.transcript(bytes)
    }

    pub(crate) fn misfit(&mut self, what: &str, error: &SchemaError) {
        self.misfit.get_or_insert_with(|| Failure {
            code: OUTPUT_SCHEMA.to_owned(),
            message: format!("{what}: {error}"),
        });
    }
}

/// Code of the failure of a run whose output does not fit its schema.
pub const OUTPUT_SCHEMA: &str = "output-schema";

/// Everything a guest can be given, without WASI.
pub(crate) fn link(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    fabric::types::add_to_linker::<_, HasSelf<Guest>>(l, |guest| guest)?;
    fabric::transaction_builder::add_to_linker::<_, HasSelf<Guest>>(l, |guest| guest)?;
    fabric::router::add_to_linker::<_, HasSelf<Guest>>(l, |guest| guest)?;
    fabric::source::add_to_linker::<_, HasSelf<Guest>>(l, |guest| guest)?;
    fabric::http::add_to_linker::<_, HasSelf<Guest>>(l, |guest| guest)?;
    fabric::state::add_to_linker::<_, HasSelf<Guest>>(l, |guest| guest)?;
    fabric::keychain::add_to_linker::<_, HasSelf<Guest>>(l, |guest| guest)?;
    fabric::events::add_to_linker::<_, HasSelf<Guest>>(l, |guest| guest)?;
    fabric::log::add_to_linker::<_, HasSelf<Guest>>(l, |guest| guest)?;
    Ok(linker)
}

/// The same with the virtual WASI.
pub(crate) fn link_with_wasi(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = link(engine)?;
    wasi::link(&mut linker)?;
    Ok(linker)
}

impl fabric::types::Host for Guest {}

impl From<SubmissionStatus> for fabric::types::SubmissionStatus {
    fn from(status: SubmissionStatus) -> Self {
        match status {
            SubmissionStatus::Pending => Self::Pending,
            SubmissionStatus::Included(position) => Self::Included(position.into()),
            SubmissionStatus::Finalized(position) => Self::Finalized(position.into()),
            SubmissionStatus::Reverted(reason) => Self::Reverted(reason),
            SubmissionStatus::Expired => Self::Expired,
            SubmissionStatus::Skipped => Self::Skipped,
        }
    }
}

impl From<Position> for fabric::types::LedgerPosition {
    fn from(position: Position) -> Self {
        Self {
            chain: position.chain,
            block: position.block,
            block_hash: position.block_hash,
            transaction: position.transaction,
        }
    }
}

impl From<Failure> for fabric::types::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
        }
    }
}

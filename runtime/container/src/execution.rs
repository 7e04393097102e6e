//! One run from a fresh instance to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cryptlet_attest::Outcome;
use cryptlet_schema::{Kind, Limits};
use wasmtime::Store;
use wasmtime::component::ResourceTable;

use crate::Cryptlet;
use crate::bindings::cryptlet::fabric::types;
use crate::cause::Cause;
use crate::chain::Chain;
use crate::fixed_limits::{self, HANDLES};
use crate::grants::Grants;
use crate::host::{Guest, Staged};
use crate::invocation::Invocation;
use crate::migration;
use crate::question::{Answer, Question};
use crate::replay::Outside;
use crate::run::{Meter, Run, State, root_of};
use crate::state_root::root_of_shared;
use crate::tally::Tally;
use crate::ticker::Ticker;
use crate::traffic::Traffic;
use crate::transcript::{Failure, Transcript};

/// A stack that holds a guest's own and what host functions need below it.
pub(crate) const STACK_BYTES: usize = 4 << 20;

/// Everything one run needs; owned, because the engine keeps it in the store.
pub(crate) struct Task {
    pub(crate) chain: Chain,
    pub(crate) cryptlet: Cryptlet,
    pub(crate) grants: Arc<Grants>,
    pub(crate) invocation: Arc<Invocation>,
    pub(crate) seed: [u8; 32],
    pub(crate) state: Arc<State>,
    pub(crate) outside: Outside,
    pub(crate) limits: Limits,
    /// What its clock starts from.
    pub(crate) begun: Instant,
    pub(crate) deadline: Instant,
    pub(crate) purpose: Purpose,
}

/// Which export a run is for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Handle,
    Migrate { from: u32 },
}

/// The limits that hold: the lowest of manifest, binding and host for each.
pub(crate) fn effective_limits(cryptlet: &Cryptlet, grants: &Grants, host: &Limits) -> Limits {
    let limits = cryptlet.manifest().limits.capped_by(host);
    match &grants.limits {
        Some(binding) => limits.capped_by(binding),
        None => limits,
    }
}

/// A run, and what its host keeps of it and of the sources that it asked, as their asker is charged.
pub(crate) struct Ended {
    pub(crate) run: Run,
    pub(crate) kept: u64,
}

pub(crate) fn execute(task: Task) -> Ended {
    let engine = task.chain.engine().clone();
    let limits = task.limits;
    let wall_clock = Duration::from_millis(limits.wall_clock_milliseconds);
    let deadline = task
        .outside
        .deadline(task.begun + wall_clock, task.deadline);
    let purpose = task.purpose;
    let guest = Guest {
        chain: task.chain.bounded_by(&limits),
        cryptlet: task.cryptlet,
        grants: task.grants,
        wasi: crate::host::Wasi::new(&task.invocation, &task.seed),
        invocation: task.invocation,
        seed: task.seed,
        outside: task.outside,
        deadline,
        state: task.state,
        state_bytes: None,
        tally: Tally::new(limits),
        transcript: Transcript::default(),
        staged: Staged::default(),
        table: handles(),
        requests: BTreeMap::new(),
        misfit: None,
    };
    let mut store = Store::new(&engine, guest);
    store.limiter(|guest| &mut guest.tally);
    store.set_hostcall_fuel(fixed_limits::transfer_bytes(&limits));
    store.set_max_component_handles(HANDLES);
    store.set_epoch_deadline(Ticker::ticks(
        deadline.saturating_duration_since(task.begun),
    ));
    let ended = match store.set_fuel(limits.fuel) {
        Ok(()) => match purpose {
            Purpose::Handle => call(&mut store),
            Purpose::Migrate { from } => migration::call(&mut store, from),
        },
        Err(error) => Err(error),
    };
    let left = store.get_fuel().unwrap_or(0);
    let end = End::of(ended, &mut store.data_mut().tally);
    let fuel = match end {
        End::Replied(_) | End::Failed(_) => limits.fuel.saturating_sub(left),
        End::Stopped { .. } => limits.fuel,
    };
    let guest = store.into_data();
    Ended {
        kept: guest.tally.kept(),
        run: close(guest, end, fuel),
    }
}

fn call(store: &mut Store<Guest>) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
    let cryptlet = store.data().cryptlet.clone();
    let invocation = Arc::clone(&store.data().invocation);
    let instance = cryptlet.entry().instantiate(&mut *store)?;
    let handle =
        instance.get_typed_func::<(Question<'_>,), Answer>(&mut *store, cryptlet.handle())?;
    let (ended,) = handle.call(store, (Question::of(&invocation),))?;
    Ok(ended)
}

fn handles() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(HANDLES);
    table
}

/// How the guest's call came back.
enum End {
    Replied(Vec<u8>),
    Failed(Failure),
    Stopped {
        outcome: Outcome,
        diagnostic: String,
    },
}

impl End {
    fn of(ended: wasmtime::Result<Result<Vec<u8>, types::Failure>>, tally: &mut Tally) -> End {
        let within_limits = |ended: Result<Vec<u8>, types::Failure>| match ended {
            Ok(reply) => tally.output(reply.len()).map(|()| End::Replied(reply)),
            Err(types::Failure { code, message }) => tally
                .output(code.len() + message.len())
                .map(|()| End::Failed(Failure { code, message })),
        };
        match ended.and_then(within_limits) {
            Ok(end) => end,
            Err(error) => {
                let cause = Cause::of(&error, tally);
                End::Stopped {
                    outcome: cause.outcome(),
                    diagnostic: cause.diagnostic(&error),
                }
            }
        }
    }
}

/// The longest failure code that a receipt names whole, in bytes.
const MOST_CODE_BYTES: usize = 256;

/// A guest's failure code as the receipt names it: a guest must not be able to make its own receipt
/// too large to be recorded.
fn shortened(code: &str) -> String {
    code[..code.floor_char_boundary(MOST_CODE_BYTES)].to_owned()
}

/// Checks what came out and puts the run together.
fn close(mut guest: Guest, end: End, fuel: u64) -> Run {
    guest.finish_lines();
    guest.tell_of_lines_left_out();
    let (mut reply, mut failure, mut diagnostic) = (None, None, None);
    let mut outcome = match end {
        End::Replied(bytes) => {
            check_reply(&mut guest, &bytes);
            reply = Some(bytes);
            Outcome::Ok
        }
        End::Failed(said) => {
            let code = shortened(&said.code);
            failure = Some(said);
            Outcome::Failure { code }
        }
        End::Stopped {
            outcome,
            diagnostic: said,
        } => {
            diagnostic = Some(said);
            outcome
        }
    };
    if let (Outcome::Ok, Some(misfit)) = (&outcome, guest.misfit.take()) {
        outcome = Outcome::Failure {
            code: misfit.code.clone(),
        };
        reply = None;
        failure = Some(misfit);
    }
    let state_before = root_of_shared(&guest.state);
    let state_after = if guest.staged.state_changes.is_empty() {
        state_before
    } else {
        root_after(&guest)
    };
    let traffic = Traffic::of(&guest.invocation, &guest.transcript, reply.as_deref());
    let succeeded = outcome.is_ok();
    let mut run = Run {
        outcome,
        reply,
        failure,
        submissions: guest.staged.submissions,
        events: guest.staged.events,
        logs: guest.staged.logs,
        state_changes: guest.staged.state_changes,
        state_before,
        state_after,
        transcript: guest.transcript,
        meter: Meter {
            fuel,
            peak_memory: guest.tally.peak_memory,
            host_calls: guest.tally.host_calls,
            traffic,
        },
        limits: guest.tally.limits,
        children: guest.staged.children,
        discarded: false,
        diagnostic,
    };
    if !succeeded {
        run.drop_effects();
    }
    run
}

/// What a utility cryptlet answers must be what its manifest promises.
fn check_reply(guest: &mut Guest, reply: &[u8]) {
    let cryptlet = guest.cryptlet.clone();
    let manifest = cryptlet.manifest();
    if manifest.cryptlet.kind == Kind::Utility
        && let Some(schema) = &manifest.messages.reply
        && let Err(error) = schema.check(reply)
    {
        guest.misfit("reply", &error);
    }
}

fn root_after(guest: &Guest) -> cryptlet_attest::Digest {
    let changes = &guest.staged.state_changes;
    let mut entries: Vec<(&str, &[u8])> = guest
        .state
        .iter()
        .filter(|(key, _)| !changes.contains_key(*key))
        .map(|(key, value)| (key.as_str(), value.as_slice()))
        .collect();
    for (key, change) in changes {
        if let Some(value) = change {
            entries.push((key, value));
        }
    }
    entries.sort_unstable();
    root_of(entries.into_iter())
}

//! Why a run did not return: from the engine's error to the words of a receipt, and to those that a
//! person reads.

use cryptlet_attest::Outcome;
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use crate::engine::GUEST_STACK_BYTES;
use crate::fixed_limits::{HANDLES, transfer_bytes};
use crate::tally::{LimitHit, Stop, Tally};

/// The longest diagnostic, in bytes. The engine writes down the names of the guest's functions, which may
/// have a hundred thousand letters each.
const MOST_DIAGNOSTIC_BYTES: usize = 8 * 1024;

/// Why a run did not return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Limit(LimitHit),
    Trap(&'static str),
    /// The machine had its say: `which` names what was used up, `hit` how much of it there was.
    Interrupted {
        which: &'static str,
        hit: Option<LimitHit>,
    },
}

impl Cause {
    pub(crate) fn of(error: &wasmtime::Error, tally: &Tally) -> Cause {
        if let Some(stop) = &tally.stop {
            return Cause::of_stop(stop);
        }
        let limits = &tally.limits;
        if let Some(kind) = error.downcast_ref::<Trap>() {
            return match kind {
                Trap::OutOfFuel => Cause::Limit(hit("fuel", limits.fuel, None)),
                Trap::Interrupt => Cause::Interrupted {
                    which: "wall-clock",
                    hit: Some(hit(
                        "wall-clock-milliseconds",
                        limits.wall_clock_milliseconds,
                        None,
                    )),
                },
                Trap::StackOverflow => Cause::Interrupted {
                    which: "stack",
                    hit: Some(hit("stack-bytes", GUEST_STACK_BYTES as u64, None)),
                },
                other => Cause::Trap(trap_name(*other)),
            };
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return Cause::interrupted("host");
        }
        let cause = error.root_cause().to_string();
        if cause.contains("store handle limit exceeded")
            || matches!(
                error.downcast_ref::<ResourceTableError>(),
                Some(ResourceTableError::Full)
            )
        {
            let handles = HANDLES as u64;
            return Cause::Limit(hit("handles", handles, Some(handles + 1)));
        }
        if cause.contains("fuel allocated for hostcalls has been exhausted") {
            // Only what is lifted inside a call has guest frames around it; the rest is the reply.
            return Cause::Limit(if error.is::<WasmBacktrace>() {
                hit("transfer-bytes", transfer_bytes(limits) as u64, None)
            } else {
                hit("output-bytes", limits.output_bytes, None)
            });
        }
        // What is left are values that break the canonical ABI: text that is not UTF-8, lists outside
        // of memory, handles that do not exist.
        Cause::Trap("canonical-abi")
    }

    fn of_stop(stop: &Stop) -> Cause {
        match stop {
            Stop::Limit(hit) => Cause::Limit(*hit),
            Stop::NotGranted(_) => Cause::Trap("not-granted"),
            Stop::Exit => Cause::Trap("exit"),
            Stop::Interrupted(which) => Cause::interrupted(match which.as_str() {
                "wall-clock" => "wall-clock",
                "stack" => "stack",
                _ => "host",
            }),
        }
    }

    fn interrupted(which: &'static str) -> Cause {
        Cause::Interrupted { which, hit: None }
    }

    /// As a receipt has it.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Cause::Limit(hit) => Outcome::Limit {
                which: hit.which.to_owned(),
                allowed: hit.allowed,
            },
            Cause::Trap(kind) => Outcome::Trap {
                kind: (*kind).to_owned(),
            },
            Cause::Interrupted { which, .. } => Outcome::Interrupted {
                which: (*which).to_owned(),
            },
        }
    }

    /// As a person reads it: how far a limit was passed, and else what the engine says.
    pub(crate) fn diagnostic(&self, error: &wasmtime::Error) -> String {
        match self {
            Cause::Limit(hit) | Cause::Interrupted { hit: Some(hit), .. } => hit.to_string(),
            Cause::Trap(_) | Cause::Interrupted { hit: None, .. } => {
                let mut text = format!("{error:?}");
                text.truncate(text.floor_char_boundary(MOST_DIAGNOSTIC_BYTES));
                text
            }
        }
    }
}

fn hit(which: &'static str, allowed: u64, wanted: Option<u64>) -> LimitHit {
    LimitHit {
        which,
        allowed,
        wanted,
    }
}

/// Names of traps, ours, so that a receipt does not change with the engine's wording.
fn trap_name(trap: Trap) -> &'static str {
    match trap {
        Trap::UnreachableCodeReached => "unreachable",
        Trap::MemoryOutOfBounds => "memory-out-of-bounds",
        Trap::TableOutOfBounds => "table-out-of-bounds",
        Trap::IndirectCallToNull => "indirect-call-to-null",
        Trap::BadSignature => "bad-signature",
        Trap::IntegerOverflow => "integer-overflow",
        Trap::IntegerDivisionByZero => "integer-division-by-zero",
        Trap::BadConversionToInteger => "bad-conversion-to-integer",
        Trap::CannotEnterComponent
        | Trap::CannotLeaveComponent
        | Trap::InvalidChar
        | Trap::StringOutOfBounds
        | Trap::ListOutOfBounds
        | Trap::InvalidDiscriminant
        | Trap::UnalignedPointer => "canonical-abi",
        _ => "other",
    }
}

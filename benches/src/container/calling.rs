//! A host call that reads the state, with its record in the transcript.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use cryptlet_bench_runs::{Bare, Desk, Guest, plain};

use super::Sizes;
use crate::contest::{Case, Contest};

/// Runs in a round: one makes thousands of calls.
const RUNS: u64 = 10;

pub fn hold(sizes: &Sizes) -> Result<Case> {
    let guest = Guest::Reading(sizes.calls);
    let component = guest.component()?;
    let state = BTreeMap::from([("position".to_owned(), vec![1; 32])]);
    let desk = Desk::new(guest, &component, state.clone())?;
    let bare = Bare::new(guest, &component).map_err(plain)?;
    let state = Arc::new(state);
    Contest {
        case: "host call that reads the state, in the transcript",
        rival_name: "host call of the same type in wasmtime alone",
        unit: "calls/s",
        bar: 1.0 / 2.5,
        amount: sizes.calls as usize * RUNS as usize,
        rounds: sizes.rounds,
    }
    .hold(
        || {
            let begin = Instant::now();
            for number in 0..RUNS {
                black_box(desk.receipt(number)?);
            }
            Ok(begin.elapsed())
        },
        || {
            let begin = Instant::now();
            for number in 0..RUNS {
                black_box(bare.run(number, &state).map_err(plain)?);
            }
            Ok(begin.elapsed())
        },
    )
}

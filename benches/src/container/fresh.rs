//! A run in a fresh instance, with its receipt sealed and its share of a signed checkpoint.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use cryptlet_bench_runs::{Bare, Desk, Guest, Log, Usual, plain};

use super::Sizes;
use crate::contest::{Case, Contest};

/// Receipts under one checkpoint.
const BATCH: usize = 256;

const AT_ITS_BEST: &str =
    "wasmtime alone at its best: pool, prepared, synchronous, no fuel, no epoch, no receipt";
const AS_USUAL: &str = "wasmtime as usual: on demand, a new linker for each call, asynchronous, fuel, epoch, no receipt";

/// Each guest with what is promised against both rivals. A bar of nought: reported.
const GUESTS: [(Guest, [&str; 2], [f64; 2]); 4] = [
    (
        Guest::Smallest,
        [
            "fresh run of the smallest guest there can be, receipt sealed",
            "the same smallest guest",
        ],
        [1.0 / 1.5, 1.0 / 0.3],
    ),
    (
        Guest::Small,
        [
            "fresh run of a small guest, receipt sealed",
            "the same small guest",
        ],
        [1.0 / 1.5, 1.0 / 0.3],
    ),
    (
        Guest::Json,
        [
            "fresh run of a guest with serde_json, receipt sealed",
            "the same guest with serde_json",
        ],
        [1.0 / 1.5, 0.0],
    ),
    (
        Guest::Wasi,
        [
            "fresh run of a guest of WASI, receipt sealed",
            "the same guest of WASI",
        ],
        [1.0 / 1.5, 1.0 / 0.5],
    ),
];

pub fn hold(sizes: &Sizes) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (guest, names, bars) in GUESTS {
        let component = guest.component()?;
        let desk = Desk::new(guest, &component, BTreeMap::new())?;
        let bare = Bare::new(guest, &component).map_err(plain)?;
        let usual = Usual::new(guest, &component).map_err(plain)?;
        let (mut log, nothing) = (Log::default(), Arc::default());
        let mut ours = || receipts(&desk, &mut log, sizes.runs);
        let contest = |at: usize, rival_name| Contest {
            case: names[at],
            rival_name,
            unit: "runs/s",
            bar: bars[at],
            amount: sizes.runs,
            rounds: sizes.rounds,
        };
        cases.push(contest(0, AT_ITS_BEST).hold(&mut ours, || {
            let begin = Instant::now();
            for number in 0..sizes.runs as u64 {
                black_box(bare.run(number, &nothing).map_err(plain)?);
            }
            Ok(begin.elapsed())
        })?);
        cases.push(contest(1, AS_USUAL).hold(&mut ours, || {
            let begin = Instant::now();
            for number in 0..sizes.runs as u64 {
                black_box(usual.run(number).map_err(plain)?);
            }
            Ok(begin.elapsed())
        })?);
    }
    Ok(cases)
}

/// So many runs, each with its receipt, under a checkpoint for every 256 of them.
fn receipts(desk: &Desk, log: &mut Log, runs: usize) -> Result<Duration> {
    let mut batch = Vec::with_capacity(BATCH);
    let begin = Instant::now();
    for number in 0..runs as u64 {
        batch.push(desk.receipt(number)?);
        if batch.len() == BATCH {
            log.commit(&batch)?;
            batch.clear();
        }
    }
    if !batch.is_empty() {
        log.commit(&batch)?;
    }
    Ok(begin.elapsed())
}

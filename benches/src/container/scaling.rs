//! From one thread to two: what a lock or a shared line of cache would cost.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use cryptlet_bench_runs::{Bare, Desk, Guest, plain};

use super::Sizes;
use crate::contest::Case;

/// What a run needs of its thread.
const STACK: usize = 4 * 1024 * 1024;
const BAR: f64 = 0.95;

/// Each side with one thread and with two in every round, by turns.
pub fn hold(sizes: &Sizes) -> Result<Case> {
    let component = Guest::Json.component()?;
    let desk = Desk::new(Guest::Json, &component, BTreeMap::new())?;
    let bare = Bare::new(Guest::Json, &component).map_err(plain)?;
    let ours = |number| desk.receipt(number).map(|entry| drop(black_box(entry)));
    let nothing = Arc::default();
    let theirs = |number| {
        let answer = bare.run(number, &nothing).map_err(plain)?;
        black_box(answer);
        Ok(())
    };
    let mut gains: [Vec<f64>; 2] = Default::default();
    for round in 0..=sizes.rounds {
        let ours = gain(sizes.runs, &ours)?;
        let theirs = gain(sizes.runs, &theirs)?;
        if round > 0 {
            gains[0].push(ours);
            gains[1].push(theirs);
        }
    }
    let [ours, rival] = gains.map(median);
    let ratio = ours / rival;
    Ok(Case {
        case: "two threads for one",
        ours,
        rival,
        rival_name: "what wasmtime alone gains by a second thread",
        unit: "times",
        ratio,
        bar: BAR,
        holds: ratio >= BAR,
    })
}

/// How many times as fast two threads are as one.
fn gain(runs: usize, work: &(impl Fn(u64) -> Result<()> + Sync)) -> Result<f64> {
    let one = on_threads(1, runs, work)?;
    let two = on_threads(2, runs, work)?;
    Ok(2.0 * one.as_secs_f64() / two.as_secs_f64().max(f64::MIN_POSITIVE))
}

/// The time of as many runs on each thread.
fn on_threads(
    threads: usize,
    runs: usize,
    work: &(impl Fn(u64) -> Result<()> + Sync),
) -> Result<Duration> {
    let begin = Instant::now();
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|_| {
                thread::Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, || (0..runs as u64).try_for_each(work))
            })
            .collect::<Result<_, _>>()?;
        started.into_iter().try_for_each(|thread| {
            let ended = thread.join().map_err(|_| anyhow!("a run panicked"));
            ended.and_then(|outcome| outcome)
        })
    })?;
    Ok(begin.elapsed())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

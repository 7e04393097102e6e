//! Runs one guest so often on one host, for a profiler or a counter of instructions:
//! `cryptlet-bench-runs GUEST HOST RUNS`.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::env;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use cryptlet_bench_runs::{Bare, Care, Desk, Guest, Log, Usual, Work, plain};
use mimalloc::MiMalloc;

/// The allocator of `cryptlet`, for all hosts.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const USAGE: &str = "usage: cryptlet-bench-runs smallest|small|json|wasi|reading|sha256|sorting|monte-carlo ours|receipts|bare|fuel|epoch|nans|usual RUNS";

/// Receipts under one checkpoint.
const BATCH: usize = 256;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [guest, host, runs] = arguments.as_slice() else {
        bail!(USAGE)
    };
    let guest = match guest.as_str() {
        "smallest" => Guest::Smallest,
        "small" => Guest::Small,
        "json" => Guest::Json,
        "wasi" => Guest::Wasi,
        "reading" => Guest::Reading(1_000),
        "sha256" => Guest::Working(Work::Sha256, 1_000),
        "sorting" => Guest::Working(Work::Sorting, 1_000),
        "monte-carlo" => Guest::Working(Work::MonteCarlo, 1_000),
        _ => bail!(USAGE),
    };
    let runs: u64 = runs.parse().context(USAGE)?;
    let component = guest.component()?;
    let state = BTreeMap::from([("position".to_owned(), vec![1; 32])]);
    match host.as_str() {
        "ours" => {
            let desk = Desk::new(guest, &component, state)?;
            timed(runs, |number| {
                black_box(desk.run(number));
                Ok(())
            })
        }
        "receipts" => {
            let desk = Desk::new(guest, &component, state)?;
            let mut log = Log::default();
            let mut batch = Vec::with_capacity(BATCH);
            timed(runs, |number| {
                batch.push(desk.receipt(number)?);
                if batch.len() == BATCH || number + 1 == runs {
                    log.commit(&batch)?;
                    batch.clear();
                }
                Ok(())
            })
        }
        "bare" => run_bare(Care::default(), guest, &component, state, runs),
        "fuel" => {
            let care = Care {
                fuel: true,
                ..Care::default()
            };
            run_bare(care, guest, &component, state, runs)
        }
        "epoch" => {
            let care = Care {
                epoch: true,
                ..Care::default()
            };
            run_bare(care, guest, &component, state, runs)
        }
        "nans" => {
            let care = Care {
                canonical_nans: true,
                ..Care::default()
            };
            run_bare(care, guest, &component, state, runs)
        }
        "usual" => {
            let usual = Usual::new(guest, &component).map_err(plain)?;
            timed(runs, |number| {
                black_box(usual.run(number).map_err(plain)?);
                Ok(())
            })
        }
        _ => bail!(USAGE),
    }
}

fn run_bare(
    care: Care,
    guest: Guest,
    component: &[u8],
    state: BTreeMap<String, Vec<u8>>,
    runs: u64,
) -> Result<()> {
    let bare = Bare::with(care, guest, component).map_err(plain)?;
    let state = Arc::new(state);
    timed(runs, |number| {
        black_box(bare.run(number, &state).map_err(plain)?);
        Ok(())
    })
}

/// Says what a run takes, and what the quickest took: another program on the machine only slows.
fn timed(runs: u64, mut run: impl FnMut(u64) -> Result<()>) -> Result<()> {
    let begin = Instant::now();
    let mut quickest = Duration::MAX;
    for number in 0..runs {
        let begin = Instant::now();
        run(number)?;
        quickest = quickest.min(begin.elapsed());
    }
    let each = begin.elapsed().as_secs_f64() * 1e6 / runs.max(1) as f64;
    let quickest = quickest.as_secs_f64() * 1e6;
    println!("{each:.2} us a run, the quickest {quickest:.2} us");
    Ok(())
}

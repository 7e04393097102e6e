//! What counting every operator costs a guest that only reckons.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use cryptlet_bench_runs::{Bare, Desk, Guest, Work, plain};

use super::Sizes;
use crate::contest::{Case, Contest};

const WORKS: [(Work, &str); 3] = [
    (Work::Sha256, "SHA-256 over a mebibyte, metered"),
    (Work::Sorting, "sorting 100,000 integers, metered"),
    (Work::MonteCarlo, "pricing by Monte Carlo in f64, metered"),
];

pub fn hold(sizes: &Sizes) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (work, case) in WORKS {
        let guest = Guest::Working(work, sizes.work);
        let component = guest.component()?;
        let desk = Desk::new(guest, &component, BTreeMap::new())?;
        let bare = Bare::new(guest, &component).map_err(plain)?;
        let nothing = Arc::default();
        let contest = Contest {
            case,
            rival_name: "the same in wasmtime alone, not metered, NaNs as they come",
            unit: "runs/s",
            bar: 0.0,
            amount: 1,
            rounds: sizes.rounds,
        };
        cases.push(contest.hold(
            || {
                let begin = Instant::now();
                let run = desk.run(1);
                ensure!(run.outcome.is_ok(), "{}: {:?}", run.outcome, run.diagnostic);
                Ok(begin.elapsed())
            },
            || {
                let begin = Instant::now();
                black_box(bare.run(1, &nothing).map_err(plain)?);
                Ok(begin.elapsed())
            },
        )?);
    }
    Ok(cases)
}

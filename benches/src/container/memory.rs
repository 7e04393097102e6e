//! Memory of the process: of what is loaded and idle, of what runs, and after very many runs.

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;

use anyhow::{Context as _, Result, ensure};
use cryptlet_bench_runs::{Desk, Guest, held};
use cryptlet_container::{Container, Settings};

use super::Sizes;
use crate::contest::Case;

/// The share of the runs after which memory must have found its size.
const WARM_UP: u64 = 20;
/// Pages that an allocator keeps or gives back come to less.
const FLAT: f64 = 0.95;

pub fn hold(sizes: &Sizes) -> Result<Vec<Case>> {
    Ok(vec![flat(sizes)?, idle(sizes)?, running(sizes)?])
}

/// Memory after all runs against memory after the first few.
fn flat(sizes: &Sizes) -> Result<Case> {
    let component = Guest::Json.component()?;
    let desk = Desk::new(Guest::Json, &component, BTreeMap::new())?;
    let runs = |amount: u64| {
        for number in 0..amount {
            black_box(desk.receipt(number)?);
        }
        resident()
    };
    let before = runs(sizes.runs_in_memory.div_ceil(WARM_UP))?;
    let after = runs(sizes.runs_in_memory)?;
    let in_mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    Ok(Case::of_times(
        "memory after all runs",
        in_mebibytes(after),
        "memory after a twentieth of them",
        in_mebibytes(before),
        "MiB",
        FLAT,
    ))
}

/// What one more loaded cryptlet takes, against the size of its component.
fn idle(sizes: &Sizes) -> Result<Case> {
    let component = Guest::Json.component()?;
    let container = Container::new(Settings::default())?;
    let others = (0..sizes.idle)
        .map(|number| Guest::another(&component, number))
        .collect::<Vec<_>>();
    let first = container.load(&component)?;
    let before = resident()?;
    let loaded = others
        .iter()
        .map(|component| container.load(component))
        .collect::<Result<Vec<_>, _>>()?;
    let grown = resident()?.saturating_sub(before).max(1);
    ensure!(loaded.len() == others.len(), "all of them are held");
    drop((first, loaded));
    Ok(reported(
        "memory of an idle cryptlet with serde_json",
        grown as f64 / f64::from(sizes.idle) / 1024.0,
        "bytes of its component",
        component.len() as f64 / 1024.0,
    ))
}

/// What one more run in its middle takes, against the two pages that its guest declares.
fn running(sizes: &Sizes) -> Result<Case> {
    let mut figures = Vec::new();
    let few = (sizes.held / 2).max(1);
    for runs in [few, sizes.held] {
        figures.push(held(runs, resident)??);
    }
    let grown = figures[1].saturating_sub(figures[0]).max(1);
    Ok(reported(
        "memory of a running instance, its thread included",
        grown as f64 / f64::from(sizes.held - few) / 1024.0,
        "linear memory that the guest declares",
        128.0,
    ))
}

/// Two sizes of which nothing is promised.
fn reported(case: &'static str, ours: f64, rival_name: &'static str, rival: f64) -> Case {
    Case::of_times(case, ours, rival_name, rival, "KiB", 0.0)
}

/// Bytes of this process that are in memory.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let line = line.context("the system does not tell what is in memory")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024)
}

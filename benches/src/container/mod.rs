//! `cargo xtask bench container`: what a run in the sandbox costs, with all that makes it count,
//! against the same component in wasmtime alone.

mod calling;
mod durable;
mod fresh;
mod loading;
mod memory;
mod metering;
mod scaling;

use anyhow::Result;

use crate::contest::Case;

/// How much each case does.
pub struct Sizes {
    /// Runs in one round of each guest.
    pub runs: usize,
    /// Host calls in one run; no manifest here allows more than 4,000.
    pub calls: u32,
    /// Loads of a component in one round.
    pub loads: usize,
    /// How much the metered guests reckon, as a share of the full amount in thousandths.
    pub work: u32,
    /// Rounds that count.
    pub rounds: usize,
    /// Runs over which memory must not grow.
    pub runs_in_memory: u64,
    /// Cryptlets that are loaded and do nothing.
    pub idle: u32,
    /// Runs that are held in the middle at one time.
    pub held: u32,
    /// The whole way.
    pub durable: durable::Sizes,
}

impl Sizes {
    /// What the bars are promised for.
    pub const FULL: Self = Self {
        runs: 2_560,
        calls: 3_900,
        loads: 20,
        work: 1_000,
        rounds: 31,
        runs_in_memory: 1_000_000,
        idle: 100,
        held: 32,
        durable: durable::Sizes {
            bindings: 16,
            callers: 64,
            invocations: 100_000,
            rounds: 7,
        },
    };
}

/// Holds every contest about the container.
///
/// # Errors
///
/// If a guest does not build, or a run does not end as it must.
pub fn run(sizes: &Sizes) -> Result<Vec<Case>> {
    let mut cases = fresh::hold(sizes)?;
    cases.push(calling::hold(sizes)?);
    cases.push(scaling::hold(sizes)?);
    cases.push(loading::hold(sizes)?);
    cases.extend(metering::hold(sizes)?);
    cases.extend(memory::hold(sizes)?);
    cases.extend(durable::hold(&sizes.durable)?);
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use crate::{plot, report};

    use super::*;

    #[test]
    fn every_case_runs_and_is_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        let sizes = Sizes {
            runs: 3,
            calls: 5,
            loads: 1,
            work: 1,
            rounds: 1,
            runs_in_memory: 20,
            idle: 3,
            held: 2,
            durable: durable::Sizes {
                bindings: 4,
                callers: 2,
                invocations: 40,
                rounds: 1,
            },
        };

        let cases = run(&sizes).expect("every case runs");
        report::write(&cases, "container", folder.path()).expect("the report is written");

        let text = std::fs::read(folder.path().join("container.json")).expect("it is there");
        let written: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let written = written.as_array().expect("a list");
        assert_eq!(written.len(), cases.len());
        for case in written {
            for figure in ["ours", "rival", "ratio"] {
                assert!(
                    case[figure].as_f64().is_some_and(|figure| figure > 0.0),
                    "{case}"
                );
            }
        }
        let picture = folder.path().join("again.svg");
        plot::draw(&cases, &picture).expect("it is drawn");
        let picture = std::fs::read_to_string(picture).expect("it is there");
        let promised = cases.iter().filter(|case| case.bar > 0.0).count();
        assert_eq!(picture.matches("against").count(), promised);
    }
}

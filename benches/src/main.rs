//! How fast the fabric is, as ratios against named rivals in the same run.
//!
//! `cargo xtask bench NAME` runs it, optimised. No bar is a number of seconds: each rival does its
//! part of the work on the same machine and disk, in turns with ours.

#![forbid(unsafe_code)]

mod container;
mod contest;
mod plot;
mod receipts;
mod report;
mod shipped;
mod versions;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use mimalloc::MiMalloc;

/// The allocator of `cryptlet`, for both sides of each contest.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const USAGE: &str = "usage: cryptlet-benches container|receipts|versions FOLDER";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the bench that the command line names and leaves its report in the folder.
fn run() -> Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, folder] = arguments.as_slice() else {
        bail!(USAGE)
    };
    let cases = match name.as_str() {
        "container" => container::run(&container::Sizes::FULL)?,
        "receipts" => receipts::run(&receipts::Sizes::FULL)?,
        "versions" => versions::run(&versions::Sizes::FULL)?,
        other => {
            bail!("there is no bench {other:?}; there are `container`, `receipts` and `versions`")
        }
    };
    report::print(&cases);
    report::write(&cases, name, &PathBuf::from(folder))?;
    let all_hold = cases.iter().all(|case| case.holds);
    Ok(if all_hold {
        ExitCode::SUCCESS
    } else {
        eprintln!("error: a bar does not hold");
        ExitCode::FAILURE
    })
}

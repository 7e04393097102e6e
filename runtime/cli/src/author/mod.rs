//! From an idea to a component: what authors use.

mod bench;
pub mod build;
mod case;
pub mod diff;
mod difference;
pub mod inspect;
pub mod new;
mod project;
pub mod run;
mod sandbox;
mod scaffold;
pub mod test;
mod vendored;
pub mod wit;

pub use project::build_failure;
pub use sandbox::RunReport;

use std::env;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::failure::Failure;
use crate::terminal::{BAD, printable};

/// Prints a document as people like to read JSON.
fn print_json(document: &impl Serialize, output: &mut impl Write) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Failure::Refused(format!("cannot write the output: {error}")))?;
    writeln!(output, "{text}")?;
    Ok(())
}

/// Says what an author should look at. It changes no result, so nobody fails for it.
fn warn(warnings: &[String]) {
    let mut stderr = anstream::stderr().lock();
    for warning in warnings {
        let _ = writeln!(stderr, "{BAD}warning:{BAD:#} {}", printable(warning));
    }
}

/// A path as a person would write it here.
fn shown(path: &Path) -> String {
    let here = env::current_dir().ok();
    let relative = here
        .as_deref()
        .and_then(|here| path.strip_prefix(here).ok());
    relative.unwrap_or(path).display().to_string()
}

/// A size in bytes, and in something to imagine.
fn bytes(count: u64) -> String {
    const STEP: u64 = 1024;
    match count {
        0..STEP => format!("{count} bytes"),
        _ if count < STEP * STEP => format!("{} KiB ({count} bytes)", count.div_ceil(STEP)),
        _ => format!("{} MiB ({count} bytes)", count.div_ceil(STEP * STEP)),
    }
}

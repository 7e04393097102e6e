//! Candidates beside live runs, as the running service has them.

use std::io::Write;

use cryptlet_service::api::{Decided, ShadowRuns};
use reqwest::Method;

use super::{Move, Show};
use crate::failure::Failure;
use crate::listing::json;
use crate::operator::client::CHANGE;
use crate::terminal::{BAD, FAINT, GOOD, printable};

pub fn start(wanted: &Move, output: &mut impl Write) -> Result<(), Failure> {
    make(wanted, "shadow")?;
    writeln!(
        output,
        "{} runs beside the active version of {}; see `cryptlet shadow show`",
        wanted.version,
        printable(&wanted.binding)
    )?;
    Ok(())
}

pub fn stop(wanted: &Move, output: &mut impl Write) -> Result<(), Failure> {
    make(wanted, "withdraw")?;
    writeln!(
        output,
        "{} does not run beside the active version of {} any more",
        wanted.version,
        printable(&wanted.binding)
    )?;
    Ok(())
}

fn make(wanted: &Move, verb: &str) -> Result<(), Failure> {
    let client = wanted.service.open()?;
    let version = wanted.version.to_string();
    let path = ["bindings", &wanted.binding, "versions", &version, verb];
    let request = client
        .request(Method::POST, &path)
        .timeout(CHANGE)
        .json(&Decided {
            reason: wanted.reason.clone(),
        });
    client.send(request).map(drop)
}

pub fn show(wanted: &Show, output: &mut impl Write) -> Result<(), Failure> {
    let client = wanted.service.open()?;
    let version = wanted.version.to_string();
    let path = [
        "bindings",
        &wanted.binding,
        "versions",
        &version,
        "shadow-runs",
    ];
    let runs: ShadowRuns = client.send(client.request(Method::GET, &path))?.read()?;
    if wanted.json {
        return json(&runs, output);
    }
    for run in &runs.differing {
        writeln!(output, "{BAD}differs{BAD:#}: invocation {}", run.number)?;
        print_differences(&run.differences, output)?;
    }
    let style = if runs.differing.is_empty() { GOOD } else { BAD };
    writeln!(
        output,
        "{style}{} clean{style:#} in a row beside {}, {} of {} kept differ, {} skipped",
        runs.clean_in_a_row, runs.active, runs.differed, runs.runs, runs.skipped
    )?;
    if let Some(required) = runs.required {
        writeln!(output, "a promotion needs {required} clean ones")?;
    }
    if runs.runs > 0 {
        writeln!(
            output,
            "{FAINT}fuel a run: {} of the active version, {} of {}{FAINT:#}",
            runs.fuel_active, runs.fuel_candidate, runs.version
        )?;
    }
    Ok(())
}

/// A line for each field.
pub fn print_differences(
    differences: &[cryptlet_fabric::shadow::Difference],
    output: &mut impl Write,
) -> Result<(), Failure> {
    let side = |value: &Option<String>| {
        value
            .as_ref()
            .map_or_else(|| "nothing".to_owned(), |value| printable(value))
    };
    for difference in differences {
        writeln!(
            output,
            "  {}: {} became {}",
            printable(&difference.field),
            side(&difference.active),
            side(&difference.candidate)
        )?;
    }
    Ok(())
}

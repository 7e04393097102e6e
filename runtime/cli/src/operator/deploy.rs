//! `cryptlet deploy`: components become versions that bindings may run.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use cryptlet_service::api::{DeployedVersion, WASM};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::client::{Client, Connection};
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{Table, progress};

/// The service compiles a component before it answers, and ends that at a bound of its own, which is far
/// below this: its answer says what became of the component.
const COMPILATION: Duration = Duration::from_secs(24 * 60 * 60);

const EXAMPLES: &str = "\
Examples:
  cryptlet deploy reference-rate.wasm interest-rate-swap.wasm
  cryptlet deploy swap.wasm --reason 'the day count of 2026' --json
  cryptlet deploy swap.wasm --server https://fabric.example.com --token-file operator.token";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Components, as `cryptlet build` writes them. The same bytes again change nothing.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Why, in one line: the log keeps it beside the name of your token.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    service: Connection,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    // All of them are read before the first is sent: a mistake in a name deploys nothing.
    let components = arguments
        .files
        .iter()
        .map(|file| fs::read(file).map_err(|error| Failure::unreadable(file, &error)))
        .collect::<Result<Vec<_>, _>>()?;
    let client = arguments.service.open()?;
    let mut deployed = Vec::new();
    let mut refused = None;
    for (file, component) in arguments.files.iter().zip(components) {
        let waiting = progress(format!("deploying {}", file.display()));
        match deploy(&client, component, arguments.reason.as_deref()) {
            Ok(version) => deployed.push(version),
            Err(failure) => {
                refused = Some(about(file, failure));
                break;
            }
        }
        drop(waiting);
    }
    // Those that were deployed stay so, whatever became of the next one.
    if arguments.json {
        json(&deployed, output)?;
    } else if !deployed.is_empty() {
        print(&deployed, output)?;
    }
    refused.map_or(Ok(()), Err)
}

fn deploy(
    client: &Client,
    component: Vec<u8>,
    reason: Option<&str>,
) -> Result<DeployedVersion, Failure> {
    let query: Vec<_> = reason
        .map(|reason| ("reason", reason))
        .into_iter()
        .collect();
    let request = client
        .request_with(Method::POST, &["versions"], &query)
        .header(CONTENT_TYPE, WASM)
        .timeout(COMPILATION)
        .body(component);
    client.send(request)?.read()
}

/// Which of the files a failure is about.
fn about(file: &Path, failure: Failure) -> Failure {
    match failure {
        Failure::Refused(sentence) => Failure::Refused(format!("{}: {sentence}", file.display())),
        other => other,
    }
}

fn print(deployed: &[DeployedVersion], output: &mut impl Write) -> Result<(), Failure> {
    let mut table = Table::new(["CRYPTLET", "VERSION", "MEASUREMENT"]);
    for version in deployed {
        table.row([
            (&version.cryptlet).into(),
            (&version.version).into(),
            (&version.measurement).into(),
        ]);
    }
    table.print(output)?;
    Ok(())
}

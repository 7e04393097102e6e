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
const WAIT: u64 = 24 * 60 * 60;

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
    /// How long to wait for the answer about each component: the service compiles it first.
    #[arg(long, value_name = "SECONDS", default_value_t = WAIT)]
    wait: u64,
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
        let wait = Duration::from_secs(arguments.wait);
        match deploy(&client, component, arguments.reason.as_deref(), wait) {
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
    wait: Duration,
) -> Result<DeployedVersion, Failure> {
    let query: Vec<_> = reason
        .map(|reason| ("reason", reason))
        .into_iter()
        .collect();
    let request = client
        .request_with(Method::POST, &["versions"], &query)
        .header(CONTENT_TYPE, WASM)
        .timeout(wait)
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    use serde_json::Value;

    use super::*;

    #[test]
    fn a_deploy_is_waited_for_when_other_answers_have_been_given_up() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let client = Client::waiting(address.parse().unwrap(), Duration::from_millis(100));
        let body = r#"{"cryptlet":"swap","version":"1.0.0","measurement":"00","deployed-at":1}"#;

        let wait = Duration::from_secs(WAIT);
        std::thread::scope(|scope| {
            let deploying = scope.spawn(|| deploy(&client, b"bytes".to_vec(), None, wait));
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines();
            while !lines.next().unwrap().unwrap().is_empty() {}
            // It asks later, and it ends: by then the deploy has waited longer than that.
            let asked = client.get::<Value>(&["status"]).unwrap_err().to_string();
            assert!(asked.contains("does not answer in time"), "{asked}");
            let length = body.len();
            let head = format!("HTTP/1.1 201 Created\r\nContent-Length: {length}\r\n\r\n");
            (&stream).write_all((head + body).as_bytes()).unwrap();

            assert_eq!(deploying.join().unwrap().unwrap().cryptlet, "swap");
        });
    }
}

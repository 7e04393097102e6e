//! `cryptlet invoke`: one message, once, and what came of it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use cryptlet_service::api::{IDEMPOTENCY_KEY, InvocationView, PREFER, ResultView};
use cryptlet_vault::{OperatingSystem, Randomness as _};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde::de::IgnoredAny;

use super::client::{Client, Connection};
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{printable, progress};

/// The longest that one request waits for its answer; asking again goes on waiting.
const TURN: Duration = Duration::from_secs(20);
/// What an answer may take on its way, beyond what was waited for.
const WAY: Duration = Duration::from_secs(30);
/// Between two questions to a service that does not let callers wait.
const PAUSE: Duration = Duration::from_millis(200);

const EXAMPLES: &str = "\
Examples:
  cryptlet invoke greeter greet --input '{\"name\":\"Ada\"}'
  cryptlet invoke greeter greet --input order.json --receipt order.receipt
  echo '{\"name\":\"Ada\"}' | cryptlet invoke greeter greet --input - --key order-17 --detach

Sending the same message again with the same key is sending it once: after a lost connection,
run the command again with the key that it printed.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The binding's name.
    binding: String,
    /// The message's name, as the binding lists it under `triggers.messages`.
    topic: String,
    /// The message's fields: JSON, a file with JSON, or `-` for the standard input.
    #[arg(long, value_name = "INPUT", default_value = "{}")]
    input: String,
    /// Idempotency key; by default a random one.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// How long to wait for the reply.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
    /// Do not wait: the service has accepted the message, and runs it whatever happens.
    #[arg(long, conflicts_with_all = ["wait", "receipt"])]
    detach: bool,
    /// File to write the receipt to, for an auditor; one that exists is not overwritten.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    #[command(flatten)]
    service: Connection,
    /// Print the whole invocation as JSON instead of the reply alone.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let fields = fields(&arguments.input)?;
    if let Some(path) = arguments.receipt.as_ref().filter(|path| path.exists()) {
        return Err(Failure::Usage(format!(
            "{} exists; name another file for the receipt",
            path.display()
        )));
    }
    let client = arguments.service.open()?;
    let key = match &arguments.key {
        Some(key) => key.clone(),
        None => random_key()?,
    };
    let wait = match arguments.detach {
        true => Duration::ZERO,
        false => Duration::from_secs(arguments.wait),
    };
    let waiting = progress(format!("{} runs {}", arguments.binding, arguments.topic));
    let message = Message {
        client: &client,
        path: ["bindings", &arguments.binding, "messages", &arguments.topic],
        fields,
        key: &key,
    };
    let invocation = message.send(wait)?;
    drop(waiting);
    conclude(arguments, &invocation, output)
}

/// A message that may be sent any number of times.
struct Message<'a> {
    client: &'a Client,
    path: [&'a str; 4],
    fields: String,
    key: &'a str,
}

impl Message<'_> {
    /// Sends it until it has run, or until `patience` is used up.
    fn send(&self, patience: Duration) -> Result<InvocationView, Failure> {
        let started = Instant::now();
        loop {
            let asked = Instant::now();
            let left = patience.saturating_sub(started.elapsed());
            let turn = left.min(TURN);
            let mut request = self
                .client
                .request(Method::POST, &self.path)
                .header(IDEMPOTENCY_KEY, self.key)
                .header(CONTENT_TYPE, "application/json")
                .timeout(turn + WAY)
                .body(self.fields.clone());
            if !turn.is_zero() {
                request = request.header(PREFER, format!("wait={}", turn.as_secs().max(1)));
            }
            let answer = self.client.exchange(request)?;
            let left = patience.saturating_sub(started.elapsed());
            let pause = match answer.status {
                StatusCode::ACCEPTED if !left.is_zero() => PAUSE.saturating_sub(asked.elapsed()),
                StatusCode::TOO_MANY_REQUESTS => {
                    match answer.retry_after.map(|pause| pause.max(PAUSE)) {
                        Some(pause) if pause < left => pause,
                        _ => return Err(self.client.refusal(&answer)),
                    }
                }
                status if status.is_success() => return answer.read(),
                _ => return Err(self.client.refusal(&answer)),
            };
            std::thread::sleep(pause.min(left));
        }
    }
}

/// Says what came of the invocation.
fn conclude(
    arguments: &Arguments,
    invocation: &InvocationView,
    output: &mut impl Write,
) -> Result<(), Failure> {
    if arguments.json {
        json(invocation, output)?;
    }
    let Some(result) = &invocation.result else {
        let ticket = format!(
            "invocation {} of binding {}",
            invocation.number, invocation.binding
        );
        if !arguments.detach {
            return Err(Failure::Refused(format!(
                "{ticket} is accepted but did not run within {} s; `cryptlet status` says what holds it up",
                arguments.wait
            )));
        }
        if !arguments.json {
            writeln!(output, "{} is accepted", printable(&ticket))?;
        }
        return Ok(());
    };
    if let Some(path) = &arguments.receipt {
        write_receipt(path, result)?;
    }
    if !arguments.json {
        if let Some(reply) = &result.reply {
            json(reply, output)?;
        }
        eprintln!(
            "invocation {}: {} {}, {} fuel, receipt {}",
            invocation.number,
            printable(&result.cryptlet),
            printable(&result.version),
            result.fuel,
            result.leaf
        );
    }
    if result.outcome == "ok" {
        return Ok(());
    }
    let reason = match &result.explanation {
        Some(explanation) => format!("{}: {explanation}", result.outcome),
        None => result.outcome.clone(),
    };
    Err(Failure::Refused(format!(
        "invocation {} of binding {} did not end well ({reason})",
        invocation.number, invocation.binding
    )))
}

fn write_receipt(path: &Path, result: &ResultView) -> Result<(), Failure> {
    let failed =
        |reason: String| Failure::Refused(format!("cannot write {}: {reason}", path.display()));
    let receipt = BASE64_STANDARD
        .decode(&result.receipt)
        .map_err(|error| failed(format!("the service sent no receipt ({error})")))?;
    File::create_new(path)
        .and_then(|mut file| file.write_all(&receipt))
        .map_err(|error| failed(error.to_string()))
}

/// The message's fields. As they stand: digests cover the bytes as they came.
fn fields(input: &str) -> Result<String, Failure> {
    let (name, text) = match input {
        "-" => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map_err(|error| {
                Failure::Usage(format!("cannot read the standard input: {error}"))
            })?;
            ("the standard input", text)
        }
        inline if inline.trim_start().starts_with(['{', '[']) => ("--input", inline.to_owned()),
        path => {
            let text = fs::read_to_string(path)
                .map_err(|error| Failure::unreadable(Path::new(path), &error))?;
            (path, text)
        }
    };
    serde_json::from_str::<IgnoredAny>(&text)
        .map_err(|error| Failure::Usage(format!("{name} is not JSON: {error}")))?;
    Ok(text)
}

/// Names a message that its sender did not name, and says so: with it the message can be sent
/// again.
fn random_key() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    OperatingSystem
        .fill(&mut bytes)
        .map_err(|error| Failure::Refused(error.to_string()))?;
    let key = hex::encode(bytes);
    eprintln!("idempotency key {key}");
    Ok(key)
}

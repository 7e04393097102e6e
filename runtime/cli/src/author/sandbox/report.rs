//! What one run came to, as people and programs read it.

use std::collections::BTreeMap;
use std::io::Write;

use cryptlet_attest::Outcome;
use cryptlet_container::{Child, Cryptlet, Run, Settings, Trigger};
use cryptlet_schema::Limits;
use cryptlet_service::api::TrafficView;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::input::Input;
use super::state;
use crate::failure::Failure;
use crate::terminal::{self, BAD, Cell, FAINT, GOOD, HEADING, Table, printable};

/// What `cryptlet run --json` prints.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RunReport {
    /// The cryptlet's name.
    pub cryptlet: String,
    /// Its version.
    pub version: String,
    /// BLAKE3 of the component, in hex digits.
    pub measurement: String,
    /// Why it ran, in words.
    pub trigger: String,
    /// The invocation's instant, in RFC 3339.
    pub instant: String,
    /// How it ended: `ok`, `failure CODE`, `limit WHICH of ALLOWED`, `trap KIND` or
    /// `interrupted by WHICH`.
    pub outcome: String,
    /// Whether it answered.
    pub succeeded: bool,
    /// What went wrong, in the words of the cryptlet or of its host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it replied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<Value>,
    /// The calls of the bound contract that it asks for, in order.
    pub actions: Vec<Action>,
    /// What it publishes, in order.
    pub events: Vec<Published>,
    /// Changed entries of its state; null takes one away.
    pub state: BTreeMap<String, Option<Value>>,
    /// What it wrote for people.
    pub log: Vec<Line>,
    /// The sources that it asked, in order.
    pub sources: Vec<Asked>,
    /// What it used of its limits.
    pub usage: Vec<Usage>,
    /// What went between it and its host.
    pub traffic: TrafficView,
    /// What an author should know about this run.
    pub notes: Vec<String>,
}

/// A call of the bound contract.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Action {
    /// The function's name.
    pub action: String,
    /// Its arguments.
    pub fields: Value,
    /// The call as the chain reads it, in hex digits.
    pub call: String,
}

/// A published event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Published {
    /// The name of its schema.
    pub topic: String,
    /// What it says.
    pub body: Value,
}

/// A line for people.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Line {
    /// How loud.
    pub level: String,
    /// The text.
    pub message: String,
}

/// The run of a source.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Asked {
    /// The name by which it was asked.
    pub source: String,
    /// What it was asked.
    pub request: Value,
    /// How it ended.
    pub outcome: String,
    /// What it replied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<Value>,
    /// The fuel that it used.
    pub fuel: u64,
}

/// How much of one limit a run used.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    /// The limit's name in `cryptlet.toml`.
    pub limit: String,
    /// What was used.
    pub used: u64,
    /// What was allowed: the lower of the manifest's and the host's.
    pub allowed: u64,
}

impl Usage {
    /// In per cent, rounded up.
    pub fn percent(&self) -> u64 {
        self.used.saturating_mul(100).div_ceil(self.allowed.max(1))
    }
}

impl RunReport {
    /// Puts the report together.
    pub fn of(cryptlet: &Cryptlet, input: &Input, run: &Run, mut notes: Vec<String>) -> Self {
        let identity = &cryptlet.manifest().cryptlet;
        notes.splice(0..0, input.notes.iter().cloned());
        Self {
            cryptlet: identity.name.clone(),
            version: identity.version.to_string(),
            measurement: cryptlet.measurement().to_string(),
            trigger: in_words(&input.trigger),
            instant: terminal::instant(input.instant),
            outcome: run.outcome.to_string(),
            succeeded: run.outcome.is_ok(),
            reason: reason(run),
            reply: run.reply.as_deref().map(json),
            actions: actions(cryptlet, run),
            events: run
                .events
                .iter()
                .map(|event| Published {
                    topic: event.topic.clone(),
                    body: json(&event.body),
                })
                .collect(),
            state: run
                .state_changes
                .iter()
                .map(|(key, value)| (key.clone(), value.as_deref().map(state::value_of)))
                .collect(),
            log: run
                .logs
                .iter()
                .map(|line| Line {
                    level: format!("{:?}", line.level).to_lowercase(),
                    message: line.message.clone(),
                })
                .collect(),
            sources: run.children.iter().map(asked).collect(),
            usage: usage(run),
            traffic: TrafficView::from(&run.meter.traffic),
            notes,
        }
    }

    /// Prints it for a person.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn print(&self, output: &mut impl Write) -> Result<(), Failure> {
        let Self {
            cryptlet, version, ..
        } = self;
        writeln!(output, "{HEADING}{cryptlet} {version}{HEADING:#}")?;
        line(
            output,
            "ran on",
            &format!("{} at {}", self.trigger, self.instant),
        )?;
        for asked in &self.sources {
            let answer = match &asked.reply {
                Some(reply) => reply.to_string(),
                None => asked.outcome.clone(),
            };
            let text = format!("{} {} -> {answer}", asked.source, asked.request);
            line(output, "asked", &text)?;
        }
        for Line { level, message } in &self.log {
            line(output, "logged", &format!("{level}: {message}"))?;
        }
        let style = if self.succeeded { GOOD } else { BAD };
        writeln!(
            output,
            "  {:<9}{style}{}{style:#}",
            "outcome",
            printable(&self.outcome)
        )?;
        if let Some(reason) = &self.reason {
            line(output, "", reason)?;
        }
        if let Some(reply) = self.reply.as_ref().filter(|reply| !reply.is_null()) {
            line(output, "reply", &reply.to_string())?;
        }
        for action in &self.actions {
            line(
                output,
                "action",
                &format!("{} {}", action.action, action.fields),
            )?;
            writeln!(output, "  {:<9}{FAINT}{}{FAINT:#}", "", action.call)?;
        }
        for event in &self.events {
            line(output, "event", &format!("{} {}", event.topic, event.body))?;
        }
        for (key, value) in &self.state {
            let text = match value {
                Some(value) => format!("{key} = {value}"),
                None => format!("{key} is gone"),
            };
            line(output, "state", &text)?;
        }
        writeln!(output)?;
        print_usage(&self.usage, output)?;
        writeln!(output)?;
        print_traffic(&self.traffic, output)
    }
}

fn line(output: &mut impl Write, label: &str, text: &str) -> Result<(), Failure> {
    writeln!(output, "  {label:<9}{}", printable(text))?;
    Ok(())
}

fn print_usage(usage: &[Usage], output: &mut impl Write) -> Result<(), Failure> {
    let mut table = Table::new(["LIMIT", "USED", "OF", "PER CENT"]);
    for usage in usage {
        table.row([
            Cell::from(&usage.limit),
            Cell::from(usage.used),
            Cell::from(usage.allowed),
            Cell::from(usage.percent()),
        ]);
    }
    table.print(output)?;
    Ok(())
}

fn print_traffic(traffic: &TrafficView, output: &mut impl Write) -> Result<(), Failure> {
    let mut table = Table::new(["CALL", "TIMES", "BYTES IN", "BYTES OUT"]);
    table.row([
        Cell::from("input"),
        Cell::from(""),
        Cell::from(traffic.input_bytes),
        Cell::from(""),
    ]);
    for calls in &traffic.calls {
        table.row([
            Cell::from(&calls.call),
            Cell::from(calls.times),
            Cell::from(calls.bytes_in),
            Cell::from(calls.bytes_out),
        ]);
    }
    table.row([
        Cell::from("reply"),
        Cell::from(""),
        Cell::from(""),
        Cell::from(traffic.reply_bytes),
    ]);
    table.print(output)?;
    Ok(())
}

fn in_words(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Message { sender, topic, .. } => format!("message {topic} from {sender}"),
        Trigger::ContractEvent { name, .. } => format!("contract event {name}"),
        Trigger::Schedule { .. } => "its schedule".to_owned(),
        Trigger::Receipt { submission, .. } => format!("the outcome of submission {submission}"),
    }
}

fn actions(cryptlet: &Cryptlet, run: &Run) -> Vec<Action> {
    let messages = &cryptlet.manifest().messages;
    let submissions = run.submissions.iter();
    submissions
        .map(|submission| {
            let bytes = &submission.call.bytes;
            let fields = messages
                .action(&submission.action)
                .and_then(|schema| schema.decode_call(bytes).ok());
            Action {
                action: submission.action.clone(),
                fields: fields.as_deref().map_or(Value::Null, json),
                call: format!("0x{}", hex::encode(bytes)),
            }
        })
        .collect()
}

fn asked(child: &Child) -> Asked {
    let request = match &child.invocation.trigger {
        Trigger::Message { body, .. } => json(body),
        _ => Value::Null,
    };
    Asked {
        source: child.source.clone(),
        request,
        outcome: child.run.outcome.to_string(),
        reply: child.run.reply.as_deref().map(json),
        fuel: child.run.meter.fuel,
    }
}

fn usage(run: &Run) -> Vec<Usage> {
    let of = |limit: &str, used, allowed| Usage {
        limit: limit.to_owned(),
        used,
        allowed,
    };
    vec![
        of("fuel", run.meter.fuel, run.limits.fuel),
        of(
            "memory-bytes",
            run.meter.peak_memory,
            run.limits.memory_bytes,
        ),
        of("host-calls", run.meter.host_calls, run.limits.host_calls),
    ]
}

/// Bytes that should be JSON, and are shown as text if they are not.
fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into())
}

/// What went wrong, and what to do about it.
fn reason(run: &Run) -> Option<String> {
    match &run.outcome {
        Outcome::Ok => None,
        Outcome::Failure { .. } => run.failure.as_ref().map(|failure| failure.message.clone()),
        Outcome::Limit { which, allowed } => {
            let hit = run.diagnostic.clone();
            let hit = hit.unwrap_or_else(|| format!("{which}: {allowed} allowed, more wanted"));
            Some(format!("{hit}; {}", way_out(which, *allowed)))
        }
        Outcome::Trap { kind } => Some(trap(kind, run.diagnostic.as_deref())),
        Outcome::Interrupted { which } => Some(match which.as_str() {
            "wall-clock" => format!(
                "it ran longer than {} ms; do less in one run, or raise \
                 `wall-clock-milliseconds` under [limits] in cryptlet.toml",
                run.limits.wall_clock_milliseconds
            ),
            "stack" => "it called itself too deeply; replace the recursion by a loop".to_owned(),
            _ => run.diagnostic.clone().unwrap_or_default(),
        }),
    }
}

fn way_out(which: &str, allowed: u64) -> String {
    let host = Settings::default().limits;
    let highest = |limits: &Limits| {
        let entries = limits.entries();
        entries
            .iter()
            .find(|(name, _)| *name == which)
            .map(|(_, value)| *value)
    };
    if which == "state-bytes" {
        return "remove entries that it no longer needs, for no binding keeps more".to_owned();
    }
    match highest(&host) {
        Some(most) if most > allowed => format!(
            "do less, or raise `{which}` under [limits] in cryptlet.toml (an ordinary host gives \
             at most {most})"
        ),
        Some(_) => "do less, for an ordinary host gives no more".to_owned(),
        None => "do less, for no run gets more".to_owned(),
    }
}

fn trap(kind: &str, diagnostic: Option<&str>) -> String {
    let meaning = match kind {
        "unreachable" => {
            "the code panicked: an index out of range, an unwrap of nothing, an overflow, an \
             assertion; run the same input in a native test, where the panic says what and where"
        }
        "memory-out-of-bounds"
        | "table-out-of-bounds"
        | "indirect-call-to-null"
        | "bad-signature" => "the code read or called what is not there; look for unsafe code",
        "integer-overflow" | "integer-division-by-zero" | "bad-conversion-to-integer" => {
            "the code calculated what has no result; check the operands before"
        }
        "not-granted" => {
            "the code used what the manifest does not ask for; add it to [capabilities] in \
             cryptlet.toml"
        }
        "exit" => "the code ended the process; return an error instead",
        "canonical-abi" => {
            "the code handed the host a value that is none, like text that is not UTF-8"
        }
        _ => return diagnostic.unwrap_or("the engine stopped it").to_owned(),
    };
    meaning.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_explained_with_the_way_out() {
        let text = way_out("fuel", 1_000);
        assert!(text.contains("raise `fuel`"), "{text}");
        let text = way_out("fuel", Settings::default().limits.fuel);
        assert!(!text.contains("raise"), "{text}");
        assert!(way_out("handles", 1024).contains("no run gets more"));
    }

    #[test]
    fn what_was_used_is_rounded_up() {
        let usage = |used, allowed| {
            Usage {
                limit: "fuel".into(),
                used,
                allowed,
            }
            .percent()
        };
        assert_eq!((usage(0, 10), usage(1, 1000), usage(10, 10)), (0, 1, 100));
        assert_eq!(usage(1, 0), 100);
    }
}

//! One event, as the service logs it: a JSON object with the event's fields at its top.

use std::io::{self, Write};

use clap::ValueEnum;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::terminal::{BAD, FAINT, printable};

/// How bad an event is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }
}

/// An event as `cryptlet logs --json` prints it, one a line.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct LoggedEvent {
    /// When, in RFC 3339.
    pub timestamp: String,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub level: String,
    /// What happened.
    #[serde(default)]
    pub message: String,
    /// The part of the program that says so; `guest` for what cryptlets log.
    #[serde(default)]
    pub target: String,
    /// The event's other fields, such as `binding` and `number`.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

/// A line of a log file.
pub struct Line {
    /// As it was logged.
    pub text: String,
    /// When; none if the line is no event, such as one that a crash cut off.
    pub at: Option<Timestamp>,
    /// How bad; none if the line is no event.
    pub level: Option<Level>,
    event: LoggedEvent,
}

impl Line {
    /// Understands a line as far as it can be understood.
    pub fn read(text: &str) -> Self {
        let event: LoggedEvent = serde_json::from_str(text).unwrap_or_default();
        let level = Level::value_variants()
            .iter()
            .copied()
            .find(|known| known.as_str() == event.level);
        Self {
            text: text.to_owned(),
            at: event.timestamp.parse().ok(),
            level,
            event,
        }
    }

    /// Whether the event, or the work that it happened in, names this binding.
    pub fn concerns(&self, binding: &str) -> bool {
        let names = |fields: Option<&Value>| {
            fields.is_some_and(|fields| fields["binding"].as_str() == Some(binding))
        };
        self.event.fields.get("binding").and_then(Value::as_str) == Some(binding)
            || names(self.event.fields.get("span"))
            || self
                .event
                .fields
                .get("spans")
                .and_then(Value::as_array)
                .is_some_and(|spans| spans.iter().any(|span| names(Some(span))))
    }

    /// The fields of the work that it happened in, the outermost first, then the event's own. What
    /// the event says itself is not said twice.
    fn shown_fields(&self) -> Vec<(&str, &Value)> {
        let fields = &self.event.fields;
        let around = match fields.get("spans") {
            Some(Value::Array(spans)) => spans.as_slice(),
            _ => fields.get("span").map_or(&[][..], std::slice::from_ref),
        };
        let mut shown: Vec<(&str, &Value)> = Vec::new();
        for (name, value) in around.iter().filter_map(Value::as_object).flatten() {
            // The name of the span is the program's, not the operator's.
            let is_new = name != "name"
                && !fields.contains_key(name)
                && shown.iter().all(|(known, _)| known != name);
            if is_new {
                shown.push((name, value));
            }
        }
        let own = fields
            .iter()
            .filter(|(name, _)| !["span", "spans"].contains(&name.as_str()));
        shown.extend(own.map(|(name, value)| (name.as_str(), value)));
        shown
    }

    /// Prints it for people.
    pub fn print(&self, output: &mut impl Write) -> io::Result<()> {
        let (Some(at), Some(level)) = (self.at, self.level) else {
            return writeln!(output, "{FAINT}{}{FAINT:#}", printable(&self.text));
        };
        let shown = match level {
            Level::Error | Level::Warn => format!("{BAD}{:5}{BAD:#}", level.as_str()),
            _ => format!("{:5}", level.as_str()),
        };
        let event = &self.event;
        write!(output, "{at:.3}  {shown}  {}", printable(&event.message))?;
        for (name, value) in self.shown_fields() {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            write!(
                output,
                "  {FAINT}{}={FAINT:#}{}",
                printable(name),
                printable(&value)
            )?;
        }
        writeln!(output, "  {FAINT}{}{FAINT:#}", printable(&event.target))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVENT: &str = r#"{"timestamp":"2026-11-23T04:06:02.123456Z","level":"WARN",
        "message":"held up","number":3,"target":"cryptlet_fabric::advance",
        "span":{"binding":"swap","name":"advance"},"spans":[{"binding":"swap","name":"advance"}]}"#;

    fn shown(text: &str) -> String {
        let mut output = Vec::new();
        Line::read(text)
            .print(&mut output)
            .expect("memory takes everything");
        let text = String::from_utf8(output).expect("text");
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn shows_when_how_bad_and_what() {
        assert_eq!(
            shown(EVENT),
            "2026-11-23T04:06:02.123Z  WARN   held up  binding=swap  number=3  cryptlet_fabric::advance\n"
        );
    }

    #[test]
    fn a_binding_is_found_in_the_event_and_around_it() {
        assert!(Line::read(EVENT).concerns("swap"));
        let event = r#"{"timestamp":"","level":"INFO","binding":"swap"}"#;
        assert!(Line::read(event).concerns("swap"));
        assert!(!Line::read(EVENT).concerns("advance"));
        assert!(!Line::read("swap").concerns("swap"));
    }

    #[test]
    fn what_is_no_event_is_shown_without_obeying_it() {
        for text in ["{\"timestamp\":\"2026", "[1]", "\u{1b}[2J", "{\"level\":3}"] {
            assert!(Line::read(text).level.is_none());
            assert!(!shown(text).contains('\u{1b}'));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_logged_neither_panics_nor_reaches_the_terminal_raw(text in ".*", message in ".*") {
            let event = serde_json::json!({
                "timestamp": "2026-11-23T04:06:02Z", "level": "INFO", "message": message, &text: &message,
            });
            for line in [text.clone(), event.to_string()] {
                let shown = shown(&line);
                prop_assert_eq!(shown.lines().count(), 1);
                prop_assert!(!shown.trim_end().chars().any(char::is_control));
                Line::read(&line).concerns(&text);
            }
        }
    }

    #[test]
    fn the_worst_come_first() {
        assert!(Level::Error < Level::Warn && Level::Debug < Level::Trace);
    }
}

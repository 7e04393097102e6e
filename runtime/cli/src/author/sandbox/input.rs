//! Why a cryptlet runs, as an author writes it.

use std::fs;
use std::path::Path;

use cryptlet_container::{Position, SubmissionStatus, Trigger};
use cryptlet_schema::{Kind, Manifest, Message};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::BINDING;
use crate::failure::Failure;

/// 2026-01-01T00:00:00Z, the instant of the SDK's fixture.
const INSTANT: u64 = 1_767_225_600_000;
const CHAIN: &str = "eip155:31337";

/// Why, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Why it runs.
    pub trigger: Trigger,
    /// The invocation's instant, in milliseconds since 1970.
    pub instant: u64,
    /// What a person should know about it.
    pub notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Emitted {
    event: String,
    fields: Value,
    #[serde(default)]
    log_index: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    message: String,
    #[serde(default)]
    sender: Option<String>,
    body: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Due {
    schedule: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settled {
    submission: u64,
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Pending,
    Included,
    Finalized,
    Reverted(String),
    Expired,
    Skipped,
}

impl Input {
    /// Reads the file, or the standard input for `-`.
    ///
    /// # Errors
    ///
    /// One sentence that names the file and what in it does not fit the manifest.
    pub fn read(path: &Path, manifest: &Manifest) -> Result<Self, String> {
        let text = if path == Path::new("-") {
            std::io::read_to_string(std::io::stdin())
        } else {
            fs::read_to_string(path)
        };
        let text = text.map_err(|error| Failure::unreadable(path, &error).to_string())?;
        Self::parse(&text, manifest).map_err(|reason| format!("{}: {reason}", path.display()))
    }

    /// Reads an input for the cryptlet of this manifest.
    ///
    /// # Errors
    ///
    /// One sentence; for a field that does not fit, with its path.
    pub fn parse(text: &str, manifest: &Manifest) -> Result<Self, String> {
        let document: Value =
            serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        let Value::Object(fields) = document else {
            return Err(format!("{document} is no input; an input is an object"));
        };
        match manifest.cryptlet.kind {
            Kind::Utility => request(Value::Object(fields), manifest),
            Kind::Contract => trigger(fields, manifest),
        }
    }

    /// The same at another instant.
    #[must_use]
    pub fn at(self, instant: Option<u64>) -> Self {
        let instant = instant.unwrap_or(self.instant);
        Self { instant, ..self }
    }

    fn new(trigger: Trigger) -> Self {
        Self {
            trigger,
            instant: INSTANT,
            notes: Vec::new(),
        }
    }
}

/// Milliseconds since 1970: as such, or as RFC 3339 has them.
///
/// # Errors
///
/// It is neither.
pub fn instant(text: &str) -> Result<u64, String> {
    if let Ok(milliseconds) = text.parse() {
        return Ok(milliseconds);
    }
    let timestamp: Timestamp = text.parse().map_err(|_| {
        format!("`{text}` is no instant; write 2026-01-01T00:00:00Z, or milliseconds since 1970")
    })?;
    u64::try_from(timestamp.as_millisecond())
        .map_err(|_| format!("`{text}` lies before 1970, where no instant lies"))
}

fn request(document: Value, manifest: &Manifest) -> Result<Input, String> {
    let schema = manifest
        .messages
        .request
        .as_ref()
        .ok_or("the manifest declares no request")?;
    Ok(Input::new(Trigger::Message {
        sender: format!("0x{}", hex::encode(BINDING)),
        topic: schema.name().to_owned(),
        body: as_the_host_writes(schema, &document)?,
    }))
}

fn trigger(fields: Map<String, Value>, manifest: &Manifest) -> Result<Input, String> {
    let document = Value::Object(fields.clone());
    let has = |name: &str| fields.contains_key(name);
    if has("event") {
        emitted(read(document)?, manifest)
    } else if has("message") {
        sent(read(document)?, manifest)
    } else if has("schedule") {
        let Due { schedule } = read(document)?;
        let instant = instant(&schedule)?;
        Ok(Input {
            instant,
            ..Input::new(Trigger::Schedule { instant })
        })
    } else if has("submission") {
        let Settled { submission, status } = read(document)?;
        Ok(Input::new(Trigger::Receipt {
            submission,
            status: status.into(),
        }))
    } else {
        Err(
            "a contract cryptlet runs on {\"event\": …, \"fields\": …}, {\"message\": …, \
             \"sender\": …, \"body\": …}, {\"schedule\": …} or {\"submission\": …, \"status\": …}"
                .to_owned(),
        )
    }
}

fn emitted(emitted: Emitted, manifest: &Manifest) -> Result<Input, String> {
    let Emitted {
        event,
        fields,
        log_index,
    } = emitted;
    let schema = manifest.messages.contract_event(&event).ok_or_else(|| {
        let known = &manifest.messages.contract_events;
        let known: Vec<&str> = known.iter().map(Message::name).collect();
        format!(
            "the manifest has no contract event `{event}`; it has {}",
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        )
    })?;
    let fields =
        as_the_host_writes(schema, &fields).map_err(|reason| format!("fields: {reason}"))?;
    Ok(Input::new(Trigger::ContractEvent {
        name: event,
        fields,
        position: position(),
        log_index,
    }))
}

fn sent(sent: Sent, manifest: &Manifest) -> Result<Input, String> {
    let Sent {
        message: topic,
        sender,
        body,
    } = sent;
    let mut notes = Vec::new();
    let declared = manifest.messages.request.as_ref();
    let body = match declared.filter(|schema| schema.name() == topic) {
        Some(schema) => {
            as_the_host_writes(schema, &body).map_err(|reason| format!("body: {reason}"))?
        }
        None if body.is_object() => {
            notes.push(format!(
                "message `{topic}` was not checked: its schema stands in the binding's \
                 triggers.messages, or in the manifest's `request`"
            ));
            body.to_string().into_bytes()
        }
        None => {
            return Err(format!(
                "body: {body} is no message; a message is an object"
            ));
        }
    };
    Ok(Input {
        notes,
        ..Input::new(Trigger::Message {
            sender: sender.unwrap_or_else(|| "author".to_owned()),
            topic,
            body,
        })
    })
}

/// The document as a host would write it: checked, fields in the order of the schema, addresses
/// with their checksum.
fn as_the_host_writes(schema: &Message, document: &Value) -> Result<Vec<u8>, String> {
    let json = document.to_string().into_bytes();
    schema.check(&json).map_err(|error| error.to_string())?;
    // An indexed field of no fixed size is a hash in JSON and cannot be put into a call; the
    // document is right as it is.
    let call = schema.encode_call(&json);
    Ok(call
        .and_then(|call| schema.decode_call(&call))
        .unwrap_or(json))
}

fn read<T: serde::de::DeserializeOwned>(document: Value) -> Result<T, String> {
    serde_json::from_value(document).map_err(|error| error.to_string())
}

fn position() -> Position {
    Position {
        chain: CHAIN.to_owned(),
        block: 1,
        block_hash: vec![0x22; 32],
        transaction: vec![0x33; 32],
    }
}

impl From<Status> for SubmissionStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Included => Self::Included(position()),
            Status::Finalized => Self::Finalized(position()),
            Status::Reverted(reason) => Self::Reverted(reason),
            Status::Expired => Self::Expired,
            Status::Skipped => Self::Skipped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = r#"[cryptlet]
name = "invoice"
version = "1.0.0"
kind = "contract"
description = "-"
[messages]
contract-events = ["Due(uint32 indexed invoice, address payee, string indexed label)", "Plain(address payee, uint256 sum)"]
request = "Dispute(uint32 invoice)"
"#;
    const UTILITY: &str = r#"[cryptlet]
name = "rates"
version = "1.0.0"
kind = "utility"
description = "-"
[messages]
request = "RateFor(string currency)"
reply = "Rate(uint32 ppm)"
"#;

    fn parsed(manifest: &str, text: &str) -> Result<Input, String> {
        Input::parse(text, &Manifest::parse(manifest).unwrap())
    }

    #[test]
    fn a_utility_cryptlet_s_input_is_its_request() {
        let input = parsed(UTILITY, r#"{"currency": "EUR"}"#).unwrap();
        let Trigger::Message { topic, body, .. } = input.trigger else {
            panic!("a request is a message");
        };
        assert_eq!(
            (topic.as_str(), body.as_slice()),
            ("RateFor", &br#"{"currency":"EUR"}"#[..])
        );
    }

    #[test]
    fn an_event_is_written_as_a_host_writes_it() {
        let text = r#"{"event": "Plain", "fields":
            {"sum": "1", "payee": "0x00000000000000000000000000000000000000aa"}}"#;
        let Trigger::ContractEvent { fields, .. } = parsed(CONTRACT, text).unwrap().trigger else {
            panic!("an event is an event");
        };
        assert_eq!(
            String::from_utf8(fields).unwrap(),
            r#"{"payee":"0x00000000000000000000000000000000000000AA","sum":"1"}"#
        );
    }

    #[test]
    fn an_indexed_text_is_its_hash() {
        let text = format!(
            r#"{{"event": "Due", "fields": {{"invoice": 1, "label": "0x{}",
                "payee": "0x00000000000000000000000000000000000000aa"}}}}"#,
            "ab".repeat(32)
        );
        parsed(CONTRACT, &text).unwrap();
    }

    #[test]
    fn a_point_of_the_schedule_is_the_invocation_s_instant() {
        let input = parsed(CONTRACT, r#"{"schedule": "2027-01-01T00:00:00Z"}"#).unwrap();
        assert_eq!(input.instant, 1_798_761_600_000);
        assert_eq!(input.clone().at(Some(5)).instant, 5);
        assert_eq!(
            input.at(None).trigger,
            Trigger::Schedule {
                instant: 1_798_761_600_000
            }
        );
    }

    #[test]
    fn what_became_of_a_submission_can_be_told() {
        let text = r#"{"submission": 3, "status": {"reverted": "no funds"}}"#;
        assert_eq!(
            parsed(CONTRACT, text).unwrap().trigger,
            Trigger::Receipt {
                submission: 3,
                status: SubmissionStatus::Reverted("no funds".into())
            }
        );
    }

    #[test]
    fn a_message_that_the_manifest_does_not_describe_is_passed_on_with_a_note() {
        let input = parsed(CONTRACT, r#"{"message": "Other", "body": {"a": 1}}"#).unwrap();
        assert!(input.notes[0].contains("`Other` was not checked"));
        let input = parsed(
            CONTRACT,
            r#"{"message": "Dispute", "body": {"invoice": 1}}"#,
        )
        .unwrap();
        assert!(input.notes.is_empty());
    }

    #[test]
    fn names_what_does_not_fit() {
        for (manifest, text, part) in [
            (UTILITY, "7", "7 is no input"),
            (UTILITY, r#"{"currency": 7}"#, "currency: expected"),
            (CONTRACT, "{}", "a contract cryptlet runs on"),
            (
                CONTRACT,
                r#"{"event": "Duе", "fields": {}}"#,
                "it has Due, Plain",
            ),
            (
                CONTRACT,
                r#"{"event": "Plain", "fields": {"sum": 1}}"#,
                "fields: ",
            ),
            (
                CONTRACT,
                r#"{"message": "Dispute", "body": {"invoice": "1"}}"#,
                "body: invoice: ",
            ),
            (
                CONTRACT,
                r#"{"message": "Dispute", "bodi": {}}"#,
                "unknown field `bodi`",
            ),
            (
                CONTRACT,
                r#"{"schedule": "tomorrow"}"#,
                "`tomorrow` is no instant",
            ),
        ] {
            let refusal = parsed(manifest, text).unwrap_err();
            assert!(refusal.contains(part), "{text}: {refusal}");
        }
    }
}

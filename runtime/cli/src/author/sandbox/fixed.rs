//! Fixed answers of a source, as an author writes them.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// What a source answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A reply.
    Reply(Value),
    /// It says that it cannot answer.
    Failure {
        /// For machines.
        code: String,
        /// For people.
        message: String,
    },
}

/// A source that answers from a file.
#[derive(Debug)]
pub struct FixedSource {
    /// The file, for messages.
    pub file: PathBuf,
    answers: Vec<(Option<Value>, Answer)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    request: Option<Value>,
    reply: Option<Value>,
    failure: Option<Said>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    code: String,
    message: String,
}

impl FixedSource {
    /// Reads `[{"request": …, "reply": …}, {"request": …, "failure": {…}}]`, where an entry
    /// without request answers everything; one such entry alone; or just a reply.
    ///
    /// # Errors
    ///
    /// One sentence.
    pub fn parse(file: &Path, text: &str) -> Result<Self, String> {
        let wrong = |reason: String| format!("{}: {reason}", file.display());
        let document: Value =
            serde_json::from_str(text).map_err(|error| wrong(format!("not JSON: {error}")))?;
        let entries = match document {
            Value::Array(entries) => entries,
            Value::Object(map) if map.contains_key("reply") || map.contains_key("failure") => {
                vec![Value::Object(map)]
            }
            Value::Object(reply) => {
                let all = (None, Answer::Reply(Value::Object(reply)));
                return Ok(Self {
                    file: file.to_owned(),
                    answers: vec![all],
                });
            }
            _ => {
                return Err(wrong(
                    "a source's answers are a reply, or a list of {\"request\": …, \"reply\": …}"
                        .to_owned(),
                ));
            }
        };
        let mut answers = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let answer = answer(entry).map_err(|reason| wrong(format!("[{index}]: {reason}")))?;
            answers.push(answer);
        }
        Ok(Self {
            file: file.to_owned(),
            answers,
        })
    }

    /// The answer to a request in JSON: that of the first entry with this request or none.
    pub fn answer(&self, request: &[u8]) -> Option<Answer> {
        let request: Value = serde_json::from_slice(request).ok()?;
        let fits = |asked: &Option<Value>| asked.as_ref().is_none_or(|asked| *asked == request);
        let found = self.answers.iter().find(|(asked, _)| fits(asked));
        found.map(|(_, answer)| answer.clone())
    }
}

fn answer(entry: Value) -> Result<(Option<Value>, Answer), String> {
    let entry: Entry = serde_json::from_value(entry).map_err(|error| error.to_string())?;
    let answer = match (entry.reply, entry.failure) {
        (Some(reply), None) => Answer::Reply(reply),
        (None, Some(Said { code, message })) => Answer::Failure { code, message },
        (Some(_), Some(_)) => return Err("has both `reply` and `failure`; keep one".to_owned()),
        (None, None) => return Err("has neither `reply` nor `failure`; add one".to_owned()),
    };
    Ok((entry.request, answer))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(text: &str) -> Result<FixedSource, String> {
        FixedSource::parse(Path::new("rates.json"), text)
    }

    #[test]
    fn answers_the_request_it_lists_in_any_order_of_keys() {
        let source = parsed(
            r#"[{"request": {"a": 1, "b": 2}, "reply": {"x": 1}},
                {"request": {"a": 3}, "failure": {"code": "no", "message": "never"}}]"#,
        )
        .unwrap();
        assert_eq!(
            source.answer(br#"{"b":2,"a":1}"#),
            Some(Answer::Reply(json!({"x": 1})))
        );
        assert_eq!(
            source.answer(br#"{"a":3}"#),
            Some(Answer::Failure {
                code: "no".into(),
                message: "never".into()
            })
        );
        assert_eq!(source.answer(br#"{"a":4}"#), None);
    }

    #[test]
    fn a_reply_alone_answers_everything() {
        for text in [r#"{"x": 1}"#, r#"{"reply": {"x": 1}}"#] {
            let answer = parsed(text).unwrap().answer(br#"{"a":4}"#);
            assert_eq!(answer, Some(Answer::Reply(json!({"x": 1}))));
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        for (text, part) in [
            ("7", "rates.json: a source's answers are"),
            ("[{}]", "[0]: has neither"),
            (r#"[{"reply": {}, "replay": 1}]"#, "unknown field `replay`"),
            ("{", "rates.json: not JSON"),
        ] {
            let refusal = parsed(text).unwrap_err();
            assert!(refusal.contains(part), "{text}: {refusal}");
        }
    }
}

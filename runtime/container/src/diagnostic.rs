//! CBOR for people: the diagnostic notation of RFC 8949 section 8.

use std::fmt::Write as _;

use minicbor::Decoder;
use minicbor::data::Type;
use minicbor::decode::Error;

use crate::transcript::Record;

impl Record {
    /// The call and its answer in the diagnostic notation of RFC 8949: byte strings that are text in
    /// single quotes, others in hexadecimal digits.
    pub fn diagnostic(&self) -> String {
        let mut text = String::new();
        let bytes = self.to_bytes();
        item(&mut Decoder::new(&bytes), &mut text)
            .expect("a record's own encoding has arrays and plain items alone");
        text
    }
}

/// Records have arrays in one another as deep as their types say, no deeper.
fn item(decoder: &mut Decoder<'_>, text: &mut String) -> Result<(), Error> {
    match decoder.datatype()? {
        Type::Array => {
            let length = decoder.array()?.unwrap_or(0);
            text.push('[');
            for position in 0..length {
                if position > 0 {
                    text.push_str(", ");
                }
                item(decoder, text)?;
            }
            text.push(']');
        }
        Type::String => put(text, &format!("{:?}", decoder.str()?)),
        Type::Bytes => bytes(decoder.bytes()?, text),
        Type::Null => {
            decoder.null()?;
            text.push_str("null");
        }
        _ => put(text, &decoder.int()?.to_string()),
    }
    Ok(())
}

fn bytes(bytes: &[u8], text: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok(readable) if !readable.chars().any(char::is_control) => {
            put(text, &format!("'{}'", readable.replace('\'', "\\'")));
        }
        _ => {
            text.push_str("h'");
            for byte in bytes {
                write!(text, "{byte:02x}").expect("writing to a string cannot fail");
            }
            text.push('\'');
        }
    }
}

fn put(text: &mut String, more: &str) {
    text.push_str(more);
}

#[cfg(test)]
mod tests {
    use crate::{AskError, Failure, HttpRequest, HttpResponse, Level, Record};

    #[test]
    fn records_read_as_they_are_encoded() {
        let fetch = Record::Fetch {
            request: HttpRequest {
                method: "GET".into(),
                url: "grant://rates/x".into(),
                headers: vec![("accept".into(), "text/csv".into())],
                body: None,
            },
            answer: Ok(HttpResponse {
                status: 200,
                headers: Vec::new(),
                body: b"it's 4.38".to_vec(),
            }),
        };
        assert_eq!(
            fetch.diagnostic(),
            r#"[5, ["GET", "grant://rates/x", [["accept", "text/csv"]]], [0, [200, [], 'it\'s 4.38']]]"#
        );
        let ask = Record::Ask {
            source: "rate".into(),
            request: vec![0, 255],
            answer: Err(AskError::Failed(Failure {
                code: "no".into(),
                message: "\n".into(),
            })),
            transcript: None,
        };
        assert_eq!(
            ask.diagnostic(),
            r#"[4, "rate", h'00ff', [1, [1, ["no", "\n"]]]]"#
        );
        let log = Record::Log {
            level: Level::Warn,
            digest: [7; 32],
        };
        assert_eq!(log.diagnostic(), format!("[13, 2, h'{}']", "07".repeat(32)));
    }
}

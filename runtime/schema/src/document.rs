//! A JSON document as it was written: the order of keys is kept, and a key that stands twice
//! stays twice, so that the reader of a message can refuse it with its path.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::SchemaError;

#[derive(Debug)]
pub(crate) enum Document {
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    /// A number with a fraction or an exponent, or wider than 64 bits.
    Real(f64),
    String(String),
    List(Vec<Document>),
    Object(Vec<(String, Document)>),
}

impl Document {
    pub(crate) fn parse(json: &[u8]) -> Result<Document, SchemaError> {
        // serde_json bounds the nesting (128) and refuses anything after the document.
        serde_json::from_slice(json).map_err(|error| {
            let text = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            SchemaError::NotJson {
                reason: text.strip_suffix(&place).unwrap_or(&text).to_owned(),
                line: error.line(),
                column: error.column(),
            }
        })
    }

    /// What it is, in the words of an error message.
    pub(crate) fn describe(&self) -> String {
        match self {
            Document::Null => "null".into(),
            Document::Bool(value) => value.to_string(),
            Document::Unsigned(value) => format!("the number {value}"),
            Document::Negative(value) => format!("the number {value}"),
            Document::Real(value) => format!("the number {value}"),
            Document::String(value) => format!("the string {:?}", crate::path::shorten(value)),
            Document::List(items) => format!("a list of {}", items.len()),
            Document::Object(_) => "an object".into(),
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Document, E> {
        Ok(Document::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Document, E> {
        Ok(Document::Unsigned(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Document, E> {
        Ok(Document::Negative(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Document, E> {
        Ok(Document::Real(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Document, E> {
        Ok(Document::String(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Document, E> {
        Ok(Document::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Document, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Document::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Document, A::Error> {
        let mut object = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            object.push(entry);
        }
        Ok(Document::Object(object))
    }
}

//! A binding's state as a JSON file: an object, whose values are the values' own JSON where they
//! are JSON in the form that the SDK writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// A binding's entries.
pub type State = BTreeMap<String, Vec<u8>>;

/// What stands for bytes that are no JSON.
const BYTES: &str = "$bytes";
/// What stands for text that is no JSON, or JSON in another form than the SDK's.
const TEXT: &str = "$text";

/// Reads a state file.
///
/// # Errors
///
/// One sentence with the file and the key.
pub fn read(path: &Path) -> Result<State, String> {
    let wrong = |reason: String| format!("{}: {reason}", path.display());
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let entries: BTreeMap<String, Value> = serde_json::from_str(&text)
        .map_err(|error| wrong(format!("a state is an object of keys and values: {error}")))?;
    let mut state = State::new();
    for (key, value) in entries {
        let bytes = value_bytes(&value).map_err(|reason| wrong(format!("{key}: {reason}")))?;
        state.insert(key, bytes);
    }
    Ok(state)
}

/// The bytes that a value of a state file stands for.
fn value_bytes(value: &Value) -> Result<Vec<u8>, String> {
    let only = |name: &str| {
        let fields = value.as_object().filter(|fields| fields.len() == 1)?;
        fields.get(name)?.as_str()
    };
    if let Some(text) = only(TEXT) {
        return Ok(text.as_bytes().to_vec());
    }
    match only(BYTES) {
        Some(digits) => digits
            .strip_prefix("0x")
            .and_then(|digits| hex::decode(digits).ok())
            .ok_or_else(|| format!("{BYTES} are `0x` and pairs of hex digits")),
        None => Ok(value.to_string().into_bytes()),
    }
}

/// The value that stands for these bytes: the inverse of what a file is read by.
pub fn value_of(bytes: &[u8]) -> Value {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return json!({ BYTES: format!("0x{}", hex::encode(bytes)) });
    };
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value_bytes(&value).is_ok_and(|again| again == bytes) => value,
        _ => json!({ TEXT: text }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_back_from_the_value_that_stands_for_them() {
        for bytes in [
            b"true".as_slice(),
            b"\"half is missing\"",
            b"{\"a\":1}",
            b"{ \"a\" : 1 }",
            b"{\"$bytes\":\"0xff\"}",
            b"{\"$text\":\"x\"}",
            b"no json",
            b"",
            &[0xff, 0x00],
        ] {
            assert_eq!(value_bytes(&value_of(bytes)).unwrap(), bytes, "{bytes:?}");
        }
        assert_eq!(value_of(b"{\"a\":1}"), json!({"a": 1}));
        assert_eq!(value_of(&[0xff]), json!({ BYTES: "0xff" }));
    }

    #[test]
    fn names_the_key_whose_bytes_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        fs::write(&path, r#"{"k": {"$bytes": "0xf"}}"#).unwrap();
        assert!(read(&path).unwrap_err().contains("state.json: k: $bytes"));
        fs::write(&path, "[]").unwrap();
        assert!(read(&path).unwrap_err().contains("a state is an object"));
    }
}

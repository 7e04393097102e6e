//! Whatever a test sees a command print with `--json` must be what its published
//! schema promises.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::{Deserializer, Value};

const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/schemas");

/// Checks what was printed, if JSON was asked for; nothing at all is a failure's
/// output, whose sentence went elsewhere. One value, or one in each line.
#[track_caller]
pub fn hold(arguments: &[OsString], printed: &str) {
    if printed.is_empty() || !arguments.iter().any(|argument| argument == "--json") {
        return;
    }
    let path = schema_of(arguments);
    let schema: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let validator: Validator = jsonschema::validator_for(&schema).unwrap();
    for value in Deserializer::from_str(printed).into_iter::<Value>() {
        let value = value.unwrap();
        if let Err(error) = validator.validate(&value) {
            panic!(
                "{}, {}: {error}\n{value:#}",
                path.display(),
                error.instance_path()
            );
        }
    }
}

/// The file of the longest command that the arguments begin with.
#[track_caller]
fn schema_of(arguments: &[OsString]) -> PathBuf {
    let words: Vec<&str> = arguments
        .iter()
        .map_while(|argument| argument.to_str())
        .take_while(|argument| !argument.starts_with('-'))
        .collect();
    (1..=words.len())
        .rev()
        .map(|count| Path::new(SCHEMAS).join(format!("{}.json", words[..count].join("-"))))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no schema is published for {}", words.join(" ")))
}

/// The arguments as a command gets them.
pub fn owned(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Vec<OsString> {
    arguments
        .into_iter()
        .map(|argument| argument.as_ref().to_owned())
        .collect()
}

/// The names of all schemas.
pub fn names() -> std::collections::BTreeSet<String> {
    fs::read_dir(SCHEMAS)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

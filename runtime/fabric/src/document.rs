//! Files of the state folder: documents whose every error names file, key and remedy, and who may
//! read them.

use serde::de::DeserializeOwned;

/// A document that a person wrote could not be understood.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}:{column}: {reason}; {remedy}")]
pub struct DocumentError {
    /// The file, as the person named it.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1.
    pub column: usize,
    /// What is wrong, with the key if there is one.
    pub reason: String,
    /// The way out.
    pub remedy: String,
}

/// What `cryptlet bind new` writes where only a person knows the value.
const PLACEHOLDER: &str = "\"0x…\"";

/// Reads `text` as TOML; unknown keys are errors if the type says so, and so is a value that nobody
/// has filled in, whatever the type takes.
pub(crate) fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, DocumentError> {
    if let Some(error) = unfilled(file, text) {
        return Err(error);
    }
    toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let source_line = text[line_start..].lines().next().unwrap_or_default();
        let reason = error.message().trim().replace('\n', " ");
        let key = source_line
            .split_once('=')
            .map_or_else(|| source_line.trim(), |(key, _)| key.trim());
        let remedy = if reason.starts_with("unknown field") {
            "remove the key, or correct its name to one of those"
        } else if reason.starts_with("missing field") {
            "add the key to this section"
        } else {
            "correct the value of this key"
        };
        DocumentError {
            file: file.into(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            reason: if key.is_empty() || reason.contains(key) {
                reason
            } else {
                format!("{key}: {reason}")
            },
            remedy: remedy.into(),
        }
    })
}

fn unfilled(file: &str, text: &str) -> Option<DocumentError> {
    text.lines().enumerate().find_map(|(above, line)| {
        let (before, _) = line.split_once(PLACEHOLDER)?;
        if before.contains('#') {
            return None;
        }
        let key = before.split_once('=').map_or(before, |(key, _)| key).trim();
        Some(DocumentError {
            file: file.into(),
            line: above + 1,
            column: before.chars().count() + 1,
            reason: format!("{key} is not filled in yet"),
            remedy: format!("put the value in the place of {PLACEHOLDER}"),
        })
    })
}

/// Integers wider than TOML's, as decimal strings.
pub(crate) mod decimal {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.to_string())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            D::Error::custom(format!(
                "\"{text}\" is not a decimal number from 0 to 2^128 - 1"
            ))
        })
    }
}

/// Makes a folder that only its owner can enter, unless it is there.
pub(crate) fn make_private_folder(folder: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

/// Opens a file for writing that only its owner can read, making it if need be.
pub(crate) fn open_private(path: &std::path::Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Makes a folder remember the names in it.
pub(crate) fn sync_folder(folder: &std::path::Path) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_nobody_filled_in_is_named_whatever_its_type_takes() {
        let text = "[contract]\n# ledger = \"0x…\"\nledger = \"0x…\"\n";
        let error = parse::<toml::Table>("binding.toml", text).expect_err("it is not filled in");
        assert_eq!(
            error.to_string(),
            "binding.toml:3:10: ledger is not filled in yet; put the value in the place of \"0x…\""
        );
        let filled = text.replace("\nledger = \"0x…\"", "\nledger = \"home\"");
        assert!(parse::<toml::Table>("binding.toml", &filled).is_ok());
    }
}

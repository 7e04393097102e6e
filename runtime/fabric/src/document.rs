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

/// Reads `text` as TOML; unknown keys are errors if the type says so.
pub(crate) fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, DocumentError> {
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

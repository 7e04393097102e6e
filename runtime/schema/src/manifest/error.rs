use thiserror::Error;

/// What is wrong with a `cryptlet.toml`, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cryptlet.toml:{line}:{column}: {}{reason}; {remedy}", prefix(key))]
pub struct ManifestError {
    /// The kind of mistake.
    pub problem: Problem,
    /// The key, dotted from the top: `limits.fuel`, `messages.actions[1]`. Empty if the text is
    /// not TOML.
    pub key: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Character in the line, counted from 1.
    pub column: usize,
    /// Why it is refused.
    pub reason: String,
    /// The way out.
    pub remedy: String,
}

/// Kinds of mistakes in a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// The text is not TOML.
    Syntax,
    /// A key that manifests do not have.
    UnknownKey,
    /// A key that must be there is not.
    MissingKey,
    /// The value is of another type.
    WrongType,
    /// The value is of the right type, but not allowed.
    BadValue,
    /// Two keys contradict each other.
    Contradiction,
}

fn prefix(key: &str) -> String {
    if key.is_empty() {
        String::new()
    } else {
        format!("{key}: ")
    }
}

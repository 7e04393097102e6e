use thiserror::Error;

/// Why bytes are not the message that they should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The bytes are not one JSON document in UTF-8.
    #[error("not JSON: {reason} at line {line} column {column}")]
    NotJson {
        /// What the JSON reader met.
        reason: String,
        /// Line of the offending byte, counted from 1.
        line: usize,
        /// Column of the offending byte, counted from 1; 0 if the line is empty.
        column: usize,
    },
    /// The document is longer than this crate reads.
    #[error("{found} bytes are more than a message may have; the most is {allowed}")]
    TooLarge {
        /// Bytes that were given.
        found: usize,
        /// Bytes that are allowed.
        allowed: usize,
    },
    /// One field does not fit.
    #[error("{}: expected {expected}, found {found}", place(path))]
    Field {
        /// Where: `legs[2].amount`. Empty for the message as a whole.
        path: String,
        /// What the schema asks for, in words.
        expected: String,
        /// What was there, shortened.
        found: String,
    },
    /// The call begins with another function's selector.
    #[error("the call's selector is 0x{found}, but {signature} has 0x{expected}")]
    OtherCall {
        /// The function that was expected, such as `settle(uint32,address,uint256)`.
        signature: String,
        /// Its selector, 8 hex digits.
        expected: String,
        /// The first bytes of the call, at most 8 hex digits.
        found: String,
    },
    /// The log entry belongs to another event, or has another number of indexed fields.
    #[error("the log entry is not {signature}: expected {expected}, found {found}")]
    OtherEvent {
        /// The event that was expected.
        signature: String,
        /// What its log entries begin with.
        expected: String,
        /// What this one begins with.
        found: String,
    },
}

impl SchemaError {
    /// The same refusal as the three strings that `build-error.field` in `wit/fabric.wit` carries:
    /// path, expected, found. The path is empty unless one field is to blame.
    #[must_use]
    pub fn into_field(self) -> (String, String, String) {
        match self {
            Self::Field {
                path,
                expected,
                found,
            } => (path, expected, found),
            Self::NotJson {
                reason,
                line,
                column,
            } => (
                String::new(),
                "a JSON object".into(),
                format!("{reason} at line {line} column {column}"),
            ),
            Self::TooLarge { found, allowed } => (
                String::new(),
                format!("at most {allowed} bytes"),
                format!("{found} bytes"),
            ),
            Self::OtherCall {
                signature,
                expected,
                found,
            } => (
                String::new(),
                format!("{signature}, selector 0x{expected}"),
                format!("0x{found}"),
            ),
            Self::OtherEvent {
                signature,
                expected,
                found,
            } => (String::new(), format!("{signature}: {expected}"), found),
        }
    }
}

fn place(path: &str) -> &str {
    if path.is_empty() { "the message" } else { path }
}

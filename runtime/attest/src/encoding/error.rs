use thiserror::Error;

/// Why bytes are not a document of this crate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// Larger than any honest document of its kind.
    #[error("{what} is {found} long, more than the {limit} that are accepted")]
    TooLarge {
        /// The document or field.
        what: &'static str,
        /// Its length: bytes, or entries of a list.
        found: u64,
        /// The greatest accepted length.
        limit: u64,
    },
    /// Nested deeper than any honest document of its kind.
    #[error("{document} nests deeper than {limit} levels at byte {offset}")]
    TooDeep {
        /// The kind of document.
        document: &'static str,
        /// The greatest accepted depth.
        limit: usize,
        /// Where the limit was passed.
        offset: usize,
    },
    /// The bytes end inside an item.
    #[error("the bytes end at {offset}, inside an item; the document is cut off")]
    Truncated {
        /// The number of bytes at hand.
        offset: usize,
    },
    /// Bytes follow the document.
    #[error("the document ends at byte {offset}, but more bytes follow")]
    TrailingBytes {
        /// Where the document ends.
        offset: usize,
    },
    /// CBOR, but not the one encoding that RFC 8949 section 4.2.1 allows, or an
    /// item type that no document of this crate has.
    #[error("byte {offset} is not deterministic CBOR: {rule}")]
    NotDeterministic {
        /// Where the offending item starts.
        offset: usize,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// Written by a newer program, or not what its name says.
    #[error(
        "{document} has version {found}, but this program reads version {supported}; use a newer one"
    )]
    UnsupportedVersion {
        /// The kind of document.
        document: &'static str,
        /// The version that it states.
        found: u64,
        /// The version that is understood.
        supported: u64,
    },
    /// A field that this version does not know. All fields are critical: what a
    /// verifier does not understand, it does not vouch for.
    #[error("{record} has a field {key} that this version does not know")]
    UnknownField {
        /// The record.
        record: &'static str,
        /// The integer key.
        key: u64,
    },
    /// A field that must be there is not.
    #[error("{record} lacks its field `{field}`")]
    MissingField {
        /// The record.
        record: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A variant number that this version does not know.
    #[error("{what} has a variant {found} that this version does not know")]
    UnknownVariant {
        /// The enumeration.
        what: &'static str,
        /// The number.
        found: u64,
    },
    /// An item of another type or length than the field wants.
    #[error("byte {offset}: expected {expected}")]
    Unexpected {
        /// Where the item starts.
        offset: usize,
        /// What should be there.
        expected: &'static str,
    },
    /// An entry of another kind than the one asked for.
    #[error("the log entry is {found}, not {expected}")]
    OtherKind {
        /// The kind asked for.
        expected: &'static str,
        /// The kind found.
        found: &'static str,
    },
    /// A list that is not in the one order that its document wants, or has an item twice.
    #[error("{list} is not in its order, or has something twice")]
    NotInOrder {
        /// The list.
        list: &'static str,
    },
    /// The value does not encode to the bytes it was read from.
    #[error("{document} does not encode to the bytes it was read from")]
    NotReproduced {
        /// The kind of document.
        document: &'static str,
    },
}

impl EncodingError {
    /// A stable name, for programs: `truncated`, `oversized`, `unknown-field` (a variant's
    /// number counts as well), `unsupported-version`, or `malformed` for all others.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::TooLarge { .. } | Self::TooDeep { .. } => "oversized",
            Self::UnknownField { .. } | Self::UnknownVariant { .. } => "unknown-field",
            Self::UnsupportedVersion { .. } => "unsupported-version",
            Self::TrailingBytes { .. }
            | Self::NotDeterministic { .. }
            | Self::MissingField { .. }
            | Self::Unexpected { .. }
            | Self::OtherKind { .. }
            | Self::NotInOrder { .. }
            | Self::NotReproduced { .. } => "malformed",
        }
    }
}

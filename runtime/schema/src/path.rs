use std::fmt;

use crate::SchemaError;

/// The way from the message to a value, kept on the stack and written out only for an error.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    Message,
    Field(&'a Path<'a>, &'a str),
    Element(&'a Path<'a>, usize),
}

impl Path<'_> {
    pub(crate) fn refuse(
        &self,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> SchemaError {
        SchemaError::Field {
            path: self.to_string(),
            expected: expected.into(),
            found: shorten(&found.into()),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Message => Ok(()),
            Path::Field(Path::Message, name) => f.write_str(&shorten(name)),
            Path::Field(parent, name) => write!(f, "{parent}.{}", shorten(name)),
            Path::Element(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Keeps error messages readable, whatever the offending document holds.
pub(crate) fn shorten(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((cut, _)) => format!("{}…", &text[..cut]),
    }
}

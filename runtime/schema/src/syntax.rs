//! Reader of the human-readable ABI, `settle(uint32 period, (address a, uint96 b)[] legs)`.
//!
//! alloy's parser for this notation takes no names of tuple members, which are the keys of the
//! JSON objects here, so the grammar is read in this crate. The tests compare selectors and values
//! with alloy's.

use thiserror::Error;

use crate::message::Field;
use crate::reserved::is_reserved;
use crate::shape::{MAX_DEPTH, MAX_LIST_LENGTH, MAX_STATIC_WORDS, Member, Shape};

const MAX_SIGNATURE_BYTES: usize = 4096;
const MAX_FIELDS: usize = 64;
const MAX_IDENTIFIER: usize = 64;
const MAX_INDEXED: usize = 3;

/// A message's text does not follow the human-readable ABI.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason} (at character {position} of `{text}`)")]
pub struct SignatureError {
    /// The text, shortened.
    pub text: String,
    /// Character at which reading stopped, counted from 1.
    pub position: usize,
    /// What is wrong there and how to write it.
    pub reason: String,
}

pub(crate) fn parse(text: &str) -> Result<(String, Vec<Field>), SignatureError> {
    let mut reader = Reader { text, at: 0 };
    reader
        .message()
        .map_err(|Refusal { at, reason }| SignatureError {
            text: crate::path::shorten(text),
            position: text[..at].chars().count() + 1,
            reason,
        })
}

struct Refusal {
    at: usize,
    reason: String,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn message(&mut self) -> Result<(String, Vec<Field>), Refusal> {
        if self.text.len() > MAX_SIGNATURE_BYTES {
            return self.refuse(
                0,
                format!("a message has at most {MAX_SIGNATURE_BYTES} bytes"),
            );
        }
        self.space();
        let start = self.at;
        let word = self.word();
        if matches!(word, "function" | "event" | "error") && !self.rest().starts_with('(') {
            return self.refuse(
                start,
                format!("leave out the word `{word}`: a message is its name and its fields, `name(type field)`"),
            );
        }
        let name = self.identifier("message", start, word)?;
        self.space();
        let fields = self.fields()?;
        self.space();
        if self.rest().is_empty() {
            Ok((name, fields))
        } else {
            let reason =
                "nothing may follow the closing `)`: messages return nothing and have no modifiers";
            self.refuse(self.at, reason)
        }
    }

    fn fields(&mut self) -> Result<Vec<Field>, Refusal> {
        let open = self.at;
        let mut indexed_fields = 0;
        let fields = self.parenthesised(0, |reader, depth| {
            let start = reader.at;
            let shape = reader.shape(depth)?;
            reader.space();
            let name_start = reader.at;
            let mut word_start = reader.at;
            let mut word = reader.word();
            let indexed = word == "indexed";
            if indexed {
                reader.space();
                word_start = reader.at;
                word = reader.word();
                indexed_fields += 1;
                if indexed_fields > MAX_INDEXED {
                    return reader.refuse(
                        name_start,
                        format!("an event has at most {MAX_INDEXED} indexed fields"),
                    );
                }
            }
            let name = reader.identifier("field", word_start, word)?;
            Ok((start, Field::new(name, shape, indexed)))
        })?;
        let words = fields.iter().fold(0usize, |sum, field| {
            sum.saturating_add(field.shape.static_words())
        });
        if words > MAX_STATIC_WORDS {
            return self.refuse(
                open,
                format!("the fields take at least {words} words of 32 bytes; the most is {MAX_STATIC_WORDS}"),
            );
        }
        Ok(fields)
    }

    /// Reads `(item, item)`; names of items must differ.
    fn parenthesised<T: Named>(
        &mut self,
        depth: usize,
        mut item: impl FnMut(&mut Self, usize) -> Result<(usize, T), Refusal>,
    ) -> Result<Vec<T>, Refusal> {
        self.expect('(')?;
        self.space();
        let mut items: Vec<T> = Vec::new();
        if self.take(')') {
            return Ok(items);
        }
        loop {
            self.space();
            let (start, next) = item(self, depth)?;
            if items.iter().any(|earlier| earlier.name() == next.name()) {
                return self.refuse(start, format!("the name `{}` is used twice", next.name()));
            }
            if items.len() == MAX_FIELDS {
                return self.refuse(
                    start,
                    format!("at most {MAX_FIELDS} fields may stand side by side"),
                );
            }
            items.push(next);
            self.space();
            if self.take(')') {
                return Ok(items);
            }
            if !self.take(',') {
                return self.refuse(self.at, "expected `,` or `)`");
            }
        }
    }

    fn shape(&mut self, depth: usize) -> Result<Shape, Refusal> {
        let start = self.at;
        self.descend(start, depth)?;
        let word = self.word();
        let mut shape = if (word.is_empty() || word == "tuple") && self.rest().starts_with('(') {
            let members = self.parenthesised(depth + 1, |reader, depth| {
                let start = reader.at;
                let shape = reader.shape(depth)?;
                reader.space();
                let name_start = reader.at;
                let word = reader.word();
                let name = reader.identifier("member", name_start, word)?;
                Ok((start, Member { name, shape }))
            })?;
            if members.is_empty() {
                return self.refuse(start, "a tuple needs at least one member");
            }
            Shape::Tuple(members)
        } else {
            self.elementary(start, word)?
        };
        let mut depth = depth;
        while self.take('[') {
            depth += 1;
            self.descend(start, depth)?;
            let digits_start = self.at;
            let digits = self.word();
            if !self.take(']') {
                return self.refuse(self.at, "expected `]`");
            }
            shape = if digits.is_empty() {
                Shape::List(Box::new(shape))
            } else {
                match number(digits).filter(|length| (1..=MAX_LIST_LENGTH).contains(length)) {
                    Some(length) => Shape::Array(Box::new(shape), length),
                    None => {
                        return self.refuse(
                            digits_start,
                            format!("an array has a length of 1 to {MAX_LIST_LENGTH}"),
                        );
                    }
                }
            };
        }
        Ok(shape)
    }

    fn descend(&self, at: usize, depth: usize) -> Result<(), Refusal> {
        if depth > MAX_DEPTH {
            return self.refuse(
                at,
                format!("tuples and arrays nest at most {MAX_DEPTH} deep"),
            );
        }
        Ok(())
    }

    fn elementary(&self, at: usize, word: &str) -> Result<Shape, Refusal> {
        match word {
            "bool" => return Ok(Shape::Bool),
            "address" => return Ok(Shape::Address),
            "string" => return Ok(Shape::String),
            "bytes" => return Ok(Shape::Bytes),
            "uint" => return Ok(Shape::Unsigned(256)),
            "int" => return Ok(Shape::Signed(256)),
            "" => return self.refuse(at, "expected a type, such as `uint256` or `address`"),
            _ => {}
        }
        let integer = |digits: &str| {
            number(digits).filter(|bits| (8..=256).contains(bits) && bits.is_multiple_of(8))
        };
        if let Some(digits) = word.strip_prefix("uint") {
            if let Some(bits) = integer(digits) {
                return Ok(Shape::Unsigned(bits));
            }
        } else if let Some(digits) = word.strip_prefix("int") {
            if let Some(bits) = integer(digits) {
                return Ok(Shape::Signed(bits));
            }
        } else if let Some(digits) = word.strip_prefix("bytes")
            && let Some(size) = number(digits).filter(|size| (1..=32).contains(size))
        {
            return Ok(Shape::FixedBytes(size));
        }
        self.refuse(
            at,
            format!(
                "`{word}` is not a type that messages have: bool, address, string, bytes, bytes1 to \
                 bytes32, uint8 to uint256, int8 to int256, `T[]`, `T[N]` and `(T member)`"
            ),
        )
    }

    fn identifier(&self, what: &str, at: usize, word: &str) -> Result<String, Refusal> {
        let Some(first) = word.chars().next() else {
            return self.refuse(at, format!("expected the {what}'s name"));
        };
        if first.is_ascii_digit() {
            return self.refuse(
                at,
                format!("the {what}'s name `{word}` starts with a digit"),
            );
        }
        if word.len() > MAX_IDENTIFIER {
            return self.refuse(
                at,
                format!("a name has at most {MAX_IDENTIFIER} characters"),
            );
        }
        if word.bytes().all(|byte| byte == b'_') {
            return self.refuse(at, format!("the {what}'s name needs a letter"));
        }
        if is_reserved(word) {
            return self.refuse(
                at,
                format!(
                    "`{word}` is a word of Solidity and cannot name a {what}; take another name"
                ),
            );
        }
        Ok(word.to_owned())
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$'))
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), Refusal> {
        if self.take(wanted) {
            Ok(())
        } else {
            self.refuse(self.at, format!("expected `{wanted}`"))
        }
    }

    fn refuse<T>(&self, at: usize, reason: impl Into<String>) -> Result<T, Refusal> {
        Err(Refusal {
            at,
            reason: reason.into(),
        })
    }
}

trait Named {
    fn name(&self) -> &str;
}

impl Named for Field {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for Member {
    fn name(&self) -> &str {
        &self.name
    }
}

/// A decimal number without sign or leading zero.
fn number(digits: &str) -> Option<usize> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    plain.then(|| digits.parse().ok()).flatten()
}

//! TOML tables with the place of every key, so that each mistake is named where it stands.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{ManifestError, Problem};

/// A value, its dotted key and its place in the text.
#[derive(Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) spot: Spot,
}

/// Where something stands: what errors point at.
#[derive(Clone)]
pub(super) struct Spot {
    pub(super) key: String,
    line: usize,
    column: usize,
}

impl Spot {
    pub(super) fn error(
        &self,
        problem: Problem,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ManifestError {
        ManifestError {
            problem,
            key: self.key.clone(),
            line: self.line,
            column: self.column,
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }
}

pub(super) struct Table<'a> {
    text: &'a str,
    entries: &'a DeTable<'a>,
    pub(super) spot: Spot,
}

impl<'a> Table<'a> {
    pub(super) fn root(text: &'a str, document: &'a DeTable<'a>) -> Self {
        Table {
            text,
            entries: document,
            spot: spot(text, String::new(), 0),
        }
    }

    /// Refuses every key but these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ManifestError> {
        for key in self.entries.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let spot = spot(self.text, self.dotted(name), key.span().start);
                let remedy = match nearest(name, known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("the keys here are {}", known.join(", ")),
                };
                return Err(spot.error(Problem::UnknownKey, "there is no such key", remedy));
            }
        }
        Ok(())
    }

    pub(super) fn table(&self, name: &str) -> Result<Option<Table<'a>>, ManifestError> {
        let Some((value, spot)) = self.value(name) else {
            return Ok(None);
        };
        match value.get_ref() {
            DeValue::Table(entries) => Ok(Some(Table {
                text: self.text,
                entries,
                spot,
            })),
            other => Err(wrong_type(
                &spot,
                "a table",
                other,
                &format!("write it as `[{}]`", spot.key),
            )),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<Located<String>>, ManifestError> {
        self.value(name)
            .map(|(value, spot)| string(value, spot))
            .transpose()
    }

    pub(super) fn required_text(&self, name: &str) -> Result<Located<String>, ManifestError> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, ManifestError> {
        let Some((value, spot)) = self.value(name) else {
            return Ok(false);
        };
        value.get_ref().as_bool().ok_or_else(|| {
            wrong_type(
                &spot,
                "true or false",
                value.get_ref(),
                "write true or false without quotes",
            )
        })
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<Located<u64>>, ManifestError> {
        let Some((value, spot)) = self.value(name) else {
            return Ok(None);
        };
        let DeValue::Integer(number) = value.get_ref() else {
            let remedy = "write the digits without quotes";
            return Err(wrong_type(&spot, "a whole number", value.get_ref(), remedy));
        };
        match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) => Ok(Some(Located { value, spot })),
            Err(_) => Err(spot.error(
                Problem::BadValue,
                format!("{} is not a number from 0 to {}", number.as_str(), u64::MAX),
                "write a positive number",
            )),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<Located<String>>, ManifestError> {
        let Some((value, spot)) = self.value(name) else {
            return Ok(Vec::new());
        };
        let DeValue::Array(items) = value.get_ref() else {
            let remedy = "write it in brackets, [\"…\"]";
            return Err(wrong_type(
                &spot,
                "a list of strings",
                value.get_ref(),
                remedy,
            ));
        };
        items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let key = format!("{}[{index}]", spot.key);
                string(item, self::spot(self.text, key, item.span().start))
            })
            .collect()
    }

    pub(super) fn missing(&self, name: &str) -> ManifestError {
        let spot = Spot {
            key: self.dotted(name),
            ..self.spot.clone()
        };
        let remedy = if self.spot.key.is_empty() {
            format!("add the table [{name}]")
        } else {
            format!("add it to [{}]", self.spot.key)
        };
        spot.error(Problem::MissingKey, "the key is missing", remedy)
    }

    /// Where a key stands; the table itself if the key is not there.
    pub(super) fn spot_of(&self, name: &str) -> Spot {
        match self.value(name) {
            Some((_, spot)) => spot,
            None => Spot {
                key: self.dotted(name),
                ..self.spot.clone()
            },
        }
    }

    fn value(&self, name: &str) -> Option<(&'a Spanned<DeValue<'a>>, Spot)> {
        let value = self.entries.get(name)?;
        Some((
            value,
            spot(self.text, self.dotted(name), value.span().start),
        ))
    }

    fn dotted(&self, name: &str) -> String {
        let name = crate::path::shorten(name);
        if self.spot.key.is_empty() {
            name
        } else {
            format!("{}.{name}", self.spot.key)
        }
    }
}

pub(super) fn syntax_error(text: &str, message: &str, span: Option<Range<usize>>) -> ManifestError {
    spot(text, String::new(), span.map_or(0, |span| span.start)).error(
        Problem::Syntax,
        format!("not TOML: {}", message.replace('\n', ", ")),
        "see https://toml.io for the notation",
    )
}

/// What is close enough to `name` to be a slip of the hand.
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    let name = name.to_ascii_lowercase().replace('_', "-");
    known
        .iter()
        .map(|candidate| (distance(&name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 2 && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: insertions, removals and replacements from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, removed) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (column, inserted) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(removed != inserted);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

fn string(value: &Spanned<DeValue<'_>>, spot: Spot) -> Result<Located<String>, ManifestError> {
    match value.get_ref().as_str() {
        Some(text) => Ok(Located {
            value: text.to_owned(),
            spot,
        }),
        None => Err(wrong_type(
            &spot,
            "a string",
            value.get_ref(),
            "write it in quotes",
        )),
    }
}

fn wrong_type(spot: &Spot, expected: &str, found: &DeValue<'_>, remedy: &str) -> ManifestError {
    let found = match found.type_str() {
        word @ ("array" | "integer") => format!("an {word}"),
        word => format!("a {word}"),
    };
    spot.error(
        Problem::WrongType,
        format!("expected {expected}, found {found}"),
        remedy,
    )
}

fn spot(text: &str, key: String, at: usize) -> Spot {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Spot {
        key,
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

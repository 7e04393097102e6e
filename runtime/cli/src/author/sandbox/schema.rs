//! The schema that fits some JSON documents: fixed answers come without one, and the container
//! lets nothing pass that has none.

use std::fmt;

use serde_json::Value;

/// The type of a JSON value, as far as a message's schema distinguishes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    Bool,
    /// A number between these, both included.
    Number(i64, i64),
    String,
    /// A list, of unknown elements if all that were seen are empty.
    List(Option<Box<Shape>>),
    Object(Vec<(String, Shape)>),
}

impl Shape {
    /// The shape of one value.
    ///
    /// # Errors
    ///
    /// No message has such a value; names the place.
    pub fn of(value: &Value) -> Result<Self, String> {
        Ok(match value {
            Value::Null => return Err("null is the value of no field".to_owned()),
            Value::Bool(_) => Self::Bool,
            Value::String(_) => Self::String,
            Value::Number(number) => match number.as_i64() {
                Some(number) if (i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(&number) => {
                    Self::Number(number, number)
                }
                _ => {
                    return Err(format!(
                        "{number} is no integer of up to 32 bits; wider ones are decimal strings"
                    ));
                }
            },
            Value::Array(elements) => {
                let mut all: Option<Shape> = None;
                for element in elements {
                    let shape = Self::of(element)?;
                    all = Some(match all {
                        Some(known) => known.joined(shape)?,
                        None => shape,
                    });
                }
                Self::List(all.map(Box::new))
            }
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| {
                    let shape = Self::of(value).map_err(|reason| format!("{name}: {reason}"))?;
                    Ok((name.clone(), shape))
                });
                Self::Object(fields.collect::<Result<_, String>>()?)
            }
        })
    }

    /// The shape that fits what either fits.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn joined(self, other: Self) -> Result<Self, String> {
        match (self, other) {
            (Self::Bool, Self::Bool) => Ok(Self::Bool),
            (Self::String, Self::String) => Ok(Self::String),
            (Self::Number(a, b), Self::Number(c, d)) => Ok(Self::Number(a.min(c), b.max(d))),
            (Self::List(a), Self::List(b)) => Ok(Self::List(match (a, b) {
                (Some(a), Some(b)) => Some(Box::new(a.joined(*b)?)),
                (a, b) => a.or(b),
            })),
            (Self::Object(a), Self::Object(mut b)) => {
                let mut fields = Vec::new();
                for (name, shape) in a {
                    let place = b.iter().position(|(other, _)| *other == name);
                    let Some(place) = place else {
                        return Err(format!(
                            "one document has the field `{name}`, another has not"
                        ));
                    };
                    let (_, other) = b.swap_remove(place);
                    let joined = shape
                        .joined(other)
                        .map_err(|reason| format!("{name}: {reason}"))?;
                    fields.push((name, joined));
                }
                match b.first() {
                    Some((name, _)) => Err(format!(
                        "one document has the field `{name}`, another has not"
                    )),
                    None => Ok(Self::Object(fields)),
                }
            }
            (a, b) => Err(format!("one document has {a} there, another {b}")),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::String => f.write_str("string"),
            Self::Number(least, _) if *least < 0 => f.write_str("int32"),
            Self::Number(..) => f.write_str("uint32"),
            Self::List(Some(element)) => write!(f, "{element}[]"),
            Self::List(None) => f.write_str("string[]"),
            Self::Object(fields) => {
                f.write_str("(")?;
                for (index, (name, shape)) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{shape} {name}")?;
                }
                f.write_str(")")
            }
        }
    }
}

/// The schema of messages of this name that all these documents fit.
///
/// # Errors
///
/// There is none; names the field.
pub fn of_all<'a>(
    name: &str,
    documents: impl IntoIterator<Item = &'a Value>,
) -> Result<String, String> {
    let mut all: Option<Shape> = None;
    for document in documents {
        if !document.is_object() {
            return Err(format!("{document} is no message; a message is an object"));
        }
        let shape = Shape::of(document)?;
        all = Some(match all {
            Some(known) => known.joined(shape)?,
            None => shape,
        });
    }
    let fields = all.unwrap_or(Shape::Object(Vec::new()));
    let text = format!("{name}{fields}");
    match text.parse::<cryptlet_schema::Message>() {
        Ok(_) => Ok(text),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use cryptlet_schema::Message;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_document_fits_the_schema_made_of_it() {
        let documents = [
            json!({"a": true, "legs": [], "n": 7, "who": {"name": "x", "age": -1}}),
            json!({"a": false, "legs": [{"q": 1}], "n": 4_294_967_295u32, "who": {"name": "", "age": 3}}),
        ];
        let schema = of_all("Reply", &documents).unwrap();
        let message: Message = schema.parse().unwrap();
        for document in documents {
            message.check(document.to_string().as_bytes()).unwrap();
        }
    }

    #[test]
    fn nothing_is_a_message_without_fields() {
        assert_eq!(of_all("Reply", []).unwrap(), "Reply()");
    }

    #[test]
    fn names_the_field_that_two_documents_differ_in() {
        let refusal = of_all("Reply", &[json!({"a": {"b": 1}}), json!({"a": {"b": "1"}})]);
        assert!(refusal.unwrap_err().starts_with("a: b: "));
        let refusal = of_all("Reply", &[json!({"a": 1}), json!({"b": 1})]);
        assert!(refusal.unwrap_err().contains("`a`"));
        for odd in [
            json!({"a": null}),
            json!({"a": 1.5}),
            json!([]),
            json!({"a": 5_000_000_000u64}),
        ] {
            assert!(of_all("Reply", [&odd]).is_err(), "{odd}");
        }
    }
}

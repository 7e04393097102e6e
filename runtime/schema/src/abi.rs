//! Strict reader of ABI bytes.
//!
//! alloy's decoder is made for contracts of any origin: it lets high bits of a word pass, follows
//! offsets wherever they lead and repairs text that is not UTF-8. Here the bytes become JSON whose
//! digest is signed, so exactly one encoding of each value is read, the one that Solidity writes:
//! tails follow each other without gaps, padding is zero, nothing is left over. Time and memory
//! are therefore linear in the input. alloy writes, this reads, and the tests compare the two.

use alloy_dyn_abi::DynSolValue;
use alloy_primitives::{Address, B256, I256, U256};

use crate::SchemaError;
use crate::json::{expectation, signed_fits};
use crate::path::Path;
use crate::shape::{MAX_LIST_LENGTH, Shape};

const WORD: usize = 32;

/// Reads all of `data` as a sequence of these members.
pub(crate) fn decode_members<'a>(
    members: impl Iterator<Item = (&'a str, &'a Shape)> + Clone,
    data: &[u8],
    path: &Path<'_>,
) -> Result<Vec<DynSolValue>, SchemaError> {
    let (values, end) = Reader { data }.sequence(members.map(Item::member), 0, path)?;
    if end == data.len() {
        Ok(values)
    } else {
        Err(path.refuse(
            format!("{end} bytes of parameters"),
            format!("{} bytes", data.len()),
        ))
    }
}

/// Reads a value of one word, as it stands in a topic.
pub(crate) fn decode_word(
    shape: &Shape,
    word: &[u8; WORD],
    path: &Path<'_>,
) -> Result<DynSolValue, SchemaError> {
    let refuse = || {
        path.refuse(
            expectation(shape),
            format!("the word {}", B256::from(*word)),
        )
    };
    let value = match shape {
        Shape::Bool => match U256::from_be_bytes(*word) {
            U256::ZERO => Some(DynSolValue::Bool(false)),
            U256::ONE => Some(DynSolValue::Bool(true)),
            _ => None,
        },
        Shape::Address => word[..12]
            .iter()
            .all(|byte| *byte == 0)
            .then(|| DynSolValue::Address(Address::from_word(B256::from(*word)))),
        Shape::FixedBytes(size) => word[*size..]
            .iter()
            .all(|byte| *byte == 0)
            .then(|| DynSolValue::FixedBytes(B256::from(*word), *size)),
        Shape::Unsigned(bits) => {
            let value = U256::from_be_bytes(*word);
            (value.bit_len() <= *bits).then_some(DynSolValue::Uint(value, *bits))
        }
        Shape::Signed(bits) => {
            let value = I256::from_be_bytes(*word);
            signed_fits(value, *bits).then_some(DynSolValue::Int(value, *bits))
        }
        Shape::String | Shape::Bytes | Shape::List(_) | Shape::Array(..) | Shape::Tuple(_) => None,
    };
    value.ok_or_else(refuse)
}

/// One place of a sequence, with what its path is called.
struct Item<'a> {
    name: Option<&'a str>,
    shape: &'a Shape,
}

impl<'a> Item<'a> {
    fn member((name, shape): (&'a str, &'a Shape)) -> Self {
        Item {
            name: Some(name),
            shape,
        }
    }

    fn path<'b>(&self, parent: &'b Path<'b>, index: usize) -> Path<'b>
    where
        'a: 'b,
    {
        match self.name {
            Some(name) => Path::Field(parent, name),
            None => Path::Element(parent, index),
        }
    }
}

struct Reader<'a> {
    data: &'a [u8],
}

impl Reader<'_> {
    /// Heads from `base` on, then the tails; gives the values and the first byte after them.
    fn sequence<'a>(
        &self,
        items: impl Iterator<Item = Item<'a>> + Clone,
        base: usize,
        path: &Path<'_>,
    ) -> Result<(Vec<DynSolValue>, usize), SchemaError> {
        let head_words = items.clone().fold(0usize, |sum, item| {
            sum.saturating_add(item.shape.head_words())
        });
        let mut tail = base.saturating_add(head_words.saturating_mul(WORD));
        if tail > self.data.len() {
            return Err(self.too_short(path, tail));
        }
        let mut head = base;
        let mut values = Vec::new();
        for (index, item) in items.enumerate() {
            let here = item.path(path, index);
            if item.shape.is_dynamic() {
                let offset = self.size(head, &here)?;
                if offset != tail - base {
                    let expected = format!("its tail at offset {}", tail - base);
                    return Err(here.refuse(expected, format!("offset {offset}")));
                }
                head += WORD;
                let (value, end) = self.tail(item.shape, tail, &here)?;
                values.push(value);
                tail = end;
            } else {
                values.push(self.fixed(item.shape, &mut head, &here)?);
            }
        }
        Ok((values, tail))
    }

    /// A value without dynamic parts, at `at`, which moves behind it.
    fn fixed(
        &self,
        shape: &Shape,
        at: &mut usize,
        path: &Path<'_>,
    ) -> Result<DynSolValue, SchemaError> {
        match shape {
            Shape::Array(element, length) => (0..*length)
                .map(|index| self.fixed(element, at, &Path::Element(path, index)))
                .collect::<Result<_, _>>()
                .map(DynSolValue::FixedArray),
            Shape::Tuple(members) => members
                .iter()
                .map(|member| self.fixed(&member.shape, at, &Path::Field(path, &member.name)))
                .collect::<Result<_, _>>()
                .map(DynSolValue::Tuple),
            word => {
                let value = decode_word(word, self.word(*at, path)?, path)?;
                *at += WORD;
                Ok(value)
            }
        }
    }

    /// A dynamic value whose tail begins at `at`; gives the first byte after it.
    fn tail(
        &self,
        shape: &Shape,
        at: usize,
        path: &Path<'_>,
    ) -> Result<(DynSolValue, usize), SchemaError> {
        match shape {
            Shape::Bytes => {
                let (bytes, end) = self.packed(at, path)?;
                Ok((DynSolValue::Bytes(bytes.to_vec()), end))
            }
            Shape::String => {
                let (bytes, end) = self.packed(at, path)?;
                let text = str::from_utf8(bytes)
                    .map_err(|error| path.refuse("text in UTF-8", error.to_string()))?;
                Ok((DynSolValue::String(text.to_owned()), end))
            }
            Shape::List(element) => {
                let length = self.size(at, path)?;
                if length > MAX_LIST_LENGTH {
                    return Err(path.refuse(expectation(shape), format!("a list of {length}")));
                }
                let items = (0..length).map(|_| Item {
                    name: None,
                    shape: element,
                });
                let (values, end) = self.sequence(items, at + WORD, path)?;
                Ok((DynSolValue::Array(values), end))
            }
            Shape::Array(element, length) => {
                let items = (0..*length).map(|_| Item {
                    name: None,
                    shape: element,
                });
                let (values, end) = self.sequence(items, at, path)?;
                Ok((DynSolValue::FixedArray(values), end))
            }
            Shape::Tuple(members) => {
                let items = members.iter().map(|member| Item {
                    name: Some(&member.name),
                    shape: &member.shape,
                });
                let (values, end) = self.sequence(items, at, path)?;
                Ok((DynSolValue::Tuple(values), end))
            }
            word => {
                let mut end = at;
                self.fixed(word, &mut end, path).map(|value| (value, end))
            }
        }
    }

    /// Length, bytes, zeros up to the next word.
    fn packed(&self, at: usize, path: &Path<'_>) -> Result<(&[u8], usize), SchemaError> {
        let length = self.size(at, path)?;
        let start = at + WORD;
        let end = start + length;
        let padded = start + length.next_multiple_of(WORD);
        let Some(padding) = self.data.get(end..padded) else {
            return Err(self.too_short(path, padded));
        };
        if padding.iter().any(|byte| *byte != 0) {
            return Err(path.refuse("zeros after the last byte", "other padding"));
        }
        Ok((&self.data[start..end], padded))
    }

    /// A length or an offset. It never exceeds the data, so sums with it cannot overflow.
    fn size(&self, at: usize, path: &Path<'_>) -> Result<usize, SchemaError> {
        let value = U256::from_be_bytes(*self.word(at, path)?);
        usize::try_from(value)
            .ok()
            .filter(|size| *size <= self.data.len())
            .ok_or_else(|| {
                let expected = format!("a length or offset of at most {}", self.data.len());
                path.refuse(expected, value.to_string())
            })
    }

    fn word(&self, at: usize, path: &Path<'_>) -> Result<&[u8; WORD], SchemaError> {
        self.data
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .ok_or_else(|| self.too_short(path, at + WORD))
    }

    fn too_short(&self, path: &Path<'_>, wanted: usize) -> SchemaError {
        path.refuse(
            format!("at least {wanted} bytes"),
            format!("{} bytes", self.data.len()),
        )
    }
}

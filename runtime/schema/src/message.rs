use std::fmt;
use std::str::FromStr;

use alloy_dyn_abi::DynSolValue;
use alloy_primitives::{B256, hex, keccak256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::document::Document;
use crate::path::Path;
use crate::shape::Shape;
use crate::{SchemaError, SignatureError, abi, json, syntax};

/// The longest JSON document that is read as a message: 1 MiB.
pub const MAX_JSON_BYTES: usize = 1 << 20;

/// The most ABI bytes that are read as a call or a log entry: every document within
/// [`MAX_JSON_BYTES`] encodes to less.
const MAX_ABI_BYTES: usize = 64 * MAX_JSON_BYTES;

/// A selector has 4 bytes: the first of keccak-256 of the signature.
const SELECTOR_BYTES: usize = 4;

/// What an indexed field becomes that the log holds only as keccak-256 of its value.
const TOPIC_HASH: Shape = Shape::FixedBytes(32);

/// The shape of one message: a function to call, an event to read, a question or an answer.
///
/// Written and read in Ethereum's human-readable ABI without the leading keyword,
/// `settle(uint32 period, address payer, uint256 amount)`; [`Display`](fmt::Display) gives the
/// canonical form (`uint` becomes `uint256`, one space after each comma).
///
/// # As JSON
///
/// An object with exactly the named fields, each once, in any order:
///
/// | ABI | JSON |
/// |---|---|
/// | `bool` | `true`, `false` |
/// | `uint8` … `uint32`, `int8` … `int32` | number without fraction or exponent |
/// | `uint40` … `uint256`, `int40` … `int256` | string of decimal digits, no `+`, no leading zeros |
/// | `address` | string, `0x` and 40 hex digits: all lower case or a right EIP-55 checksum |
/// | `bytes`, `bytes1` … `bytes32` | string, `0x` and pairs of lower-case hex digits |
/// | `string` | string |
/// | `T[]`, `T[n]` | list |
/// | `(T a, U b)` | object |
///
/// What the host writes has the fields in the order of the ABI, no white space, and addresses
/// with their checksum.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Message {
    name: String,
    fields: Vec<Field>,
}

/// One named part of a [`Message`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// As in the ABI, in camelCase by custom.
    pub name: String,
    /// The ABI type as selectors are computed from it, such as `uint256` or `(uint32,address)[]`.
    pub abi_type: String,
    /// Whether an event carries it as a topic.
    pub indexed: bool,
    pub(crate) shape: Shape,
}

impl Field {
    pub(crate) fn new(name: String, shape: Shape, indexed: bool) -> Self {
        Field {
            name,
            abi_type: shape.canonical(),
            indexed,
            shape,
        }
    }

    /// The shape of its JSON value: an indexed field that is longer than a word is in the log, and
    /// therefore in the JSON, only as the hash of its encoding.
    fn json_shape(&self) -> &Shape {
        if self.indexed && self.shape.is_hashed_in_topics() {
            &TOPIC_HASH
        } else {
            &self.shape
        }
    }
}

impl Message {
    /// Its name, such as `settle`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its fields, in the order of the ABI.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Name and types, what selectors and topics hash: `settle(uint32,address,uint256)`.
    #[must_use]
    pub fn signature(&self) -> String {
        let types: Vec<&str> = self
            .fields
            .iter()
            .map(|field| field.abi_type.as_str())
            .collect();
        format!("{}({})", self.name, types.join(","))
    }

    /// The first 4 bytes of keccak-256 of [`signature`](Self::signature): what a call begins with.
    #[must_use]
    pub fn selector(&self) -> [u8; SELECTOR_BYTES] {
        let [a, b, c, d, ..] = self.topic();
        [a, b, c, d]
    }

    /// keccak-256 of [`signature`](Self::signature): topic 0 of an event's log entries.
    #[must_use]
    pub fn topic(&self) -> [u8; 32] {
        keccak256(self.signature()).0
    }

    /// Whether these bytes are this message, as the table above has it.
    ///
    /// # Errors
    /// [`SchemaError::TooLarge`], [`SchemaError::NotJson`] or, with the path of the first field
    /// that does not fit, [`SchemaError::Field`].
    pub fn check(&self, json: &[u8]) -> Result<(), SchemaError> {
        read(self.members(), json).map(drop)
    }

    /// The call of the function of this name: selector and ABI-encoded parameters.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn encode_call(&self, json: &[u8]) -> Result<Vec<u8>, SchemaError> {
        let values = read(self.parameters(), json)?;
        let mut call = self.selector().to_vec();
        call.extend(DynSolValue::Tuple(values).abi_encode_params());
        Ok(call)
    }

    /// The parameters of a call, as JSON: the inverse of [`encode_call`](Self::encode_call), for
    /// those who read a transaction.
    ///
    /// # Errors
    /// [`SchemaError::OtherCall`] if the selector is another, [`SchemaError::Field`] if the
    /// parameters are not the one encoding that Solidity gives to values of these types,
    /// [`SchemaError::TooLarge`] beyond 64 MiB.
    pub fn decode_call(&self, call: &[u8]) -> Result<Vec<u8>, SchemaError> {
        let Some(parameters) = call.strip_prefix(&self.selector()) else {
            return Err(SchemaError::OtherCall {
                signature: self.signature(),
                expected: hex::encode(self.selector()),
                found: hex::encode(&call[..call.len().min(SELECTOR_BYTES)]),
            });
        };
        limit(parameters, MAX_ABI_BYTES)?;
        let values = abi::decode_members(self.parameters(), parameters, &Path::Message)?;
        write(self.parameters(), &values)
    }

    /// An event's log entry, as JSON.
    ///
    /// An `indexed` string, bytes, list, array or tuple is in the log only as the keccak-256 hash
    /// of its encoding; its JSON is that hash, as if the field were `bytes32`.
    ///
    /// # Errors
    /// [`SchemaError::OtherEvent`] if topic 0 or the number of topics is another,
    /// [`SchemaError::Field`] if topics or data are not the one encoding that Solidity gives to
    /// values of these types, [`SchemaError::TooLarge`] beyond 64 MiB.
    pub fn decode_event(&self, topics: &[[u8; 32]], data: &[u8]) -> Result<Vec<u8>, SchemaError> {
        let other_event = |expected, found| SchemaError::OtherEvent {
            signature: self.signature(),
            expected,
            found,
        };
        let Some((first, indexed)) = topics.split_first() else {
            return Err(other_event("topic 0".into(), "no topics".into()));
        };
        if *first != self.topic() {
            return Err(other_event(
                format!("topic 0 {}", B256::from(self.topic())),
                B256::from(*first).to_string(),
            ));
        }
        let expected = self.fields.iter().filter(|field| field.indexed).count();
        if indexed.len() != expected {
            return Err(other_event(
                format!("{expected} indexed fields"),
                indexed.len().to_string(),
            ));
        }
        limit(data, MAX_ABI_BYTES)?;

        let plain = self.fields.iter().filter(|field| !field.indexed);
        let members = plain.map(|field| (field.name.as_str(), &field.shape));
        let mut from_data = abi::decode_members(members, data, &Path::Message)?.into_iter();
        let mut from_topics = indexed.iter();
        let mut values = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            if field.indexed {
                let word = from_topics
                    .next()
                    .expect("one topic for each indexed field");
                let path = Path::Field(&Path::Message, &field.name);
                values.push(abi::decode_word(field.json_shape(), word, &path)?);
            } else {
                values.push(from_data.next().expect("one value for each other field"));
            }
        }
        self.encode_json(&values)
    }

    /// The message with these values, in the order of the ABI, as the host writes it.
    ///
    /// # Errors
    /// [`SchemaError::Field`] if a value has another type or lies outside its type's range.
    pub fn encode_json(&self, values: &[DynSolValue]) -> Result<Vec<u8>, SchemaError> {
        write(self.members(), values)
    }

    /// What stands in its JSON.
    fn members(&self) -> impl ExactSizeIterator<Item = (&str, &Shape)> + Clone {
        self.fields
            .iter()
            .map(|field| (field.name.as_str(), field.json_shape()))
    }

    /// What stands in a call.
    fn parameters(&self) -> impl ExactSizeIterator<Item = (&str, &Shape)> + Clone {
        self.fields
            .iter()
            .map(|field| (field.name.as_str(), &field.shape))
    }
}

fn read<'a>(
    members: impl ExactSizeIterator<Item = (&'a str, &'a Shape)> + Clone,
    json: &[u8],
) -> Result<Vec<DynSolValue>, SchemaError> {
    limit(json, MAX_JSON_BYTES)?;
    json::read_members(members, &Document::parse(json)?, &Path::Message)
}

fn write<'a>(
    members: impl ExactSizeIterator<Item = (&'a str, &'a Shape)>,
    values: &[DynSolValue],
) -> Result<Vec<u8>, SchemaError> {
    let mut out = String::new();
    json::write_members(members, values, &Path::Message, &mut out)?;
    Ok(out.into_bytes())
}

fn limit(bytes: &[u8], allowed: usize) -> Result<(), SchemaError> {
    if bytes.len() > allowed {
        return Err(SchemaError::TooLarge {
            found: bytes.len(),
            allowed,
        });
    }
    Ok(())
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (position, field) in self.fields.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            let indexed = if field.indexed { "indexed " } else { "" };
            write!(f, "{comma}{} {indexed}{}", field.shape, field.name)?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({self})")
    }
}

impl FromStr for Message {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        syntax::parse(text).map(|(name, fields)| Message { name, fields })
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

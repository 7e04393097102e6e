//! What a message is, and how its fields look in JSON.

use core::fmt;
use core::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Address, Bytes, Bytes32, Error, I256, Result, U256, text};

/// A named bundle of fields: an event, an action, a request, a reply.
///
/// [`message`](macro@crate::message) implements it; nothing else should, because the
/// attribute also gives the fields the JSON form that the host checks.
pub trait Message: Serialize {
    /// The name in the manifest's and the binding's schemas: the type's own, unless
    /// `#[message(name = "…")]` gives another.
    const NAME: &'static str;

    /// The name when the message is an action of the bound contract: [`Message::NAME`]
    /// with its first letter in lower case, as Solidity names functions, unless
    /// `#[message(name = "…")]` gives another.
    const ACTION: &'static str;
}

/// The message that these bytes hold.
///
/// # Errors
///
/// `invalid-message` if a field is missing, unknown, doubled or of another form
/// than its type has in the schema language.
pub fn decode<T: Message + DeserializeOwned>(json: &[u8]) -> Result<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    object(&mut deserializer)
        .and_then(|message| deserializer.end().map(|()| message))
        .map_err(|reason| Error::new("invalid-message", format!("{}: {reason}", T::NAME)))
}

/// The message as JSON bytes, fields in the order of the type.
///
/// # Errors
///
/// `invalid-message` if a type of the author's own refuses to be serialised.
pub fn encode(message: &impl Message) -> Result<Vec<u8>> {
    fn named<T: Message>(_: &T) -> &'static str {
        T::NAME
    }
    serde_json::to_vec(message)
        .map_err(|reason| Error::new("invalid-message", format!("{}: {reason}", named(message))))
}

/// A type that a field of a message may have.
///
/// Its JSON form follows from the type alone: `bool` and integers of up to 32 bits
/// as themselves, wider integers as decimal strings, byte strings as `0x` and hex
/// digits, other messages as objects. Floating-point numbers, `usize` and `isize`
/// have no place in a message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a message",
    note = "the ledger's types are bool, u8 to u128, i8 to i128, U256, I256, String, Address, Bytes32, Bytes, lists of these and other #[message] types"
)]
pub trait Field {
    /// Writes the field in its JSON form.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    fn serialize_field<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

/// A [`Field`] that can be read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a message",
    note = "the ledger's types are bool, u8 to u128, i8 to i128, U256, I256, String, Address, Bytes32, Bytes, lists of these and other #[message] types"
)]
pub trait FieldFrom<'de>: Sized {
    /// Reads the field from its JSON form.
    ///
    /// # Errors
    ///
    /// If the JSON holds anything but this type's form.
    fn deserialize_field<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// Reads a message from an object and from nothing else: serde alone would take a list
/// of the fields' values, too.
#[doc(hidden)]
pub fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(fields))
        }
    }

    deserializer.deserialize_map(Object(PhantomData))
}

/// What `#[serde(with = "…")]` of a message's fields names.
#[doc(hidden)]
pub mod field {
    use super::{Deserializer, Field, FieldFrom, Serializer};

    pub fn serialize<T: Field, S: Serializer>(field: &T, serializer: S) -> Result<S::Ok, S::Error> {
        field.serialize_field(serializer)
    }

    pub fn deserialize<'de, T: FieldFrom<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        T::deserialize_field(deserializer)
    }
}

macro_rules! as_serde_does {
    ($($type:ty),*) => {$(
        impl Field for $type {
            fn serialize_field<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }
        }

        impl<'de> FieldFrom<'de> for $type {
            fn deserialize_field<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::deserialize(deserializer)
            }
        }
    )*};
}

as_serde_does!(
    bool, u8, u16, u32, i8, i16, i32, String, U256, I256, Address, Bytes32, Bytes
);

/// A machine integer in the one spelling that `U256` and `I256` have.
macro_rules! decimal {
    ($($type:ty as $wide:ty, $expected:literal;)*) => {$(
        impl Field for $type {
            fn serialize_field<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> FieldFrom<'de> for $type {
            fn deserialize_field<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let wide: $wide = text::deserialize(deserializer, $expected)?;
                Self::try_from(wide).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

decimal! {
    u64 as U256, "an unsigned integer of up to 64 bits as a decimal string";
    u128 as U256, "an unsigned integer of up to 128 bits as a decimal string";
    i64 as I256, "a signed integer of up to 64 bits as a decimal string";
    i128 as I256, "a signed integer of up to 128 bits as a decimal string";
}

impl Field for &str {
    fn serialize_field<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
}

impl<'de: 'text, 'text> FieldFrom<'de> for &'text str {
    fn deserialize_field<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// Lets serde's own containers hold fields.
struct Element<T>(T);

impl<T: Field> Serialize for Element<&T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_field(serializer)
    }
}

impl<'de, T: FieldFrom<'de>> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize_field(deserializer).map(Self)
    }
}

impl<T: Field> Field for [T] {
    fn serialize_field<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Element))
    }
}

impl<T: Field> Field for Vec<T> {
    fn serialize_field<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize_field(serializer)
    }
}

impl<'de, T: FieldFrom<'de>> FieldFrom<'de> for Vec<T> {
    fn deserialize_field<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let elements = Vec::<Element<T>>::deserialize(deserializer)?;
        Ok(elements.into_iter().map(|element| element.0).collect())
    }
}

impl<T: Field, const N: usize> Field for [T; N] {
    fn serialize_field<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize_field(serializer)
    }
}

impl<'de, T: FieldFrom<'de>, const N: usize> FieldFrom<'de> for [T; N] {
    fn deserialize_field<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let elements = Vec::<T>::deserialize_field(deserializer)?;
        let found = elements.len();
        elements.try_into().map_err(|_| {
            serde::de::Error::custom(format_args!("{found} elements, expected exactly {N}"))
        })
    }
}

impl<T: Field> Field for Option<T> {
    fn serialize_field<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().map(Element).serialize(serializer)
    }
}

impl<'de, T: FieldFrom<'de>> FieldFrom<'de> for Option<T> {
    fn deserialize_field<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<Element<T>>::deserialize(deserializer)?.map(|element| element.0))
    }
}

//! Byte strings of a ledger: [`Address`], [`Bytes32`], [`Bytes`].

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text;

/// A text that is not `0x` and the right number of hex digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not 0x and {expected}")]
pub struct ParseHexError {
    /// What was found.
    pub text: String,
    /// What should follow `0x`.
    pub expected: &'static str,
}

macro_rules! fixed {
    ($(#[$doc:meta])* $name:ident, $size:literal, $digits:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $size]);

        impl $name {
            /// All bytes nought.
            pub const ZERO: Self = Self([0; $size]);

            /// The bytes.
            pub fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                text::write_hex(&self.0, formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                text::write_hex(&self.0, formatter)
            }
        }

        impl FromStr for $name {
            type Err = ParseHexError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text::parse_hex(text)
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(Self)
                    .ok_or_else(|| ParseHexError { text: text.to_owned(), expected: $digits })
            }
        }

        impl From<[u8; $size]> for $name {
            fn from(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                text::deserialize(deserializer, concat!("0x and ", $digits))
            }
        }
    };
}

fixed! {
    /// An account or contract of an EVM ledger, Solidity's `address`.
    ///
    /// Written as `0x` and 40 lower-case hex digits; digits of either case are
    /// read. The EIP-55 checksum in their case is not looked at here: the host
    /// has checked it before a message reaches a cryptlet.
    Address, 20, "40 hex digits"
}

fixed! {
    /// 32 bytes, Solidity's `bytes32`: a hash, an identifier.
    Bytes32, 32, "64 hex digits"
}

/// Bytes of any length, Solidity's `bytes`; in a message `0x` and hex digits.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_hex(&self.0, formatter)
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_hex(&self.0, formatter)
    }
}

impl FromStr for Bytes {
    type Err = ParseHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text::parse_hex(text)
            .map(Self)
            .ok_or_else(|| ParseHexError {
                text: text.to_owned(),
                expected: "pairs of hex digits",
            })
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize(deserializer, "0x and pairs of hex digits")
    }
}

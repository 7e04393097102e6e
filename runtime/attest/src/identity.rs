//! Names that are hashes. Each is 32 bytes; none can stand in for another.

use crate::digest;
use crate::encoding::{EncodingError, Reader, Wire, Writer};
use thiserror::Error;

/// Text that is not the written form of a 32-byte name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{found}` is not a {what}: expected {expected}")]
pub struct IdentityError {
    what: &'static str,
    expected: &'static str,
    found: String,
}

macro_rules! identity {
    ($(#[$documentation:meta])* $type:ident, $what:literal, $prefix:literal, $expected:literal) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type([u8; 32]);

        impl $type {
            /// Takes 32 bytes for what the caller says they are.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl From<[u8; 32]> for $type {
            fn from(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
        }

        impl From<$type> for [u8; 32] {
            fn from(value: $type) -> Self {
                value.0
            }
        }

        impl AsRef<[u8]> for $type {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str($prefix)?;
                formatter.write_str(&hex::encode(self.0))
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "{}({self})", stringify!($type))
            }
        }

        impl std::str::FromStr for $type {
            type Err = IdentityError;

            fn from_str(text: &str) -> Result<Self, IdentityError> {
                text.strip_prefix($prefix)
                    .and_then(parse_hex)
                    .map(Self)
                    .ok_or_else(|| IdentityError {
                        what: $what,
                        expected: $expected,
                        found: abbreviate(text),
                    })
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Wire for $type {
            fn write(&self, writer: &mut Writer) {
                self.0.write(writer);
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
                <[u8; 32]>::read(reader).map(Self)
            }
        }
    };
}

identity! {
    /// What a module is: the BLAKE3-256 hash of its component's exact bytes, as
    /// `b3sum` prints it. The one hash here without a domain, so that anybody can
    /// compute it with a tool that knows nothing of us.
    Measurement, "measurement", "", "64 hexadecimal digits, as `b3sum` prints them"
}

identity! {
    /// A domain-separated BLAKE3 hash; see [`digest`](crate::digest()).
    Digest, "digest", "", "64 hexadecimal digits"
}

identity! {
    /// The hash of one log entry: RFC 6962 section 2.1, SHA-256 of a zero byte and
    /// the entry. On a chain it is the receipt hash.
    LeafHash, "leaf hash", "", "64 hexadecimal digits"
}

identity! {
    /// Which binding: keccak-256 of its counterparties and a salt, as the
    /// CryptoDelegate computes it.
    BindingId, "binding id", "0x", "0x and 64 hexadecimal digits"
}

identity! {
    /// Which version of a binding: the hash of its parts.
    BindingVersion, "binding version", "0x", "0x and 64 hexadecimal digits"
}

impl Measurement {
    /// Measures a component.
    ///
    /// ```
    /// let measurement = cryptlet_attest::Measurement::of(b"");
    /// assert_eq!(
    ///     measurement.to_string(),
    ///     "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    /// );
    /// ```
    pub fn of(component: &[u8]) -> Self {
        Self(*blake3::hash(component).as_bytes())
    }
}

impl BindingVersion {
    /// The version of a binding whose document is these bytes.
    pub fn of(document: &[u8]) -> Self {
        Self(digest("binding version", &[document]).into())
    }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// Errors quote what was given, but not a megabyte of it.
fn abbreviate(text: &str) -> String {
    const SHOWN: usize = 80;
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_missing_prefix_and_quotes_what_it_was_given() {
        let error = "00".repeat(32).parse::<BindingId>().unwrap_err();
        assert!(error.to_string().contains("0x and 64"), "{error}");
        let error = "x".repeat(10_000).parse::<Measurement>().unwrap_err();
        assert!(error.to_string().len() < 250, "{error}");
    }

    #[test]
    fn every_name_comes_back_from_its_text() {
        let bytes = std::array::from_fn(|index| index as u8);
        let binding = BindingId::from_bytes(bytes);
        assert_eq!(binding.to_string().parse(), Ok(binding));
        let digest = Digest::from_bytes(bytes);
        assert_eq!(digest.to_string().to_uppercase().parse(), Ok(digest));
        let leaf = LeafHash::from_bytes(bytes);
        let json = serde_json::to_string(&leaf).unwrap();
        assert_eq!(serde_json::from_str::<LeafHash>(&json).unwrap(), leaf);
    }
}

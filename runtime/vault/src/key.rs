//! What is public about a key.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::EthereumAddress;

/// The name of a key, also the stem of its file's name.
///
/// Lower-case letters, digits and single hyphens, starting with a letter and
/// at most [`KeyName::MAX_LENGTH`] long, so that it is safe as a file name on
/// every system and as a label in a binding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyName(String);

impl KeyName {
    /// The longest name, in characters.
    pub const MAX_LENGTH: usize = 64;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that cannot name a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` cannot name a key; use lower-case letters, digits and single hyphens, starting with a letter, at most {max} characters",
    max = KeyName::MAX_LENGTH
)]
pub struct KeyNameError {
    /// What was given, shortened and made printable.
    pub name: String,
}

impl KeyNameError {
    fn new(text: &str) -> Self {
        Self {
            name: text
                .chars()
                .take(KeyName::MAX_LENGTH)
                .flat_map(char::escape_debug)
                .collect(),
        }
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let valid = text.len() <= Self::MAX_LENGTH
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(allowed)
            && !text.ends_with('-')
            && !text.contains("--");
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyNameError::new(text))
        }
    }
}

impl TryFrom<String> for KeyName {
    type Error = KeyNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<KeyName> for String {
    fn from(name: KeyName) -> Self {
        name.0
    }
}

impl Borrow<str> for KeyName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Ed25519, as in RFC 8032.
    Ed25519,
    /// ECDSA over secp256k1 with the deterministic nonces of RFC 6979, what
    /// Ethereum accounts sign with.
    Secp256k1,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 2] = [Self::Ed25519, Self::Secp256k1];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Secp256k1 => "secp256k1",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no [`Algorithm`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no key algorithm; choose ed25519 or secp256k1")]
pub struct UnknownAlgorithm(
    /// What was given.
    pub String,
);

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
            .ok_or_else(|| UnknownAlgorithm(text.to_owned()))
    }
}

/// What a key is for. A key signs for its own purpose and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Vouches for receipts by signing log checkpoints. Ed25519.
    Attestation,
    /// Signs results that a CryptoDelegate contract accepts. secp256k1.
    Delivery,
    /// Signs the transactions of an account that pays for deliveries. secp256k1.
    Account,
    /// Signs messages of a guest, under a fixed prefix. Either algorithm.
    Guest,
    /// Signs bindings as one of their counterparties. secp256k1.
    Counterparty,
    /// Cosigns checkpoints of others' logs. Ed25519.
    Witness,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 6] = [
        Self::Attestation,
        Self::Delivery,
        Self::Account,
        Self::Guest,
        Self::Counterparty,
        Self::Witness,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Attestation => "attestation",
            Self::Delivery => "delivery",
            Self::Account => "account",
            Self::Guest => "guest",
            Self::Counterparty => "counterparty",
            Self::Witness => "witness",
        }
    }

    /// Whether keys with this purpose may use `algorithm`.
    pub const fn accepts(self, algorithm: Algorithm) -> bool {
        match self {
            Self::Attestation | Self::Witness => matches!(algorithm, Algorithm::Ed25519),
            Self::Delivery | Self::Account | Self::Counterparty => {
                matches!(algorithm, Algorithm::Secp256k1)
            }
            Self::Guest => true,
        }
    }

    /// The algorithm to use when nobody chose one: the only one the purpose
    /// accepts, and for guests the one that contracts can verify.
    pub const fn default_algorithm(self) -> Algorithm {
        match self {
            Self::Attestation | Self::Witness => Algorithm::Ed25519,
            Self::Delivery | Self::Account | Self::Guest | Self::Counterparty => {
                Algorithm::Secp256k1
            }
        }
    }

    /// Whether keys with this purpose sign bare digests.
    pub const fn signs_digests(self) -> bool {
        matches!(self, Self::Delivery | Self::Account | Self::Counterparty)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no [`Purpose`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no purpose of a key; choose attestation, delivery, account, guest, counterparty or witness"
)]
pub struct UnknownPurpose(
    /// What was given.
    pub String,
);

impl FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
            .ok_or_else(|| UnknownPurpose(text.to_owned()))
    }
}

/// Everything about a key that anybody may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key's name, unique in its vault.
    pub name: KeyName,
    /// How it signs.
    pub algorithm: Algorithm,
    /// What it signs.
    pub purpose: Purpose,
    /// The public key: 32 bytes for Ed25519 (RFC 8032), 33 bytes for secp256k1
    /// (compressed, SEC 1 section 2.3.3).
    pub public: Vec<u8>,
    /// The account that belongs to the key; secp256k1 keys only.
    pub address: Option<EthereumAddress>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_labels_as_names() {
        let longest = "a".repeat(KeyName::MAX_LENGTH);
        for text in ["a", "acme-delivery", "key2", "a-1", longest.as_str()] {
            assert_eq!(text.parse::<KeyName>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_names_that_could_leave_the_folder_or_confuse_a_reader() {
        let too_long = "a".repeat(KeyName::MAX_LENGTH + 1);
        for text in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            "a.json",
            ".hidden",
            "-a",
            "a-",
            "a--b",
            "2a",
            "Acme",
            "a b",
            "a\0",
            "a\n",
            "ä",
            too_long.as_str(),
        ] {
            assert!(text.parse::<KeyName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn purposes_and_algorithms_read_back_what_they_show() {
        for purpose in Purpose::ALL {
            assert_eq!(purpose.to_string().parse(), Ok(purpose));
            assert!(purpose.accepts(purpose.default_algorithm()));
        }
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        }
        assert!("Delivery".parse::<Purpose>().is_err());
    }
}

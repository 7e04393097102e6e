use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A blockchain's name by [CAIP-2]: `namespace:reference`, for example `eip155:1`.
///
/// [CAIP-2]: https://chainagnostic.org/CAIPs/caip-2
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Caip2 {
    namespace: String,
    reference: String,
}

impl Caip2 {
    /// The kind of chain, for example `eip155`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The chain among those of its kind, for example `1`.
    pub fn reference(&self) -> &str {
        &self.reference
    }
}

impl fmt::Display for Caip2 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.namespace, self.reference)
    }
}

impl FromStr for Caip2 {
    type Err = ChainIdError;

    fn from_str(text: &str) -> Result<Self, ChainIdError> {
        let malformed = || ChainIdError::Malformed {
            text: text.to_owned(),
        };
        let (namespace, reference) = text.split_once(':').ok_or_else(malformed)?;
        let namespace_fits = (3..=8).contains(&namespace.len())
            && namespace
                .bytes()
                .all(|byte| matches!(byte, b'-' | b'a'..=b'z' | b'0'..=b'9'));
        let reference_fits = (1..=32).contains(&reference.len())
            && reference
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !namespace_fits || !reference_fits {
            return Err(malformed());
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            reference: reference.to_owned(),
        })
    }
}

impl TryFrom<String> for Caip2 {
    type Error = ChainIdError;

    fn try_from(text: String) -> Result<Self, ChainIdError> {
        text.parse()
    }
}

impl From<Caip2> for String {
    fn from(chain: Caip2) -> Self {
        chain.to_string()
    }
}

/// The number of an Ethereum-like chain (EIP-155); written `eip155:1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChainId(pub u64);

impl ChainId {
    const NAMESPACE: &'static str = "eip155";
}

impl fmt::Display for ChainId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", Self::NAMESPACE, self.0)
    }
}

impl FromStr for ChainId {
    type Err = ChainIdError;

    fn from_str(text: &str) -> Result<Self, ChainIdError> {
        Self::try_from(text.parse::<Caip2>()?)
    }
}

impl From<ChainId> for Caip2 {
    fn from(chain: ChainId) -> Self {
        Self {
            namespace: ChainId::NAMESPACE.to_owned(),
            reference: chain.0.to_string(),
        }
    }
}

impl TryFrom<Caip2> for ChainId {
    type Error = ChainIdError;

    fn try_from(chain: Caip2) -> Result<Self, ChainIdError> {
        let number = chain.reference.parse::<u64>().ok();
        match number {
            // One chain has one name: `eip155:01` and `eip155:+1` are not names of `eip155:1`.
            Some(number)
                if chain.namespace == Self::NAMESPACE && number.to_string() == chain.reference =>
            {
                Ok(Self(number))
            }
            _ => Err(ChainIdError::NotEvm { chain }),
        }
    }
}

impl TryFrom<String> for ChainId {
    type Error = ChainIdError;

    fn try_from(text: String) -> Result<Self, ChainIdError> {
        text.parse()
    }
}

impl From<ChainId> for String {
    fn from(chain: ChainId) -> Self {
        chain.to_string()
    }
}

/// Why a text does not name a chain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChainIdError {
    /// Not of the form CAIP-2 asks for.
    #[error("{text:?} is not a CAIP-2 chain id; write it like eip155:1")]
    Malformed {
        /// What was given.
        text: String,
    },
    /// Well-formed, but not an Ethereum-like chain.
    #[error(
        "{chain} is not an Ethereum-like chain; those are written like eip155:1, without leading zeros"
    )]
    NotEvm {
        /// What was given.
        chain: Caip2,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_names_of_the_specification() {
        for name in [
            "eip155:1",
            "bip122:000000000019d6689c085ae165831e93",
            "cosmos:cosmoshub-3",
            "starknet:SN_GOERLI",
            "chainstd:8c3444cf8970a9e41a706fab93e7a6c4",
        ] {
            assert_eq!(
                name.parse::<Caip2>().map(|chain| chain.to_string()),
                Ok(name.to_owned())
            );
        }
    }

    #[test]
    fn refuses_what_the_specification_excludes() {
        for name in [
            "",
            ":",
            "eip155",
            "eip155:",
            "ei:1",
            "namespaces:1",
            "EIP155:1",
            "eip155:1:2",
            "eip155:a b",
        ] {
            assert!(
                matches!(name.parse::<Caip2>(), Err(ChainIdError::Malformed { .. })),
                "{name}"
            );
        }
        assert!(
            format!("eip155:{}", "1".repeat(33))
                .parse::<Caip2>()
                .is_err()
        );
    }

    #[test]
    fn a_chain_has_exactly_one_name() {
        for name in [
            "eip155:01",
            "eip155:-1",
            "eip155:0x1",
            "eip155:18446744073709551616",
            "bip122:1",
        ] {
            assert!(
                matches!(name.parse::<ChainId>(), Err(ChainIdError::NotEvm { .. })),
                "{name}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_number_survives_its_name(number: u64) {
            let chain = ChainId(number);
            prop_assert_eq!(chain.to_string().parse::<ChainId>(), Ok(chain));
        }

        #[test]
        fn every_well_formed_name_survives(name in "[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}") {
            let chain: Caip2 = name.parse().expect("made by the specification's pattern");
            prop_assert_eq!(chain.to_string(), name);
        }

        #[test]
        fn no_text_panics_and_what_is_read_is_what_was_written(text in ".{0,48}") {
            if let Ok(chain) = text.parse::<Caip2>() {
                prop_assert_eq!(chain.to_string(), text);
            }
        }
    }
}

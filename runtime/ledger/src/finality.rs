use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// When a block counts as final: from then on nothing is expected to take it back.
///
/// Written `instant`, `depth:12`, `safe` or `finalized`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Finality {
    /// Every block is final at once, as on chains of one authority or with BFT consensus.
    Instant,
    /// Final when this many blocks stand on top.
    Depth(u64),
    /// Final when the chain itself says so.
    Tag(FinalityTag),
}

/// The consensus' own statements about blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FinalityTag {
    /// Unlikely to be taken back under honest-majority assumptions.
    Safe,
    /// Cannot be taken back without a third of the stake being destroyed.
    Finalized,
}

impl fmt::Display for Finality {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant => formatter.write_str("instant"),
            Self::Depth(blocks) => write!(formatter, "depth:{blocks}"),
            Self::Tag(tag) => tag.fmt(formatter),
        }
    }
}

impl fmt::Display for FinalityTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Safe => "safe",
            Self::Finalized => "finalized",
        })
    }
}

impl FromStr for Finality {
    type Err = FinalityError;

    fn from_str(text: &str) -> Result<Self, FinalityError> {
        match text {
            "instant" => Ok(Self::Instant),
            "safe" => Ok(Self::Tag(FinalityTag::Safe)),
            "finalized" => Ok(Self::Tag(FinalityTag::Finalized)),
            _ => text
                .strip_prefix("depth:")
                .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .map(Self::Depth)
                .ok_or_else(|| FinalityError {
                    text: text.to_owned(),
                }),
        }
    }
}

impl TryFrom<String> for Finality {
    type Error = FinalityError;

    fn try_from(text: String) -> Result<Self, FinalityError> {
        text.parse()
    }
}

impl From<Finality> for String {
    fn from(finality: Finality) -> Self {
        finality.to_string()
    }
}

/// The text names no finality.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not a finality; write instant, depth:<blocks>, safe or finalized")]
pub struct FinalityError {
    /// What was given.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_it_is_written() {
        for finality in [
            Finality::Instant,
            Finality::Depth(0),
            Finality::Depth(u64::MAX),
            Finality::Tag(FinalityTag::Safe),
            Finality::Tag(FinalityTag::Finalized),
        ] {
            assert_eq!(finality.to_string().parse(), Ok(finality));
        }
        for text in [
            "", "latest", "depth", "depth:", "depth:-1", "depth:+1", "Depth:1",
        ] {
            assert!(text.parse::<Finality>().is_err(), "{text}");
        }
    }
}

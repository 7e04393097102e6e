//! [`I256`]: the ledger's signed integer.

use core::cmp::Ordering;
use core::fmt;
use core::ops::{Add, Div, Mul, Neg, Sub};
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text;
use crate::{OutOfRange, ParseNumberError, U256};

/// A signed integer of 256 bits, Solidity's `int256`.
///
/// In a message it is a decimal string, with a leading `-` if negative. Like
/// [`U256`] it never wraps.
///
/// ```
/// use cryptlet_sdk::{I256, U256};
///
/// let change = I256::from(-5) * I256::from(3);
/// assert_eq!(change.to_string(), "-15");
/// assert_eq!(change.unsigned_abs(), U256::from(15u8));
/// assert_eq!(I256::MIN.checked_neg(), None);
/// ```
// Sign and magnitude; nought is never negative, so that derived equality holds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct I256 {
    negative: bool,
    magnitude: U256,
}

impl I256 {
    /// Nought.
    pub const ZERO: Self = Self {
        negative: false,
        magnitude: U256::ZERO,
    };
    /// -2^255.
    pub const MIN: Self = Self {
        negative: true,
        magnitude: U256::HIGH_BIT,
    };
    /// 2^255 - 1.
    pub const MAX: Self = Self {
        negative: false,
        magnitude: U256::BELOW_HIGH_BIT,
    };

    /// The number of this sign and size, or `None` if it does not fit.
    pub fn from_parts(negative: bool, magnitude: U256) -> Option<Self> {
        let most = if negative {
            U256::HIGH_BIT
        } else {
            U256::BELOW_HIGH_BIT
        };
        let negative = negative && !magnitude.is_zero();
        (magnitude <= most).then_some(Self {
            negative,
            magnitude,
        })
    }

    /// Whether this is below nought.
    pub fn is_negative(self) -> bool {
        self.negative
    }

    /// Whether this is nought.
    pub fn is_zero(self) -> bool {
        self.magnitude.is_zero()
    }

    /// The size without the sign; of [`I256::MIN`] too.
    pub fn unsigned_abs(self) -> U256 {
        self.magnitude
    }

    /// The sum, or `None` if it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.negative == other.negative {
            return Self::from_parts(self.negative, self.magnitude.checked_add(other.magnitude)?);
        }
        let larger = if self.magnitude >= other.magnitude {
            self
        } else {
            other
        };
        Self::from_parts(larger.negative, self.magnitude.abs_diff(other.magnitude))
    }

    /// The difference, or `None` if it does not fit.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        // Negating `other` first would lose `-1 - MIN`, which fits.
        let opposite = Self {
            negative: !other.negative && !other.is_zero(),
            ..other
        };
        self.checked_add(opposite)
    }

    /// The product, or `None` if it does not fit.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let magnitude = self.magnitude.checked_mul(other.magnitude)?;
        Self::from_parts(self.negative != other.negative, magnitude)
    }

    /// The quotient, truncated toward zero, or `None` if `divisor` is nought or the
    /// result does not fit.
    pub fn checked_div(self, divisor: Self) -> Option<Self> {
        let magnitude = self.magnitude.checked_div(divisor.magnitude)?;
        Self::from_parts(self.negative != divisor.negative, magnitude)
    }

    /// The number with the other sign, or `None` of [`I256::MIN`].
    pub fn checked_neg(self) -> Option<Self> {
        Self::from_parts(!self.negative, self.magnitude)
    }

    /// Two's complement in 32 bytes, most significant first, as the ABI writes it.
    pub fn to_be_bytes(self) -> [u8; 32] {
        if self.negative {
            (U256::MAX - self.magnitude + U256::ONE).to_be_bytes()
        } else {
            self.magnitude.to_be_bytes()
        }
    }

    /// The number that these 32 bytes spell in two's complement, most significant first.
    pub fn from_be_bytes(bytes: [u8; 32]) -> Self {
        let raw = U256::from_be_bytes(bytes);
        if raw >= U256::HIGH_BIT {
            Self {
                negative: true,
                magnitude: U256::MAX - raw + U256::ONE,
            }
        } else {
            Self {
                negative: false,
                magnitude: raw,
            }
        }
    }
}

impl PartialOrd for I256 {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for I256 {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.magnitude.cmp(&other.magnitude),
            (true, true) => other.magnitude.cmp(&self.magnitude),
            (negative, _) => other_sign(negative),
        }
    }
}

fn other_sign(left_is_negative: bool) -> Ordering {
    if left_is_negative {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

impl fmt::Display for I256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad_integral(!self.negative, "", &self.magnitude.to_string())
    }
}

impl fmt::Debug for I256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for I256 {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let not_decimal = || ParseNumberError::NotDecimal {
            text: text.to_owned(),
        };
        let too_large = || ParseNumberError::TooLarge {
            text: text.to_owned(),
            bits: 256,
        };
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let magnitude: U256 = digits.parse().map_err(|reason| match reason {
            ParseNumberError::NotDecimal { .. } => not_decimal(),
            ParseNumberError::TooLarge { .. } => too_large(),
        })?;
        if negative && magnitude.is_zero() {
            return Err(not_decimal());
        }
        Self::from_parts(negative, magnitude).ok_or_else(too_large)
    }
}

impl Serialize for I256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for I256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize(
            deserializer,
            "a signed integer of up to 256 bits as a decimal string",
        )
    }
}

impl TryFrom<U256> for I256 {
    type Error = OutOfRange;

    fn try_from(number: U256) -> Result<Self, OutOfRange> {
        Self::from_parts(false, number).ok_or_else(|| OutOfRange {
            value: number.to_string(),
            into: "I256",
        })
    }
}

impl TryFrom<I256> for U256 {
    type Error = OutOfRange;

    fn try_from(number: I256) -> Result<Self, OutOfRange> {
        if number.negative {
            return Err(OutOfRange {
                value: number.to_string(),
                into: "U256",
            });
        }
        Ok(number.magnitude)
    }
}

macro_rules! converts {
    ($($narrow:ty),*) => {$(
        impl From<$narrow> for I256 {
            fn from(number: $narrow) -> Self {
                let magnitude = U256::from(number.unsigned_abs());
                Self { negative: number < 0, magnitude }
            }
        }

        impl TryFrom<I256> for $narrow {
            type Error = OutOfRange;

            fn try_from(number: I256) -> Result<Self, OutOfRange> {
                // Through the bytes, because the least number has no positive twin.
                let bytes = number.to_be_bytes();
                let (rest, low) = bytes.split_at(32 - size_of::<$narrow>());
                let narrow = <$narrow>::from_be_bytes(low.try_into().expect("split at its size"));
                let filler = if narrow < 0 { 0xff } else { 0 };
                if rest.iter().all(|byte| *byte == filler) {
                    Ok(narrow)
                } else {
                    Err(OutOfRange { value: number.to_string(), into: stringify!($narrow) })
                }
            }
        }
    )*};
}

converts!(i8, i16, i32, i64, i128);

macro_rules! operators {
    ($($trait:ident $method:ident $checked:ident $sign:literal;)*) => {$(
        impl $trait for I256 {
            type Output = Self;

            /// # Panics
            ///
            /// Panics rather than wrap; the checked method of the same name answers `None`.
            #[track_caller]
            fn $method(self, other: Self) -> Self {
                match self.$checked(other) {
                    Some(result) => result,
                    None => panic!(concat!("{} ", $sign, " {} has no signed result of 256 bits"), self, other),
                }
            }
        }
    )*};
}

operators! {
    Add add checked_add "+";
    Sub sub checked_sub "-";
    Mul mul checked_mul "*";
    Div div checked_div "/";
}

impl Neg for I256 {
    type Output = Self;

    /// # Panics
    ///
    /// Panics on [`I256::MIN`], whose opposite does not fit.
    #[track_caller]
    fn neg(self) -> Self {
        self.checked_neg()
            .expect("the least signed integer has no opposite")
    }
}

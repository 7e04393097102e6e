//! [`U256`]: the ledger's unsigned integer.

use core::fmt;
use core::ops::{Add, Div, Mul, Rem, Sub};
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text;

type Inner = ruint::Uint<256, 4>;
type Wide = ruint::Uint<512, 8>;

/// An unsigned integer of 256 bits, Solidity's `uint256`.
///
/// In a message it is a decimal string without sign or leading zeros. Arithmetic
/// never wraps: the `checked_` methods answer `None`, the operators panic, and a
/// panic fails the run before anything has left.
///
/// ```
/// use cryptlet_sdk::U256;
///
/// let notional = U256::from(1_000_000u32);
/// assert_eq!(notional * U256::from(3u8), "3000000".parse()?);
/// assert_eq!(U256::MAX.checked_add(U256::ONE), None);
/// # Ok::<(), cryptlet_sdk::ParseNumberError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct U256(Inner);

/// A text that is no number, or one that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseNumberError {
    /// Anything but decimal digits (and one leading `-` where a sign is allowed),
    /// leading zeros included: each number has one spelling.
    #[error("`{text}` is not a plain decimal integer")]
    NotDecimal {
        /// What was found.
        text: String,
    },
    /// More than the type can hold.
    #[error("`{text}` does not fit into {bits} bits")]
    TooLarge {
        /// What was found.
        text: String,
        /// The width of the type.
        bits: u32,
    },
}

/// A number that does not fit into the narrower type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value} does not fit into {into}")]
pub struct OutOfRange {
    /// The number, in decimal.
    pub value: String,
    /// The type that is too narrow.
    pub into: &'static str,
}

impl U256 {
    /// Nought.
    pub const ZERO: Self = Self(Inner::ZERO);
    /// One.
    pub const ONE: Self = Self(Inner::ONE);
    /// 2^256 - 1.
    pub const MAX: Self = Self(Inner::MAX);

    pub(crate) const HIGH_BIT: Self = Self(Inner::from_limbs([0, 0, 0, 1 << 63]));
    pub(crate) const BELOW_HIGH_BIT: Self = Self(Inner::from_limbs([
        u64::MAX,
        u64::MAX,
        u64::MAX,
        u64::MAX >> 1,
    ]));

    /// Whether this is nought.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The sum, or `None` if it is more than [`U256::MAX`].
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` if it would be negative.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The product, or `None` if it is more than [`U256::MAX`].
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        self.0.checked_mul(other.0).map(Self)
    }

    /// The quotient, truncated toward zero, or `None` if `divisor` is nought.
    pub fn checked_div(self, divisor: Self) -> Option<Self> {
        self.0.checked_div(divisor.0).map(Self)
    }

    /// The remainder of the truncated division, or `None` if `divisor` is nought.
    pub fn checked_rem(self, divisor: Self) -> Option<Self> {
        self.0.checked_rem(divisor.0).map(Self)
    }

    /// The power, or `None` if it is more than [`U256::MAX`].
    pub fn checked_pow(self, exponent: u32) -> Option<Self> {
        self.0.checked_pow(Inner::from(exponent)).map(Self)
    }

    /// The distance between two numbers, whichever is larger.
    pub fn abs_diff(self, other: Self) -> Self {
        Self(self.0.abs_diff(other.0))
    }

    /// `self * factor / divisor`, truncated toward zero, with the product held in
    /// 512 bits so that only the result has to fit.
    ///
    /// `None` if `divisor` is nought or the result is more than [`U256::MAX`].
    ///
    /// ```
    /// use cryptlet_sdk::U256;
    ///
    /// assert_eq!(U256::MAX.mul_div(U256::from(6u8), U256::from(6u8)), Some(U256::MAX));
    /// assert_eq!(U256::MAX.mul_div(U256::from(6u8), U256::from(5u8)), None);
    /// ```
    pub fn mul_div(self, factor: Self, divisor: Self) -> Option<Self> {
        let product: Wide = self.0.widening_mul(factor.0);
        let quotient = product.checked_div(Wide::from(divisor.0))?;
        Inner::checked_from_limbs_slice(quotient.as_limbs()).map(Self)
    }

    /// The number as 32 bytes, most significant first, as the ABI writes it.
    pub fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_be_bytes()
    }

    /// The number that these 32 bytes spell, most significant first.
    pub fn from_be_bytes(bytes: [u8; 32]) -> Self {
        Self(Inner::from_be_bytes(bytes))
    }
}

impl fmt::Display for U256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for U256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for U256 {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes();
        let spelled_once = matches!(digits, [b'0'] | [b'1'..=b'9', ..]);
        if !spelled_once || !digits.iter().all(u8::is_ascii_digit) {
            return Err(ParseNumberError::NotDecimal {
                text: text.to_owned(),
            });
        }
        let ten = Inner::from(10u8);
        digits
            .iter()
            .try_fold(Inner::ZERO, |number, digit| {
                number
                    .checked_mul(ten)?
                    .checked_add(Inner::from(digit - b'0'))
            })
            .map(Self)
            .ok_or_else(|| ParseNumberError::TooLarge {
                text: text.to_owned(),
                bits: 256,
            })
    }
}

impl Serialize for U256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for U256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize(
            deserializer,
            "an unsigned integer of up to 256 bits as a decimal string",
        )
    }
}

macro_rules! converts {
    ($($narrow:ty),*) => {$(
        impl From<$narrow> for U256 {
            fn from(number: $narrow) -> Self {
                Self(Inner::from(number))
            }
        }

        impl TryFrom<U256> for $narrow {
            type Error = OutOfRange;

            fn try_from(number: U256) -> Result<Self, OutOfRange> {
                <$narrow>::try_from(number.0).map_err(|_| OutOfRange {
                    value: number.to_string(),
                    into: stringify!($narrow),
                })
            }
        }
    )*};
}

converts!(u8, u16, u32, u64, u128);

macro_rules! operators {
    ($($trait:ident $method:ident $checked:ident $failure:literal;)*) => {$(
        impl $trait for U256 {
            type Output = Self;

            /// # Panics
            ///
            /// Panics rather than wrap; the checked method of the same name answers `None`.
            #[track_caller]
            fn $method(self, other: Self) -> Self {
                match self.$checked(other) {
                    Some(result) => result,
                    None => panic!($failure, self, other),
                }
            }
        }
    )*};
}

operators! {
    Add add checked_add "{} + {} does not fit into 256 bits";
    Sub sub checked_sub "{} - {} is negative";
    Mul mul checked_mul "{} * {} does not fit into 256 bits";
    Div div checked_div "{} / {} divides by nought";
    Rem rem checked_rem "{} % {} divides by nought";
}

impl core::iter::Sum for U256 {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::ZERO, Add::add)
    }
}

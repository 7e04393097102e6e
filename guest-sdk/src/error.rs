//! How a cryptlet says that it cannot answer.

use core::fmt;
use std::borrow::Cow;

/// What a handler answers, and most of the SDK.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why a run failed: a code for machines and a message for people.
///
/// A run that ends with an error is recorded and leaves a receipt with the code;
/// nothing that it staged leaves. `?` turns the SDK's own errors into this one; for
/// an error type of your own, implement `From<YourError> for Error`.
///
/// ```
/// use cryptlet_sdk::prelude::*;
///
/// fn ratio(part: U256, whole: U256) -> Result<U256> {
///     part.checked_div(whole)
///         .ok_or_else(|| Error::new("empty-pool", "the pool holds nothing"))
/// }
/// assert_eq!(ratio(U256::ONE, U256::ZERO).unwrap_err().code(), "empty-pool");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: Cow<'static, str>,
    message: String,
}

impl Error {
    /// An error with a kebab-case code that stays the same from version to version,
    /// and a sentence that names the thing, the reason and the way out. Both are
    /// part of the record: put no secret into them.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }

    /// The code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}

/// Gives an error type a fixed code.
macro_rules! coded {
    ($($error:ty => $code:literal;)*) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::new($code, error.to_string())
            }
        }
    )*};
}

coded! {
    serde_json::Error => "invalid-json";
    core::str::Utf8Error => "invalid-text";
    std::string::FromUtf8Error => "invalid-text";
    core::num::ParseIntError => "invalid-number";
    core::num::TryFromIntError => "out-of-range";
    crate::ParseNumberError => "invalid-number";
    crate::ParseHexError => "invalid-hex";
    crate::OutOfRange => "out-of-range";
}

/// Ends the handler with an [`Error`]: a code, then what `format!` takes.
///
/// ```
/// # use cryptlet_sdk::prelude::*;
/// fn positive(rate: i32) -> Result<i32> {
///     if rate <= 0 {
///         fail!("rate-not-positive", "rate {rate} is not above nought");
///     }
///     Ok(rate)
/// }
/// assert_eq!(positive(-1).unwrap_err().code(), "rate-not-positive");
/// ```
#[macro_export]
macro_rules! fail {
    ($code:literal, $($message:tt)+) => {
        return ::core::result::Result::Err(::core::convert::From::from(
            $crate::Error::new($code, ::std::format!($($message)+)),
        ))
    };
}

/// Ends the handler with an [`Error`] unless a condition holds: the condition, then
/// what [`fail!`](crate::fail) takes.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $code:literal, $($message:tt)+) => {
        if !$condition {
            $crate::fail!($code, $($message)+);
        }
    };
}

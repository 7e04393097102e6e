use core::fmt;
use core::str::FromStr;

use cryptlet_sdk::Error;

/// A quarter of a calendar year, written `2006-Q1`; ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarter {
    year: u16,
    number: u8,
}

/// A text that is no quarter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quarter; write a year of four digits and Q1 to Q4, for example 2006-Q1")]
pub struct QuarterError(String);

impl FromStr for Quarter {
    type Err = QuarterError;

    fn from_str(text: &str) -> Result<Self, QuarterError> {
        match text.as_bytes() {
            [year @ .., b'-', b'Q', number @ b'1'..=b'4']
                if year.len() == 4 && year.iter().all(u8::is_ascii_digit) =>
            {
                let year = year
                    .iter()
                    .fold(0, |year, digit| year * 10 + u16::from(digit - b'0'));
                Ok(Self {
                    year,
                    number: number - b'0',
                })
            }
            _ => Err(QuarterError(text.to_owned())),
        }
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-Q{}", self.year, self.number)
    }
}

impl From<QuarterError> for Error {
    fn from(error: QuarterError) -> Self {
        Self::new("invalid-quarter", error.to_string())
    }
}

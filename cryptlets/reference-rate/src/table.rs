use cryptlet_sdk::Error;

use crate::Quarter;

/// A rate a year in millionths: 45,100 is 4.51 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RatePpm(pub u32);

/// Why the table gave no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The table is fine and does not hold the quarter.
    #[error("the table has no rate for {quarter}; {}", span(.held))]
    UnknownQuarter {
        /// The quarter that was looked for.
        quarter: Quarter,
        /// The first and last quarter of the table, unless it is empty.
        held: Option<(Quarter, Quarter)>,
    },
    /// A line is not what it must be. One bad line spoils the table: nobody can tell
    /// what else went wrong with it.
    #[error("line {line} of the table, `{text}`: {reason}")]
    Malformed {
        /// The line's number, from 1.
        line: usize,
        /// The line's beginning.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// The first line.
const HEADER: &str = "quarter,rate_percent";
/// How much of a bad line an error quotes.
const QUOTED_CHARACTERS: usize = 40;

/// The rate of one quarter in a table of the form
///
/// ```text
/// quarter,rate_percent
/// 1959-Q1,2.82
/// 1959-Q2,3.08
/// ```
///
/// with quarters that only ascend, rates in percent with at most four decimals, and
/// lines that end in LF or CR LF.
///
/// # Errors
///
/// [`TableError::Malformed`] for the first line that is anything else, wherever it
/// stands; [`TableError::UnknownQuarter`] if there is none and the quarter is missing.
pub fn find(table: &str, quarter: Quarter) -> Result<RatePpm, TableError> {
    let mut lines = table.lines().enumerate();
    match lines.next() {
        Some((_, HEADER)) => {}
        first => {
            let text = first.map_or("", |(_, text)| text);
            return Err(malformed(
                0,
                text,
                "expected the header `quarter,rate_percent`",
            ));
        }
    }

    let mut found = None;
    let mut held: Option<(Quarter, Quarter)> = None;
    for (index, text) in lines {
        let (label, percent) = text
            .split_once(',')
            .ok_or_else(|| malformed(index, text, "expected a quarter, a comma and a rate"))?;
        let here: Quarter = label
            .parse()
            .map_err(|_| malformed(index, text, "expected a quarter like 2006-Q1"))?;
        let rate = parse_percent(percent).ok_or_else(|| {
            malformed(
                index,
                text,
                "expected percent like 4.51, four decimals at most",
            )
        })?;
        held = match held {
            Some((_, last)) if here <= last => {
                return Err(malformed(
                    index,
                    text,
                    "expected a later quarter than the line before",
                ));
            }
            Some((first, _)) => Some((first, here)),
            None => Some((here, here)),
        };
        if here == quarter {
            found = Some(rate);
        }
    }
    found.ok_or(TableError::UnknownQuarter { quarter, held })
}

/// Percent with at most four decimals, in millionths. No sign, no exponent, no
/// leading or missing zeros.
fn parse_percent(text: &str) -> Option<RatePpm> {
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) if (1..=4).contains(&decimals.len()) => (whole, decimals),
        Some(_) => return None,
        None => (text, ""),
    };
    let whole = whole.as_bytes();
    if !matches!(whole, [b'0'] | [b'1'..=b'9', ..]) {
        return None;
    }
    let padding = b"0000"[decimals.len()..].iter();
    whole
        .iter()
        .chain(decimals.as_bytes())
        .chain(padding)
        .try_fold(0u32, |number, digit| {
            let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
            number.checked_mul(10)?.checked_add(digit)
        })
        .map(RatePpm)
}

fn malformed(index: usize, text: &str, reason: &'static str) -> TableError {
    let text = text.chars().take(QUOTED_CHARACTERS).collect();
    TableError::Malformed {
        line: index + 1,
        text,
        reason,
    }
}

fn span(held: &Option<(Quarter, Quarter)>) -> String {
    held.map_or_else(
        || "it is empty".to_owned(),
        |(first, last)| format!("it runs from {first} to {last}"),
    )
}

impl From<TableError> for Error {
    fn from(error: TableError) -> Self {
        let code = match error {
            TableError::UnknownQuarter { .. } => "unknown-quarter",
            TableError::Malformed { .. } => "malformed-table",
        };
        Self::new(code, error.to_string())
    }
}

//! Answers which rate a quarter's interest is reckoned by: the 3-month United States
//! Treasury bill rate, quarterly average, percent a year.
//!
//! It fetches one table over HTTP from the host that the binding grants under the
//! name `rates`, reads it strictly and in exact integers, and answers in millionths:
//! 4.51 % is 45,100. It keeps nothing, and it does not vouch for the publisher: its
//! receipt shows what was fetched, not that the table is right.
//!
//! ```
//! use cryptlet_sdk::prelude::*;
//! use cryptlet_sdk::testing::Fixture;
//! use reference_rate::{Rate, RateFor, TABLE, rate};
//!
//! let run = Fixture::utility()
//!     .page(TABLE, Response::new(200, "quarter,rate_percent\n2006-Q1,4.51\n"))
//!     .asked(&RateFor { quarter: "2006-Q1".into() })
//!     .run(rate);
//! assert_eq!(run.reply::<Rate>().rate_ppm, 45_100);
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod quarter;
mod table;

pub use quarter::{Quarter, QuarterError};
pub use table::{RatePpm, TableError, find};

use cryptlet_sdk::prelude::*;

/// The series' name, which every reply carries.
pub const SERIES: &str = "us-treasury-bill-3-month";

/// Where the table is: a file below the base URL that the binding grants as `rates`.
pub const TABLE: &str = "grant://rates/us-treasury-bill-3-month.csv";

/// Asks for the rate of one quarter.
#[message]
pub struct RateFor {
    /// The quarter, for example `2006-Q1`.
    pub quarter: String,
}

/// The rate of one quarter.
#[message]
pub struct Rate {
    /// The quarter that was asked for.
    pub quarter: String,
    /// The rate a year in millionths: 45,100 is 4.51 %.
    pub rate_ppm: u32,
    /// The series that the rate is from.
    pub source: String,
}

/// Looks the quarter up in the published table.
///
/// # Errors
///
/// `invalid-quarter` if the label is not of the form `2006-Q1`; `unknown-quarter` if
/// the table does not hold it; `malformed-table`, with the line, if any line of the
/// table is not as it must be; `http-status` for any status but 200, and the other
/// `http-` codes of the SDK.
#[cryptlet_sdk::utility]
pub fn rate(cx: &mut Context, asked: RateFor) -> Result<Rate> {
    let quarter: Quarter = asked.quarter.parse()?;
    let response = cx.get(TABLE)?.expect_status(200)?;
    let RatePpm(rate_ppm) = find(response.text()?, quarter)?;
    Ok(Rate {
        quarter: asked.quarter,
        rate_ppm,
        source: SERIES.to_owned(),
    })
}

/// Compiles the programs of the guide to HTTP.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/http.md")]
struct Guide;

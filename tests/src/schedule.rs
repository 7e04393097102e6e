//! The twelve quarters of the story.

use alloy::primitives::U256;

/// Quarters from 2006-Q1 to 2008-Q4.
pub const QUARTERS: usize = 12;

/// The quarter before which version 1.1 takes over.
pub const UPGRADE: &str = "2007-Q3";

/// The quarter before which the fabric goes back to version 1.0.
pub const ROLLBACK: &str = "2008-Q1";

/// What both parties agreed to: 100 million of a token with six decimals.
#[must_use]
pub fn notional() -> U256 {
    U256::from(100_000_000_000_000_u64)
}

/// 4.75 % a year.
pub const FIXED_BPS: u32 = 475;

/// Midnights (UTC) at which quarters begin, from 2006-01-01 to 2009-01-01, in seconds since 1970.
#[must_use]
pub fn boundaries() -> Vec<u64> {
    // Days of the quarters of 2006, 2007 and 2008; 2008 is a leap year.
    const DAYS: [u64; QUARTERS] = [90, 91, 92, 92, 90, 91, 92, 92, 91, 91, 92, 92];
    const BEGIN: u64 = 1_136_073_600;
    let mut boundaries = vec![BEGIN];
    for days in DAYS {
        let last = boundaries[boundaries.len() - 1];
        boundaries.push(last + days * 86_400);
    }
    boundaries
}

/// The label of the quarter with this index, counted from 0: `2006-Q1`.
#[must_use]
pub fn label(index: usize) -> String {
    format!("{}-Q{}", 2006 + index / 4, index % 4 + 1)
}

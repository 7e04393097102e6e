//! Nets the periods of an interest-rate swap: one party pays a fixed rate on a
//! notional, the other the reference rate, and only the difference moves.
//!
//! The bound contract says when a period has ended and what was agreed; the
//! reference rate comes from the source that the binding names `reference-rate`; the
//! answer is one `settle` on the bound contract. This crate holds no schedule and no
//! money: both are the contract's. The arithmetic is [`net`], plain Rust over exact
//! integers.
//!
//! Two versions are built from it. 1.1.0 (`cryptlet-1.1.toml`, feature `breakdown`)
//! settles the same amounts as 1.0.0 (`cryptlet.toml`), and beyond that publishes
//! both legs and refuses a rate above 25 %.
//!
//! ```
//! use cryptlet_sdk::U256;
//! use interest_rate_swap::{Net, Period, Side, net};
//!
//! // Five per cent fixed against 4.51 % on a million for 90 days.
//! let period = Period {
//!     notional: U256::from(1_000_000u32),
//!     fixed_bps: 500,
//!     rate_ppm: 45_100,
//!     day_count: 90,
//! };
//! assert_eq!(net(&period)?, Net { payer: Side::Fixed, amount: U256::from(1_225u32) });
//! # Ok::<(), interest_rate_swap::NettingError>(())
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[cfg(feature = "breakdown")]
mod breakdown;
mod messages;
mod netting;

#[cfg(feature = "breakdown")]
pub use breakdown::HIGHEST_PLAUSIBLE_RATE_PPM;
#[cfg(feature = "breakdown")]
pub use messages::LegsComputed;
pub use messages::{PeriodEnded, PeriodNetted, Rate, RateFor, Settle};
pub use netting::{Legs, Net, NettingError, Period, Side, legs, net};

use cryptlet_sdk::prelude::*;

/// The name under which the binding knows the reference rate's cryptlet.
pub const SOURCE: &str = "reference-rate";

/// Nets one period and settles it.
///
/// # Errors
///
/// `wrong-quarter` if the source answers for another quarter than it was asked for;
/// `amount-too-large` if the net does not fit into the ledger's 256 bits; in version
/// 1.1 `implausible-rate` above 25 %; the SDK's codes for sources and actions.
#[cryptlet_sdk::contract]
pub fn on_period_ended(cx: &mut Context, ended: PeriodEnded) -> Result<Settle> {
    let rate: Rate = cx.ask(
        SOURCE,
        &RateFor {
            quarter: &ended.quarter,
        },
    )?;
    ensure!(
        rate.quarter == ended.quarter,
        "wrong-quarter",
        "asked `{SOURCE}` for {}, got {}",
        ended.quarter,
        rate.quarter
    );
    let period = Period {
        notional: ended.notional,
        fixed_bps: ended.fixed_bps,
        rate_ppm: rate.rate_ppm,
        day_count: ended.day_count,
    };
    #[cfg(feature = "breakdown")]
    breakdown::show(cx, ended.period, &period)?;

    let Net { payer, amount } = net(&period)?;
    let payer = match payer {
        Side::Fixed => ended.fixed_payer,
        Side::Floating => ended.floating_payer,
    };
    info!(
        "period {} ({}): {payer} pays {amount} at {} ppm",
        ended.period, ended.quarter, rate.rate_ppm
    );
    cx.publish(&PeriodNetted {
        period: ended.period,
        quarter: ended.quarter,
        rate_ppm: rate.rate_ppm,
        payer,
        amount,
    })?;
    Ok(Settle {
        period: ended.period,
        payer,
        amount,
    })
}

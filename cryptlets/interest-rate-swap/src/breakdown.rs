//! What version 1.1.0 does beyond 1.0.0.

use cryptlet_sdk::prelude::*;

use crate::{LegsComputed, Period, legs};

/// 25 %: the United States Treasury's 3-month bill never came near it, so a higher
/// figure is more likely a mistake at the source than a market.
pub const HIGHEST_PLAUSIBLE_RATE_PPM: u32 = 250_000;

/// Refuses an implausible rate, and publishes both legs.
pub(crate) fn show(cx: &mut Context, number: u32, period: &Period) -> Result<()> {
    ensure!(
        period.rate_ppm <= HIGHEST_PLAUSIBLE_RATE_PPM,
        "implausible-rate",
        "{} ppm is above {HIGHEST_PLAUSIBLE_RATE_PPM}; have the source checked, then retry the period",
        period.rate_ppm
    );
    let legs = legs(period)?;
    cx.publish(&LegsComputed {
        period: number,
        fixed_leg: legs.fixed,
        floating_leg: legs.floating,
        day_count: period.day_count,
    })
}

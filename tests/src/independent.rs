//! What the swap must come to, computed from the published figures by other means than the
//! cryptlet's: in percent as printed, leg by leg, with fractions brought to a common denominator.

use std::path::Path;

use alloy::primitives::{I256, U256};
use anyhow::{Context as _, Result, ensure};

/// One period's payment from the fixed payer's side: positive when the fixed payer pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The quarter.
    pub quarter: String,
    /// The rate as printed, in percent.
    pub rate: String,
    /// Whole units of the token, rounded toward zero.
    pub from_fixed_payer: I256,
}

/// Computes every quarter's payment from the table at `path`.
///
/// Fixed and floating interest are notional times rate times days over 360. With the rate in
/// hundredths of a percent of a percent both legs are fractions over 360 * 1,000,000.
pub fn payments(
    path: &Path,
    quarters: &[(String, u64)],
    notional: U256,
    fixed_bps: u32,
) -> Result<Vec<Payment>> {
    let table =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let denominator = I256::try_from(360_u64 * 1_000_000)?;
    quarters
        .iter()
        .map(|(quarter, days)| {
            let rate = table
                .lines()
                .find_map(|line| line.strip_prefix(quarter.as_str())?.strip_prefix(','))
                .with_context(|| format!("{quarter} is not in the table"))?
                .trim()
                .to_owned();
            let accrued = I256::try_from(notional)? * I256::try_from(*days)?;
            let fixed = accrued * I256::try_from(u64::from(fixed_bps) * 100)?;
            let floating = accrued * I256::try_from(millionths(&rate)?)?;
            Ok(Payment {
                quarter: quarter.clone(),
                rate,
                from_fixed_payer: (fixed - floating) / denominator,
            })
        })
        .collect()
}

/// A percentage as printed, such as `4.82`, in millionths: 48200.
fn millionths(percent: &str) -> Result<u64> {
    let (whole, fraction) = percent.split_once('.').unwrap_or((percent, ""));
    ensure!(fraction.len() <= 4, "{percent} has more than four decimals");
    Ok(format!("{whole}{fraction:0<4}").parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_become_millionths() -> Result<()> {
        assert_eq!(millionths("4.82")?, 48_200);
        assert_eq!(millionths("0.1")?, 1_000);
        assert_eq!(millionths("5")?, 50_000);
        Ok(())
    }
}

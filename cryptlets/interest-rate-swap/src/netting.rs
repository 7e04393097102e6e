//! The arithmetic of a period: exact integers, no floating point, no host.

use cryptlet_sdk::{Error, U256};

/// A period of the swap with its reference rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The sum that interest is reckoned on, in a token's smallest unit.
    pub notional: U256,
    /// The fixed rate a year in hundredths of a per cent.
    pub fixed_bps: u32,
    /// The reference rate a year in millionths.
    pub rate_ppm: u32,
    /// The days of the period.
    pub day_count: u32,
}

/// One of the two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The payer of the fixed rate.
    Fixed,
    /// The payer of the reference rate.
    Floating,
}

/// What is left of a period once both legs are set against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// Who pays.
    pub payer: Side,
    /// How much, in the token's smallest unit.
    pub amount: U256,
}

/// What each side owes before netting, in the token's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Legs {
    /// What the payer of the fixed rate owes.
    pub fixed: U256,
    /// What the payer of the reference rate owes.
    pub floating: U256,
}

/// Why a period cannot be netted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NettingError {
    /// The result needs more than 256 bits.
    #[error(
        "{notional} over {day_count} days at {rate_ppm} ppm does not fit into 256 bits; \
         the bound contract emitted a period that nobody can pay"
    )]
    TooLarge {
        /// The period's notional.
        notional: U256,
        /// The period's days.
        day_count: u32,
        /// The rate, or the difference of rates, in millionths.
        rate_ppm: u64,
    },
}

/// ACT/360: the real days of the period over a year of 360.
const DAYS_IN_A_YEAR: u32 = 360;
const MILLIONTHS: u32 = 1_000_000;
/// A basis point is a hundredth of a per cent, so a hundred millionths.
const MILLIONTHS_IN_A_BASIS_POINT: u64 = 100;

/// Sets the two legs of a period against each other:
///
/// `amount = notional × days × |fixed − floating| ÷ (1,000,000 × 360)`
///
/// with both rates in millionths, computed as one exact fraction and truncated toward
/// zero, so never more than is owed and less by under one smallest unit. The side
/// with the higher rate pays; if the amount is nought, the fixed payer does.
///
/// # Errors
///
/// [`NettingError::TooLarge`] if the amount does not fit into 256 bits. The product
/// above the line may need more.
pub fn net(period: &Period) -> Result<Net, NettingError> {
    let fixed_ppm = fixed_ppm(period);
    let floating_ppm = u64::from(period.rate_ppm);
    let amount = interest(period, fixed_ppm.abs_diff(floating_ppm))?;
    let payer = if floating_ppm > fixed_ppm && !amount.is_zero() {
        Side::Floating
    } else {
        Side::Fixed
    };
    Ok(Net { payer, amount })
}

/// Both legs on their own, each truncated toward zero. Their difference may be off
/// [`net`]'s amount by one smallest unit, because that is truncated only once.
///
/// # Errors
///
/// [`NettingError::TooLarge`] if a leg does not fit into 256 bits.
pub fn legs(period: &Period) -> Result<Legs, NettingError> {
    Ok(Legs {
        fixed: interest(period, fixed_ppm(period))?,
        floating: interest(period, u64::from(period.rate_ppm))?,
    })
}

fn fixed_ppm(period: &Period) -> u64 {
    u64::from(period.fixed_bps) * MILLIONTHS_IN_A_BASIS_POINT
}

fn interest(period: &Period, rate_ppm: u64) -> Result<U256, NettingError> {
    let factor = u128::from(rate_ppm) * u128::from(period.day_count);
    let divisor = u64::from(MILLIONTHS) * u64::from(DAYS_IN_A_YEAR);
    period
        .notional
        .mul_div(U256::from(factor), U256::from(divisor))
        .ok_or(NettingError::TooLarge {
            notional: period.notional,
            day_count: period.day_count,
            rate_ppm,
        })
}

impl From<NettingError> for Error {
    fn from(error: NettingError) -> Self {
        match error {
            NettingError::TooLarge { .. } => Self::new("amount-too-large", error.to_string()),
        }
    }
}

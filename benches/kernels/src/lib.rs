//! Hashes, sorts and prices: guests that only reckon, so that benches see what metering costs.

#![forbid(unsafe_code)]

use cryptlet_sdk::prelude::*;
use sha2::{Digest as _, Sha256};

/// What is to be done.
#[message]
pub struct Work {
    /// `sha256`, `sorting` or `monte-carlo`.
    pub kernel: String,
    /// How much of the whole, in thousandths.
    pub share: u32,
}

/// What came out, so that nothing is left undone.
#[message]
pub struct Done {
    /// A few bits of the result.
    pub sum: u64,
}

/// Bytes that are hashed, integers that are sorted and paths that are drawn for a share of 1,000.
const BYTES: u64 = 1 << 20;
const INTEGERS: u64 = 100_000;
const PATHS: u64 = 100_000;

/// Does one of the three.
///
/// # Errors
///
/// `unknown-kernel` if it is none of them.
#[cryptlet_sdk::utility]
pub fn work(_: &mut Context, asked: Work) -> Result<Done> {
    let of = |whole: u64| whole * u64::from(asked.share) / 1_000 + 1;
    let sum = match asked.kernel.as_str() {
        "sha256" => hash(of(BYTES)),
        "sorting" => sort(of(INTEGERS)),
        "monte-carlo" => price(of(PATHS)),
        other => fail!("unknown-kernel", "there is no kernel {other}"),
    };
    Ok(Done { sum })
}

fn hash(bytes: u64) -> u64 {
    let mut numbers = Numbers(7);
    let message: Vec<u8> = (0..bytes).map(|_| numbers.next() as u8).collect();
    let digest = Sha256::digest(message);
    digest
        .iter()
        .fold(0, |sum, byte| sum * 31 + u64::from(*byte) % 31)
        & u64::from(u32::MAX)
}

fn sort(integers: u64) -> u64 {
    let mut numbers = Numbers(7);
    let mut values: Vec<u64> = (0..integers).map(|_| numbers.next()).collect();
    values.sort_unstable();
    values.first().copied().unwrap_or_default() & u64::from(u32::MAX)
}

/// A call on one share after a year of 250 days, its volatility 20 % and its rate 5 % a year; in
/// millionths of the share's price.
fn price(paths: u64) -> u64 {
    const STEPS: u32 = 10;
    let (rate, volatility) = (0.05_f64, 0.2_f64);
    let span = 1.0 / f64::from(STEPS);
    let (drift, spread) = (
        (rate - volatility * volatility / 2.0) * span,
        volatility * span.sqrt(),
    );
    let mut numbers = Numbers(7);
    let mut sum = 0.0_f64;
    for _ in 0..paths {
        let mut logarithm = 0.0_f64;
        for _ in 0..STEPS {
            logarithm += drift + spread * numbers.normal();
        }
        sum += (logarithm.exp() - 1.0).max(0.0);
    }
    (sum / paths as f64 * (-rate).exp() * 1e6) as u64
}

/// xorshift64*: quick, and the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// By Box and Muller.
    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_is_that_of_black_and_scholes() {
        let price = price(20_000) as f64 / 1e6;
        assert!((price - 0.1045).abs() < 0.005, "{price}");
    }
}

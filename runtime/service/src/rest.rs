//! How long to rest after failures.

use std::time::Duration;

/// How long after the first failure; twice as long after each one that follows it.
pub(crate) const REST: Duration = Duration::from_secs(1);
/// Longest rest after failures.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Failures of one thing, one after the other.
#[derive(Default)]
pub(crate) struct Rests(u32);

impl Rests {
    /// How long to rest after one more.
    pub(crate) fn next(&mut self) -> Duration {
        let rest = REST.saturating_mul(2_u32.saturating_pow(self.0));
        self.0 = self.0.saturating_add(1);
        rest.min(LONGEST_REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_again_and_again_is_tried_less_and_less_often() {
        let mut rests = Rests::default();
        let seconds: Vec<u64> = (0..8).map(|_| rests.next().as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        rests.0 = u32::MAX;
        assert_eq!(rests.next(), LONGEST_REST);
    }
}

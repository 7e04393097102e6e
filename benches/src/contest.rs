//! Two ways to do the same, in turns.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

/// Rounds that warm up caches and files and are not counted.
const WARM_UP: usize = 2;

/// What one contest came to. A ratio at or above its bar holds.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    /// What was done.
    pub case: &'static str,
    /// Our rate, the median over all rounds; or our time.
    pub ours: f64,
    /// The rival's.
    pub rival: f64,
    /// How the rival does it.
    pub rival_name: &'static str,
    /// Of both figures.
    pub unit: &'static str,
    /// How many times as good as the rival: `ours` by `rival` of rates, `rival` by `ours` of times.
    pub ratio: f64,
    /// The least ratio that is promised; nought if none is.
    pub bar: f64,
    /// Whether it was reached.
    pub holds: bool,
}

impl Case {
    /// Of two times, of which the shorter is better.
    pub fn of_times(
        case: &'static str,
        ours: f64,
        rival_name: &'static str,
        rival: f64,
        unit: &'static str,
        bar: f64,
    ) -> Self {
        let ratio = rival / ours.max(f64::MIN_POSITIVE);
        Self {
            case,
            ours,
            rival,
            rival_name,
            unit,
            ratio,
            bar,
            holds: ratio >= bar,
        }
    }
}

/// A contest before it was held.
pub struct Contest {
    pub case: &'static str,
    pub rival_name: &'static str,
    /// Of the rates: `receipts/s`.
    pub unit: &'static str,
    pub bar: f64,
    /// How many of the unit one round does.
    pub amount: usize,
    pub rounds: usize,
}

impl Contest {
    /// Holds it: both in each round, who begins alternating, so that neither has the better half of
    /// a noisy machine. Both measure themselves and leave their preparations out.
    ///
    /// # Errors
    ///
    /// If one of them fails.
    pub fn hold(
        self,
        mut ours: impl FnMut() -> Result<Duration>,
        mut rival: impl FnMut() -> Result<Duration>,
    ) -> Result<Case> {
        let (mut our_times, mut rival_times) = (Vec::new(), Vec::new());
        for round in 0..WARM_UP + self.rounds {
            let (our_time, rival_time) = if round % 2 == 0 {
                let first = ours()?;
                (first, rival()?)
            } else {
                let first = rival()?;
                (ours()?, first)
            };
            if round >= WARM_UP {
                our_times.push(our_time);
                rival_times.push(rival_time);
            }
        }
        let rate = |times| self.amount as f64 / median(times).as_secs_f64();
        let (ours, rival) = (rate(our_times), rate(rival_times));
        let ratio = ours / rival;
        Ok(Case {
            case: self.case,
            ours,
            rival,
            rival_name: self.rival_name,
            unit: self.unit,
            ratio,
            bar: self.bar,
            holds: ratio >= self.bar,
        })
    }
}

/// The middle one; of an even number, the slower of the two. Never zero.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    middle.max(Duration::from_nanos(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contest() -> Contest {
        Contest {
            case: "counting",
            rival_name: "counting slowly",
            unit: "numbers/s",
            bar: 2.0,
            amount: 10,
            rounds: 5,
        }
    }

    #[test]
    fn the_medians_of_all_rounds_but_the_first_decide() {
        let mut times = [900, 900, 1, 5, 4, 3, 2].into_iter();
        let ours = || Ok(Duration::from_millis(times.next().unwrap_or_default()));

        let case = contest()
            .hold(ours, || Ok(Duration::from_millis(6)))
            .expect("nothing fails");

        assert_eq!(case.ours.round() as u64, 3333);
        assert!((case.ratio - 2.0).abs() < 1e-9, "{case:?}");
        assert!(case.holds);
    }

    #[test]
    fn a_ratio_below_the_bar_does_not_hold() {
        let time = || Ok(Duration::from_millis(1));

        let case = contest().hold(time, time).expect("nothing fails");

        assert!(!case.holds);
    }

    #[test]
    fn of_two_times_the_shorter_is_better() {
        let within = Case::of_times("waiting", 12.0, "waiting elsewhere", 10.0, "ms", 0.8);
        assert!((within.ratio - 10.0 / 12.0).abs() < 1e-9, "{within:?}");
        assert!(within.holds);
        assert!(!Case::of_times("waiting", 12.6, "waiting elsewhere", 10.0, "ms", 0.8).holds);
    }

    #[test]
    fn who_begins_alternates() {
        let order = std::cell::RefCell::new(String::new());
        let runner = |name: char| {
            let order = &order;
            move || {
                order.borrow_mut().push(name);
                Ok(Duration::from_millis(1))
            }
        };

        contest()
            .hold(runner('o'), runner('r'))
            .expect("nothing fails");

        assert_eq!(order.into_inner(), "orroorroorroor");
    }
}

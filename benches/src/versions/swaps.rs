//! Promotions and rollbacks, one after the other, while the bindings run.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use cryptlet_fabric::Fabric;
use cryptlet_fabric::versions::Decision;
use semver::Version;
use tokio::sync::mpsc;

use super::guest::VERSIONS;
use super::host::Host;
use super::load::{Caller, Load, quantile};

/// Moves that were made and what they were seen to do.
#[derive(Default)]
pub struct Moves {
    /// How long each took until it was durable; in microseconds.
    pub latencies: Vec<u32>,
    /// Invocations that were sent as soon as a move was durable, and what they must have run on.
    pub first_after: Vec<FirstAfter>,
}

impl Moves {
    /// Takes in moves that were made later.
    pub fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.first_after.extend(other.first_after);
    }

    /// The time that this share of the moves, in per mille, does not exceed; in microseconds.
    pub fn quantile(&mut self, per_mille: usize) -> f64 {
        quantile(&mut self.latencies, per_mille)
    }
}

/// The first invocation that was sent after a move.
pub struct FirstAfter {
    /// Place of the binding.
    pub binding: usize,
    pub number: u64,
    /// The version that had just become active.
    pub version: &'static str,
}

/// Who promotes and rolls back.
pub struct Operator {
    fabric: Arc<Fabric>,
    callers: Vec<(String, Caller)>,
    made: usize,
}

impl Operator {
    pub fn new(host: &Host, load: &Load) -> Self {
        let callers = host.bindings.iter().enumerate();
        Self {
            fabric: Arc::clone(&host.fabric),
            callers: callers
                .map(|(place, bound)| (bound.name.clone(), load.caller(place)))
                .collect(),
            made: 0,
        }
    }

    /// Makes one move at each pace, at most `most` of them: promotes a binding, rolls it back at the
    /// next pace, and goes on to the next one. Another message follows each move at once.
    ///
    /// # Errors
    ///
    /// If the fabric refuses a move or a message.
    pub async fn operate(
        &mut self,
        most: usize,
        mut paces: mpsc::UnboundedReceiver<()>,
    ) -> Result<Moves> {
        let mut moves = Moves::default();
        while moves.latencies.len() < most && paces.recv().await.is_some() {
            let binding = self.made / 2 % self.callers.len();
            let (name, caller) = &self.callers[binding];
            let decision = Decision::new("operator", "the load goes on")?;
            let begin = Instant::now();
            let version = if self.made.is_multiple_of(2) {
                self.fabric
                    .promote(name, &Version::parse(VERSIONS[1])?, decision)
                    .await?;
                VERSIONS[1]
            } else {
                let version = self.fabric.rollback(name, decision).await?;
                ensure!(
                    version.to_string() == VERSIONS[0],
                    "{name} was rolled back to {version}"
                );
                VERSIONS[0]
            };
            let latency = begin.elapsed().as_micros();
            moves
                .latencies
                .push(u32::try_from(latency).unwrap_or(u32::MAX));
            let number = caller.call().await?;
            moves.first_after.push(FirstAfter {
                binding,
                number,
                version,
            });
            self.made += 1;
        }
        Ok(moves)
    }
}

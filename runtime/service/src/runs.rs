//! Counts the runs of cryptlets as they end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use cryptlet_fabric::journal::JournalError;
use cryptlet_fabric::{Notice, Step};
use tokio::sync::broadcast::error::RecvError;

use crate::state::ServiceState;

/// Most accepted invocations whose waiting time is remembered.
const REMEMBERED: usize = 10_000;

/// Listens for as long as the fabric has something to say.
pub(crate) async fn count(state: Arc<ServiceState>) {
    let mut notices = state.fabric.subscribe();
    let mut clock = RunClock::default();
    loop {
        match notices.recv().await {
            Ok(notice) => take(&state, &mut clock, &notice),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "the metrics miss runs that ended");
                clock = RunClock::default();
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn take(state: &ServiceState, clock: &mut RunClock, notice: &Notice) {
    match notice.step {
        Step::Accepted => clock.accepted(notice, Instant::now()),
        Step::Executed => {
            if let Some(begun) = clock.executed(notice, Instant::now()) {
                state.metrics.took(&notice.binding, begun.elapsed());
            }
            if let Err(error) = ended(state, notice) {
                tracing::warn!(%error, "a run is missing in the metrics");
            }
        }
        _ => {}
    }
}

fn ended(state: &ServiceState, notice: &Notice) -> Result<(), JournalError> {
    let journal = state.fabric.journal();
    let Some(row) = journal.binding(&notice.binding)? else {
        return Ok(());
    };
    let id = row.document.id();
    let invocation = journal.invocation(&id, notice.number)?;
    if let Some(run) = invocation.and_then(|invocation| invocation.result) {
        state.metrics.ran(&notice.binding, &run.outcome, run.fuel);
    }
    if let Some(traffic) = journal.traffic(&id, notice.number)? {
        state.metrics.carried(&notice.binding, &traffic);
    }
    Ok(())
}

/// When runs began: a binding runs one invocation at a time, so that one begins when it is accepted
/// or when the one before it has ended.
#[derive(Default)]
struct RunClock {
    accepted: HashMap<(Arc<str>, u64), Instant>,
    ended: HashMap<Arc<str>, Instant>,
}

impl RunClock {
    fn accepted(&mut self, notice: &Notice, now: Instant) {
        if self.accepted.len() < REMEMBERED {
            self.accepted
                .insert((Arc::clone(&notice.binding), notice.number), now);
        }
    }

    /// When the run began that ends now, if it was accepted while the clock ran.
    fn executed(&mut self, notice: &Notice, now: Instant) -> Option<Instant> {
        let before = self.ended.insert(Arc::clone(&notice.binding), now);
        let accepted = self
            .accepted
            .remove(&(Arc::clone(&notice.binding), notice.number))?;
        Some(before.map_or(accepted, |before| before.max(accepted)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_run_begins_when_the_one_before_it_has_ended() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let notice = |number, step| Notice {
            binding: "acme".into(),
            number,
            step,
        };
        let mut clock = RunClock::default();
        clock.accepted(&notice(1, Step::Accepted), at(0));
        clock.accepted(&notice(2, Step::Accepted), at(1));
        clock.accepted(&notice(3, Step::Accepted), at(9));
        assert_eq!(
            clock.executed(&notice(1, Step::Executed), at(3)),
            Some(at(0))
        );
        assert_eq!(
            clock.executed(&notice(2, Step::Executed), at(5)),
            Some(at(3))
        );
        assert_eq!(
            clock.executed(&notice(3, Step::Executed), at(10)),
            Some(at(9))
        );
        assert_eq!(clock.executed(&notice(4, Step::Executed), at(11)), None);
    }
}

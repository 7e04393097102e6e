//! Asks the ledgers' nodes how far they are, for health, status and metrics.

use std::sync::Arc;
use std::time::Duration;

use cryptlet_ledger::EvmLedger;

use crate::api::LedgerStatus;
use crate::state::ServiceState;

/// How long a node gets to answer before it counts as lost.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// The shortest time between two questions that nobody's work depends on.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// Asks every node again and again until the service stops.
pub(crate) async fn watch(state: Arc<ServiceState>) {
    loop {
        let ledgers = state.fabric.ledgers().iter();
        let questions = ledgers.map(|(name, ledger)| ask(&state, name, ledger));
        futures::future::join_all(questions).await;
        let poll = Duration::from_millis(state.settings().poll_milliseconds);
        tokio::time::sleep(poll.max(AT_MOST_EVERY)).await;
    }
}

async fn ask(state: &ServiceState, name: &str, ledger: &EvmLedger) {
    let answer = tokio::time::timeout(ANSWER_TIME, ledger.head()).await;
    let (head, failure) = match answer {
        Ok(Ok(head)) => (Some(head.number), None),
        Ok(Err(error)) => (None, Some(error.to_string())),
        Err(_) => (
            None,
            Some(format!(
                "its node did not answer within {} seconds",
                ANSWER_TIME.as_secs()
            )),
        ),
    };
    state.metrics.ledger(name, head);
    state.health.saw(LedgerStatus {
        name: name.to_owned(),
        chain: ledger.settings().chain.to_string(),
        head,
        failure,
    });
}

//! Asks the ledgers' nodes how far they are, for health, status and metrics, and for those who wait for
//! a new block.

use std::sync::Arc;
use std::time::Duration;

use cryptlet_ledger::EvmLedger;

use crate::api::LedgerStatus;
use crate::state::ServiceState;

/// How long a node gets to answer before it counts as lost.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Asks every node again and again until the service stops.
pub(crate) async fn watch(state: Arc<ServiceState>) {
    let ledgers = state.fabric.ledgers().iter();
    // One that does not answer keeps nobody from hearing of another's blocks.
    let watches = ledgers.map(|(name, ledger)| watch_one(&state, name, ledger));
    futures::future::join_all(watches).await;
}

async fn watch_one(state: &ServiceState, name: &str, ledger: &EvmLedger) {
    loop {
        ask(state, name, ledger).await;
        let poll = Duration::from_millis(state.settings().poll_milliseconds);
        tokio::time::sleep(poll).await;
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
    if let Some(head) = head {
        state.work.blocks().newest(name, head);
    }
    state.metrics.ledger(name, head);
    state.health.saw(LedgerStatus {
        name: name.to_owned(),
        chain: ledger.settings().chain.to_string(),
        head,
        failure,
    });
}

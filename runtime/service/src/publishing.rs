//! Keeps the published log up to the journal.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cryptlet_attest::TrustedKey;
use cryptlet_fabric::journal::JournalError;
use cryptlet_fabric::publish::{PublishError, Publisher};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::rest::Rests;
use crate::state::ServiceState;

/// How often is looked for what nobody told of.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The shortest time between two checkpoints that are published: those in between are skipped.
const AT_MOST_EVERY: Duration = Duration::from_millis(100);

/// The published log, as its own task keeps it and others see it.
pub(crate) struct Publishing {
    publisher: Publisher,
    /// How many entries the published checkpoint covers.
    size: watch::Sender<u64>,
    /// There is a new cosignature to publish.
    cosigned: Notify,
}

impl Publishing {
    pub(crate) fn new(folder: &Path, key: TrustedKey) -> Self {
        Self {
            publisher: Publisher::new(folder, key),
            size: watch::Sender::new(0),
            cosigned: Notify::new(),
        }
    }

    /// How many entries the published checkpoint covers, now and whenever that changes.
    pub(crate) fn size(&self) -> watch::Receiver<u64> {
        self.size.subscribe()
    }

    /// Publishes a cosignature that the journal has now.
    pub(crate) fn cosigned(&self) {
        self.cosigned.notify_one();
    }
}

/// Publishes each newest checkpoint until `closing` is cancelled, and then the last one.
///
/// Nobody waits for it: receipts are good as soon as they are in the journal.
#[tracing::instrument(name = "publishing", skip_all)]
pub(crate) async fn run(state: Arc<ServiceState>, closing: CancellationToken) {
    let mut notices = state.fabric.subscribe();
    let mut rests = Rests::default();
    while !closing.is_cancelled() {
        let rest = if publish(&state).await {
            rests = Rests::default();
            AT_MOST_EVERY
        } else {
            rests.next()
        };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = closing.cancelled() => break,
        }
        // However many came in meanwhile, there is one newest checkpoint.
        notices = notices.resubscribe();
        if rest == AT_MOST_EVERY && is_up_to_date(&state) {
            tokio::select! {
                _ = notices.recv() => {}
                () = state.publishing.cosigned.notified() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = closing.cancelled() => break,
            }
        }
    }
    publish(&state).await;
}

/// Whether the journal has nothing newer. If it cannot tell, publishing will say why.
fn is_up_to_date(state: &ServiceState) -> bool {
    let size = state.fabric.journal().log_size();
    size.is_ok_and(|size| size == *state.publishing.size.borrow())
}

/// Whether the newest checkpoint is published now.
async fn publish(state: &Arc<ServiceState>) -> bool {
    let publishing = Arc::clone(state);
    let published = tokio::task::spawn_blocking(move || {
        let journal = publishing.fabric.journal();
        publishing.publishing.publisher.publish(journal)
    })
    .await;
    let failure = match published {
        Ok(Ok(newest)) => {
            let size = newest.map_or(0, |newest| newest.size);
            state.metrics.published(size);
            state
                .publishing
                .size
                .send_if_modified(|known| std::mem::replace(known, size) != size);
            None
        }
        Ok(Err(PublishError::Journal(
            error @ (JournalError::Behind { .. } | JournalError::Forked { .. }),
        ))) => {
            state.contradicted(error.to_string());
            Some(error.to_string())
        }
        Ok(Err(error)) => Some(error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    if failure.is_some() {
        state.metrics.publishing_failed();
    }
    let is_published = failure.is_none();
    state.health.published(failure);
    is_published
}

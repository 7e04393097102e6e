//! What every request and every task of the service shares.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use cryptlet_fabric::journal::{BindingRow, JournalError};
use cryptlet_fabric::{Fabric, FabricError, Message, Publication, Service};
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::api::{LedgerStatus, Readiness, WitnessStatus};
use crate::following::Changes;
use crate::metrics::Metrics;
use crate::publishing::Publishing;
use crate::refusal::Refusal;
use crate::work::Work;

/// The fabric and everything around it.
pub(crate) struct ServiceState {
    pub(crate) fabric: Fabric,
    pub(crate) access: Access,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    pub(crate) work: Work,
    pub(crate) changes: Changes,
    pub(crate) publishing: Publishing,
    /// Section `[log]` of the configuration, as it was at the start.
    pub(crate) log: Publication,
    /// Whether only this machine can reach the API.
    pub(crate) listens_on_loopback: bool,
    /// When the process started.
    pub(crate) started_at: u64,
    /// Cancelled when nothing new is taken any more.
    pub(crate) draining: CancellationToken,
    /// Cancelled when nothing runs any more either, and whoever still waits is answered.
    pub(crate) at_rest: CancellationToken,
    /// Cancelled when the journal has failed.
    pub(crate) broken: CancellationToken,
    settings: RwLock<Arc<Service>>,
}

/// What a state is made of.
pub(crate) struct Parts {
    pub(crate) fabric: Fabric,
    pub(crate) access: Access,
    pub(crate) work: Work,
    pub(crate) publishing: Publishing,
    pub(crate) settings: Service,
    pub(crate) log: Publication,
    pub(crate) listens_on_loopback: bool,
    pub(crate) started_at: u64,
}

impl ServiceState {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            fabric: parts.fabric,
            access: parts.access,
            metrics: Metrics::new(),
            health: Health::default(),
            work: parts.work,
            changes: Changes::default(),
            publishing: parts.publishing,
            log: parts.log,
            listens_on_loopback: parts.listens_on_loopback,
            started_at: parts.started_at,
            draining: CancellationToken::new(),
            at_rest: CancellationToken::new(),
            broken: CancellationToken::new(),
            settings: RwLock::new(Arc::new(parts.settings)),
        }
    }

    /// Reads what may be large or may have to wait for the journal, while other requests are
    /// answered.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let state = Arc::clone(self);
        let reading = tracing::Span::current();
        tokio::task::spawn_blocking(move || reading.in_scope(|| read(&state)))
            .await
            .unwrap_or_else(|error| {
                tracing::error!(%error, "a request could not be read for");
                Err(Refusal::internal(
                    "the answer could not be made; the log says why",
                ))
            })
    }

    /// Section `[service]` of the configuration, as it was last read.
    pub(crate) fn settings(&self) -> Arc<Service> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_settings(&self, settings: Service) {
        self.access.set_rates(&settings);
        self.fabric.set_queue_limit(settings.queue);
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Accepts a message and has it run.
    pub(crate) async fn send(
        self: &Arc<Self>,
        binding: &str,
        message: Message,
    ) -> Result<u64, Refusal> {
        let binding = binding.to_owned();
        self.change(async move |state| {
            let number = state.fabric.send(&binding, message).await?;
            state.work.accepted(&binding);
            Ok(number)
        })
        .await
    }

    /// Makes another version of a binding active. What was accepted may have run for that, so that
    /// its deliveries can go on, even if the move itself failed.
    pub(crate) async fn move_version<T, F>(
        self: &Arc<Self>,
        binding: &str,
        change: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, FabricError>> + Send + 'static,
    {
        let binding = binding.to_owned();
        self.change(|state| {
            let moving = change(Arc::clone(&state));
            async move {
                let moved = moving.await;
                state.work.mend(&binding);
                moved
            }
        })
        .await
    }

    /// Changes something for a request, and what follows from the change, even if the client does
    /// not stay for the answer. A journal that failed ends the service, whoever met it.
    pub(crate) async fn change<T, F>(
        self: &Arc<Self>,
        change: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, FabricError>> + Send + 'static,
    {
        if self.is_draining() {
            return Err(Refusal::draining());
        }
        if let Some(contradiction) = self.health.contradiction() {
            return Err(Refusal::contradicted(contradiction));
        }
        let state = Arc::clone(self);
        let changing = change(Arc::clone(self));
        let changing = async move { changing.await.inspect_err(|error| state.failed(error)) };
        Ok(self.changes.follow(changing).await?)
    }

    /// An error ended a task or a request; if it is the journal's, nothing can be promised any more,
    /// but for a full disk, which may get room again.
    pub(crate) fn failed(&self, error: &FabricError) {
        if matches!(error, FabricError::Journal(JournalError::Full { .. })) {
            self.disk_is_full();
        } else if error.is_fatal() {
            self.metrics.commit_failed();
            self.health.journal_failed(error.to_string());
            self.broken.cancel();
        }
    }

    /// Another history of this log was seen: whatever is added to this one makes it worse. Reading goes
    /// on, so that its operator can find out.
    pub(crate) fn contradicted(&self, reason: String) {
        // Whoever sees it first says so.
        if self.health.contradicted(reason) {
            let reason = self.health.contradiction();
            tracing::error!(reason, "the log is contradicted; no more work is taken");
            self.fabric.drain();
        }
    }

    /// A commit found no room.
    pub(crate) fn disk_is_full(&self) {
        self.metrics.commit_failed();
        self.health.set_disk_is_full(true);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// The binding called `name`.
    pub(crate) fn binding(&self, name: &str) -> Result<BindingRow, FabricError> {
        self.fabric
            .journal()
            .binding(name)?
            .ok_or_else(|| FabricError::UnknownBinding(name.into()))
    }

    pub(crate) fn readiness(&self) -> Readiness {
        let mut reasons = self.health.reasons();
        if self.is_draining() {
            reasons.push("the service is about to stop".into());
        }
        Readiness {
            ready: reasons.is_empty(),
            reasons,
        }
    }
}

/// What is known of the things that the service depends on.
#[derive(Default)]
pub(crate) struct Health {
    journal: OnceLock<String>,
    /// Whether a commit found no room, and none has been found since.
    disk_is_full: AtomicBool,
    ledgers: Mutex<BTreeMap<String, LedgerStatus>>,
    witnesses: Mutex<BTreeMap<String, WitnessStatus>>,
    /// Why the newest checkpoint is not published.
    publishing: Mutex<Option<String>>,
    contradiction: OnceLock<String>,
}

impl Health {
    pub(crate) fn set_disk_is_full(&self, is_full: bool) {
        let was_full = self.disk_is_full.swap(is_full, Ordering::Relaxed);
        // Once when it fills up and once when there is room again.
        match (was_full, is_full) {
            (false, true) => tracing::error!("the disk with the journal is full"),
            (true, false) => tracing::info!("the disk with the journal has room again"),
            _ => {}
        }
    }

    pub(crate) fn disk_is_full(&self) -> bool {
        self.disk_is_full.load(Ordering::Relaxed)
    }

    fn journal_failed(&self, reason: String) {
        // The first failure is the one that tells something.
        drop(self.journal.set(reason));
    }

    /// How the journal failed, if it did.
    pub(crate) fn journal_failure(&self) -> Option<&str> {
        self.journal.get().map(String::as_str)
    }

    /// Whether nobody had seen it before.
    fn contradicted(&self, reason: String) -> bool {
        self.contradiction.set(reason).is_ok()
    }

    /// What was seen that contradicts this log, if anything was.
    pub(crate) fn contradiction(&self) -> Option<&str> {
        self.contradiction.get().map(String::as_str)
    }

    /// What came of publishing when it was tried last.
    pub(crate) fn published(&self, failure: Option<String>) {
        let mut known = self
            .publishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Once when it begins to fail and once when it works again.
        match (&*known, &failure) {
            (None, Some(reason)) => tracing::warn!(reason, "the log cannot be published now"),
            (Some(_), None) => tracing::info!("the log is published again"),
            _ => {}
        }
        *known = failure;
    }

    pub(crate) fn publishing_failure(&self) -> Option<String> {
        let failure = self.publishing.lock();
        failure.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a witness answered when it was last asked.
    pub(crate) fn saw_witness(&self, witness: WitnessStatus) {
        let mut witnesses = self
            .witnesses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = witnesses.insert(witness.name.clone(), witness.clone());
        let failed_before = known.is_some_and(|known| known.failure.is_some());
        match (&witness.failure, failed_before) {
            (Some(reason), false) => {
                tracing::warn!(witness = witness.name, reason, "a witness does not cosign");
            }
            (None, true) => tracing::info!(witness = witness.name, "a witness cosigns again"),
            _ => {}
        }
    }

    pub(crate) fn witnesses(&self) -> Vec<WitnessStatus> {
        let witnesses = self
            .witnesses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        witnesses.values().cloned().collect()
    }

    /// What a ledger's node answered when it was last asked.
    pub(crate) fn saw(&self, ledger: LedgerStatus) {
        let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = ledgers.insert(ledger.name.clone(), ledger.clone());
        // Once when it goes and once when it comes back.
        let failed_before = known.is_some_and(|known| known.failure.is_some());
        match (&ledger.failure, failed_before) {
            (Some(reason), false) => {
                tracing::warn!(ledger = ledger.name, reason, "a node does not answer");
            }
            (None, true) => tracing::info!(ledger = ledger.name, "a node answers again"),
            _ => {}
        }
    }

    pub(crate) fn ledgers(&self) -> Vec<LedgerStatus> {
        let ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        ledgers.values().cloned().collect()
    }

    /// Nothing that only holders of a token should read.
    fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.journal_failure().is_some() {
            reasons.push("the journal cannot be written".into());
        }
        if self.contradiction().is_some() {
            reasons.push("another history of this log was seen, so no work is taken".into());
        }
        if self.disk_is_full() {
            reasons.push("the disk with the journal is full".into());
        }
        for ledger in self.ledgers() {
            if ledger.failure.is_some() {
                reasons.push(format!(
                    "the node of ledger \"{}\" does not answer",
                    ledger.name
                ));
            }
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(failure: Option<&str>) -> LedgerStatus {
        LedgerStatus {
            name: "anvil".into(),
            chain: "eip155:31337".into(),
            head: None,
            failure: failure.map(str::to_owned),
        }
    }

    #[test]
    fn health_gives_reasons_for_as_long_as_they_stand() {
        let health = Health::default();
        assert!(health.reasons().is_empty());
        health.set_disk_is_full(true);
        health.saw(ledger(Some("http://user:secret@node does not answer")));
        let reasons = health.reasons();
        assert_eq!(reasons.len(), 2, "{reasons:?}");
        assert!(reasons.iter().all(|reason| !reason.contains("secret")));
        health.set_disk_is_full(false);
        health.saw(ledger(None));
        assert!(health.reasons().is_empty());
        health.journal_failed("the first".into());
        health.journal_failed("and what came of it".into());
        assert_eq!(health.journal_failure(), Some("the first"));
        assert_eq!(health.reasons().len(), 1);
    }
}

//! What requests change is followed to its end, whoever still waits for it.

use std::future::Future;

use cryptlet_fabric::FabricError;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The changes that are under way.
///
/// A client that goes away takes the handler of its request with it, but not the commit that the
/// handler has begun: what follows the commit must not be lost with the handler.
#[derive(Default)]
pub(crate) struct Changes(TaskTracker);

impl Changes {
    /// Follows a change to its end, even if the returned future is dropped.
    pub(crate) async fn follow<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, FabricError>> + Send + 'static,
    ) -> Result<T, FabricError> {
        self.0.spawn(change.in_current_span()).await?
    }

    /// Waits for those that are under way; there must be no new ones.
    pub(crate) async fn ended(&self) {
        self.0.close();
        self.0.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt as _;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_change_comes_to_its_end_though_nobody_waits() {
        let changes = Changes::default();
        let (go_on, woken) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (committed, wake) = (Arc::clone(&go_on), Arc::clone(&woken));
        let mut following = Box::pin(changes.follow(async move {
            committed.notified().await;
            wake.notify_one();
            Ok(())
        }));
        assert!((&mut following).now_or_never().is_none());
        drop(following);
        go_on.notify_one();
        changes.ended().await;
        assert!(
            woken.notified().now_or_never().is_some(),
            "nobody was woken"
        );
    }
}

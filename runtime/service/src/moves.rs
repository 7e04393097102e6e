//! Streams of the moves of a binding's versions.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::Event;
use cryptlet_attest::BindingId;
use cryptlet_fabric::VersionNotice;
use futures::Stream;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::access::StreamPlace;
use crate::api::VersionMoved;
use crate::refusal::Refusal;
use crate::state::ServiceState;

/// Moves that are read at once.
const READ_AT_ONCE: u32 = 100;

/// The moves of the binding's versions from the one with the ordinal `from` on, and those that
/// are made from now on.
///
/// # Errors
///
/// If there is no such binding.
pub(crate) fn moves(
    state: &Arc<ServiceState>,
    place: StreamPlace,
    binding: String,
    from: u64,
) -> Result<impl Stream<Item = Result<Event, Infallible>> + use<>, Refusal> {
    // Before looking, so that no move falls in between.
    let notices = state.fabric.subscribe_versions();
    let id = state.binding(&binding)?.document.id();
    let moving = Moving {
        state: Arc::clone(state),
        place,
        binding,
        id,
        notices,
        from,
        read: VecDeque::new(),
    };
    Ok(futures::stream::unfold(moving, async |mut moving| {
        let moved = moving.next().await?;
        let event = Event::default()
            .id(moved.ordinal.to_string())
            .event("moved")
            .json_data(&moved);
        // It is made of strings and numbers, which have a JSON form.
        Some((Ok(event.ok()?), moving))
    }))
}

struct Moving {
    state: Arc<ServiceState>,
    place: StreamPlace,
    binding: String,
    id: BindingId,
    notices: broadcast::Receiver<VersionNotice>,
    /// Ordinal of the next move.
    from: u64,
    read: VecDeque<VersionMoved>,
}

impl Moving {
    /// The next move; none when the service stops or the token may not follow any more.
    async fn next(&mut self) -> Option<VersionMoved> {
        loop {
            if !self.state.access.admits(&self.place) {
                return None;
            }
            if let Some(moved) = self.read.pop_front() {
                self.from = moved.ordinal + 1;
                return Some(moved);
            }
            let journal = self.state.fabric.journal();
            let moves = journal.version_moves_from(&self.id, self.from, READ_AT_ONCE);
            self.read = moves.ok()?.into_iter().map(Into::into).collect();
            if self.read.is_empty() && !self.notified().await {
                return None;
            }
        }
    }

    /// Waits for a notice of the binding; false if the service comes to rest instead.
    async fn notified(&mut self) -> bool {
        loop {
            tokio::select! {
                notice = self.notices.recv() => match notice {
                    Ok(notice) if *notice.binding != *self.binding => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return true,
                    Err(RecvError::Closed) => return false,
                },
                () = self.state.at_rest.cancelled() => return false,
            }
        }
    }
}

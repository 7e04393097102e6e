//! Waiting for what becomes of invocations, and streams of it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive};
use cryptlet_fabric::{Notice, Step};
use futures::Stream;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;

use crate::access::StreamPlace;
use crate::api::{InvocationView, PublishedEvent, Stage};
use crate::refusal::Refusal;
use crate::state::ServiceState;
use crate::views;

/// How often a silent stream says that it is still there; proxies close those that do not.
const SILENCE: Duration = Duration::from_secs(15);
/// How often is looked without news: not everything that becomes of a delivery is a step.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The longest that a caller may wait, whatever is configured.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// Published events that are read at once.
const READ_AT_ONCE: u32 = 100;

pub(crate) fn keep_alive() -> KeepAlive {
    KeepAlive::new().interval(SILENCE)
}

/// The invocation once it has run, or as it is after `most`, or when nothing runs any more.
pub(crate) async fn executed(
    state: &ServiceState,
    binding: &str,
    number: u64,
    most: Duration,
) -> Result<InvocationView, Refusal> {
    let mut news = News::of_invocation(state, binding, number);
    // Nobody waits longer, and an instant has no room for every number that may be configured.
    let deadline = Instant::now() + most.min(LONGEST_WAIT);
    loop {
        let view = views::invocation(state, binding, number)?;
        if view.stage != Stage::Accepted || most.is_zero() {
            return Ok(view);
        }
        tokio::select! {
            () = news.next() => {}
            () = tokio::time::sleep_until(deadline) => return Ok(view),
            () = state.at_rest.cancelled() => {
                return views::invocation(state, binding, number);
            }
        }
    }
}

/// The invocation at each of its changes, up to where it is settled or the service stops.
///
/// # Errors
///
/// If there is no such invocation.
pub(crate) fn invocation(
    state: &Arc<ServiceState>,
    place: StreamPlace,
    binding: String,
    number: u64,
) -> Result<impl Stream<Item = Result<Event, Infallible>> + use<>, Refusal> {
    let news = News::of_invocation(state, &binding, number);
    let first = views::invocation(state, &binding, number)?;
    let following = Following {
        state: Arc::clone(state),
        place,
        binding,
        number,
        news,
        last: None,
    };
    Ok(futures::stream::unfold(
        (following, Some(first)),
        async |(mut following, ready)| {
            let view = match ready {
                Some(view) => view,
                None => following.next().await?,
            };
            let event = Event::default().event("invocation").json_data(&view);
            following.last = Some(view);
            // Views are made of strings and numbers, which have a JSON form.
            Some((Ok(event.ok()?), (following, None)))
        },
    ))
}

struct Following {
    state: Arc<ServiceState>,
    place: StreamPlace,
    binding: String,
    number: u64,
    news: News,
    last: Option<InvocationView>,
}

impl Following {
    /// The next view that differs from the last; none after a settled one.
    async fn next(&mut self) -> Option<InvocationView> {
        if self
            .last
            .as_ref()
            .is_some_and(|view| view.stage == Stage::Settled)
        {
            return None;
        }
        loop {
            let ended = !self.news.next_unless_at_rest(&self.state).await;
            if !self.state.access.admits(&self.place) {
                return None;
            }
            let view = views::invocation(&self.state, &self.binding, self.number).ok()?;
            if self.last.as_ref() != Some(&view) {
                return Some(view);
            }
            if ended {
                return None;
            }
        }
    }
}

/// What the binding's cryptlet published after the position `after`, and publishes from now on.
///
/// # Errors
///
/// If there is no such binding.
pub(crate) fn published(
    state: &Arc<ServiceState>,
    place: StreamPlace,
    binding: &str,
    after: u64,
) -> Result<impl Stream<Item = Result<Event, Infallible>> + use<>, Refusal> {
    let news = News::of(state, binding);
    let id = state.binding(binding)?.document.id();
    let publishing = Publishing {
        state: Arc::clone(state),
        place,
        id,
        news,
        after,
        read: VecDeque::new(),
    };
    Ok(futures::stream::unfold(
        publishing,
        async |mut publishing| {
            let (position, published) = publishing.next().await?;
            let event = Event::default()
                .id(position.to_string())
                .event("published")
                .json_data(&published);
            Some((Ok(event.ok()?), publishing))
        },
    ))
}

struct Publishing {
    state: Arc<ServiceState>,
    place: StreamPlace,
    id: cryptlet_attest::BindingId,
    news: News,
    after: u64,
    read: VecDeque<(u64, PublishedEvent)>,
}

impl Publishing {
    async fn next(&mut self) -> Option<(u64, PublishedEvent)> {
        loop {
            if !self.state.access.admits(&self.place) {
                return None;
            }
            if let Some((position, published)) = self.read.pop_front() {
                self.after = position;
                return Some((position, published));
            }
            self.read = views::published(&self.state, &self.id, self.after, READ_AT_ONCE)
                .ok()?
                .into();
            if self.read.is_empty() && !self.news.next_unless_at_rest(&self.state).await {
                return None;
            }
        }
    }
}

/// Told when something about a binding, or about one of its invocations, may have changed.
struct News {
    binding: String,
    number: Option<u64>,
    notices: broadcast::Receiver<Notice>,
}

impl News {
    /// From now on: begin before looking, so that nothing falls in between.
    fn of(state: &ServiceState, binding: &str) -> Self {
        Self {
            binding: binding.to_owned(),
            number: None,
            notices: state.fabric.subscribe(),
        }
    }

    fn of_invocation(state: &ServiceState, binding: &str, number: u64) -> Self {
        Self {
            number: Some(number),
            ..Self::of(state, binding)
        }
    }

    /// Whether there may be something to read that was not there before.
    fn concern(&self, notice: &Notice) -> bool {
        *notice.binding == *self.binding
            && self.number.is_none_or(|number| number == notice.number)
            // Nothing of these two is durable.
            && !matches!(notice.step, Step::Ran | Step::Broadcast)
    }

    async fn next(&mut self) {
        let look_again = Instant::now() + LOOK_AGAIN;
        loop {
            match tokio::time::timeout_at(look_again, self.notices.recv()).await {
                Ok(Ok(notice)) if !self.concern(&notice) => {}
                // Time to look again, or there were too many notices to remember.
                Err(_) | Ok(Ok(_) | Err(RecvError::Lagged(_))) => return,
                Ok(Err(RecvError::Closed)) => return tokio::time::sleep_until(look_again).await,
            }
        }
    }

    /// Whether there will be more.
    async fn next_unless_at_rest(&mut self, state: &ServiceState) -> bool {
        tokio::select! {
            () = self.next() => true,
            () = state.at_rest.cancelled() => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_have_changed_is_read_again() {
        let mut news = News {
            binding: "acme".into(),
            number: Some(7),
            notices: broadcast::Sender::new(1).subscribe(),
        };
        let notice = |binding: &str, number, step| Notice {
            binding: binding.into(),
            number,
            step,
        };
        assert!(news.concern(&notice("acme", 7, Step::Executed)));
        assert!(!news.concern(&notice("globex", 7, Step::Executed)));
        assert!(!news.concern(&notice("acme", 8, Step::Executed)));
        assert!(!news.concern(&notice("acme", 7, Step::Ran)));
        news.number = None;
        assert!(news.concern(&notice("acme", 8, Step::Executed)));
    }
}

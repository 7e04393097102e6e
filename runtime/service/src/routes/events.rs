//! What cryptlets publish.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::Sse;

use crate::access::Sender;
use crate::changes;
use crate::extract::Path;
use crate::refusal::Refusal;
use crate::state::ServiceState;

const LAST_EVENT_ID: &str = "last-event-id";

/// The events that a binding's cryptlet publishes, from the first on, as server-sent events named
/// `published`. The id of the last one seen, as Last-Event-ID, resumes after it.
#[utoipa::path(
    get, path = "/v1/bindings/{binding}/events", tag = "events",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("last-event-id" = Option<u64>, Header, description = "Where to go on."),
    ),
    responses((status = 200, description = "Each event's data is a PublishedEvent.", content_type = "text/event-stream", body = String))
)]
pub(super) async fn stream(
    State(state): State<Arc<ServiceState>>,
    Extension(sender): Extension<Sender>,
    Path(binding): Path<String>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    let after = last_event(&headers)?.unwrap_or(0);
    let place = state.access.open_stream(sender)?;
    let events = changes::published(&state, place, &binding, after)?;
    Ok(Sse::new(events).keep_alive(changes::keep_alive()))
}

/// The id of the last event that a client has seen, if it goes on.
pub(super) fn last_event(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| {
        Refusal::bad_request(
            "malformed-position",
            "Last-Event-ID must be the id of an event of this stream",
        )
    })
}

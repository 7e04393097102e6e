//! One span and one count for every request.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::state::ServiceState;

/// What a request is counted under that no route takes.
const NO_ROUTE: &str = "none";

/// Traces and counts a request by the template of its route: paths are the caller's to make up.
pub(crate) async fn request(
    State(state): State<Arc<ServiceState>>,
    request: Request,
    next: Next,
) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or(NO_ROUTE, MatchedPath::as_str)
        .to_owned();
    let method = known_method(request.method());
    let changes = !matches!(method, "GET" | "HEAD");
    let span = tracing::info_span!("request", method, route, token = Empty);
    let begun = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    state.metrics.answered(method, &route, status);
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| {
        if changes {
            tracing::info!(status, milliseconds, "answered");
        } else {
            tracing::debug!(status, milliseconds, "answered");
        }
    });
    response
}

/// Clients may send methods of their own making; they are counted as one.
fn known_method(method: &axum::http::Method) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|known| method.as_str() == *known)
        .unwrap_or("other")
}

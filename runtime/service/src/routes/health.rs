//! Whether the process lives, and whether it can do its work: for supervisors, without a token.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::api::{Live, Readiness};
use crate::state::ServiceState;

/// Whether the process answers at all.
#[utoipa::path(
    get, path = "/health/live", tag = "health",
    responses((status = 200, description = "It does.", body = Live))
)]
pub(super) async fn live() -> Json<Live> {
    Json(Live { live: true })
}

/// Whether it takes work: the journal can be written, every node answers, and it is not about to
/// stop.
#[utoipa::path(
    get, path = "/health/ready", tag = "health",
    responses(
        (status = 200, description = "It does.", body = Readiness),
        (status = 503, description = "It does not, or not all of it; the reasons say why.", body = Readiness),
    )
)]
pub(super) async fn ready(State(state): State<Arc<ServiceState>>) -> (StatusCode, Json<Readiness>) {
    let readiness = state.readiness();
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness))
}

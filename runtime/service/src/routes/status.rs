//! How the service is doing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::api::Status;
use crate::metrics::MEDIA_TYPE;
use crate::refusal::Refusal;
use crate::state::ServiceState;
use crate::views;

/// How the service, its ledgers and its bindings are doing.
#[utoipa::path(
    get, path = "/v1/status", tag = "service",
    responses((status = 200, description = "As of now.", body = Status))
)]
pub(super) async fn status(
    State(state): State<Arc<ServiceState>>,
) -> Result<Json<Status>, Refusal> {
    Ok(Json(state.read(views::status).await?))
}

/// What Prometheus collects.
#[utoipa::path(
    get, path = "/metrics", tag = "service",
    responses((status = 200, description = "OpenMetrics text.", content_type = "application/openmetrics-text", body = String))
)]
pub(super) async fn metrics(
    State(state): State<Arc<ServiceState>>,
) -> Result<impl IntoResponse, Refusal> {
    state.read(views::measure).await?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], state.metrics.text()))
}

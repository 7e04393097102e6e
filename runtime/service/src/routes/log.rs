//! The transparency log, for auditors.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::api::RECEIPT;
use crate::extract::Path;
use crate::refusal::Refusal;
use crate::state::ServiceState;
use crate::views;

const TEXT: &str = "text/plain; charset=utf-8";

/// The receipt at a position of the log, with its proof.
#[utoipa::path(
    get, path = "/v1/receipts/{leaf}", tag = "log",
    params(("leaf" = u64, Path, description = "Position in the log.")),
    responses((status = 200, description = "What `cryptlet audit receipt` reads.", content_type = "application/cbor", body = Vec<u8>))
)]
pub(super) async fn receipt(
    State(state): State<Arc<ServiceState>>,
    Path(leaf): Path<u64>,
) -> Result<impl IntoResponse, Refusal> {
    let bytes = views::receipt(&state, leaf)?;
    Ok(([(header::CONTENT_TYPE, RECEIPT)], bytes))
}

/// The newest checkpoint.
#[utoipa::path(
    get, path = "/v1/log/checkpoint", tag = "log",
    responses((status = 200, description = "A signed note.", content_type = "text/plain", body = String))
)]
pub(super) async fn checkpoint(
    State(state): State<Arc<ServiceState>>,
) -> Result<impl IntoResponse, Refusal> {
    let note = state
        .fabric
        .journal()
        .checkpoint()?
        .ok_or_else(|| Refusal::not_found("no-checkpoint", "the log has no leaves yet"))?;
    Ok(([(header::CONTENT_TYPE, TEXT)], note))
}

/// The key that signs checkpoints. An auditor who trusts it because the host says so trusts the
/// host; have it from elsewhere.
#[utoipa::path(
    get, path = "/v1/log/key", tag = "log",
    responses((status = 200, description = "A verifier key.", content_type = "text/plain", body = String))
)]
pub(super) async fn key(State(state): State<Arc<ServiceState>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, TEXT)],
        format!("{}\n", state.fabric.trusted_key()),
    )
}

//! Versions of cryptlets.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::Sender;
use crate::api::DeployedVersion;
use crate::extract::{Component, Query};
use crate::refusal::Refusal;
use crate::routes::moves::decision;
use crate::state::ServiceState;
use crate::views;

/// Every deployed version, by name and then by age.
#[utoipa::path(
    get, path = "/v1/versions", tag = "versions",
    responses((status = 200, description = "All there are.", body = Vec<DeployedVersion>))
)]
pub(super) async fn list(
    State(state): State<Arc<ServiceState>>,
) -> Result<Json<Vec<DeployedVersion>>, Refusal> {
    let rows = state.fabric.journal().versions()?;
    Ok(Json(rows.into_iter().map(views::version).collect()))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Deployment {
    /// Why: one line, at most 500 bytes, which the log keeps.
    #[serde(default = "unsaid")]
    reason: String,
}

fn unsaid() -> String {
    "deployed, no reason given".to_owned()
}

/// Deploys a component; it runs nowhere yet. The same bytes again change nothing. For operators.
#[utoipa::path(
    post, path = "/v1/versions", tag = "versions",
    params(Deployment),
    request_body(content = Vec<u8>, content_type = "application/wasm", description = "The component."),
    responses((status = 201, description = "It is deployed.", body = DeployedVersion))
)]
pub(super) async fn deploy(
    State(state): State<Arc<ServiceState>>,
    Extension(sender): Extension<Sender>,
    Query(deployment): Query<Deployment>,
    Component(component): Component,
) -> Result<(StatusCode, Json<DeployedVersion>), Refusal> {
    let decision = decision(&sender, deployment.reason)?;
    let row = state
        .change(async move |state| state.fabric.deploy_by(component, decision).await)
        .await?;
    Ok((StatusCode::CREATED, Json(views::version(row))))
}

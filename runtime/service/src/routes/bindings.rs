//! Bindings and their active versions.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cryptlet_fabric::{Approval, Binding, FabricError};

use crate::access::Sender;
use crate::api::{Activation, ActiveVersion, BindingStatus, Promotion, Rollback, SignedApproval};
use crate::extract::{self, Path};
use crate::refusal::Refusal;
use crate::routes::moves::{decision, version};
use crate::state::ServiceState;
use crate::views;

/// Every binding, by name.
#[utoipa::path(
    get, path = "/v1/bindings", tag = "bindings",
    responses((status = 200, description = "All there are.", body = Vec<BindingStatus>))
)]
pub(super) async fn list(
    State(state): State<Arc<ServiceState>>,
) -> Result<Json<Vec<BindingStatus>>, Refusal> {
    Ok(Json(state.read(views::bindings).await?))
}

/// One binding.
#[utoipa::path(
    get, path = "/v1/bindings/{binding}", tag = "bindings",
    params(("binding" = String, Path, description = "The binding's name.")),
    responses((status = 200, description = "How it is.", body = BindingStatus))
)]
pub(super) async fn show(
    State(state): State<Arc<ServiceState>>,
    Path(binding): Path<String>,
) -> Result<Json<BindingStatus>, Refusal> {
    let row = state.binding(&binding)?;
    Ok(Json(views::binding(&state, &row)?))
}

/// Activates a binding that all its counterparties have signed. For operators.
#[utoipa::path(
    post, path = "/v1/bindings", tag = "bindings",
    request_body = Activation,
    responses((status = 201, description = "It is active.", body = BindingStatus))
)]
pub(super) async fn activate(
    State(state): State<Arc<ServiceState>>,
    extract::Json(activation): extract::Json<Activation>,
) -> Result<(StatusCode, Json<BindingStatus>), Refusal> {
    let binding = Binding::parse("document", &activation.document).map_err(FabricError::Binding)?;
    let approvals = activation
        .approvals
        .iter()
        .map(approval)
        .collect::<Result<Vec<_>, _>>()?;
    let name = binding.binding.name.clone();
    let activated = name.clone();
    state
        .change(async move |state| {
            state.fabric.bind(binding, approvals).await?;
            state.work.take_on(&activated);
            Ok(())
        })
        .await?;
    let row = state.binding(&name)?;
    Ok((StatusCode::CREATED, Json(views::binding(&state, &row)?)))
}

fn approval(signed: &SignedApproval) -> Result<Approval, Refusal> {
    let refused = |key: &str, reason: String| {
        Refusal::bad_request("malformed-approval", format!("approvals, {key}: {reason}"))
    };
    Ok(Approval {
        counterparty: signed.counterparty.parse().map_err(|error| {
            refused(
                "counterparty",
                format!("\"{}\" is no address: {error}", signed.counterparty),
            )
        })?,
        signature: signed.signature.parse().map_err(|error| {
            refused(
                "signature",
                format!("of {} is no hex: {error}", signed.counterparty),
            )
        })?,
    })
}

/// Makes another version the one that new invocations run on. For operators.
#[utoipa::path(
    post, path = "/v1/bindings/{binding}/promote", tag = "bindings",
    params(("binding" = String, Path, description = "The binding's name.")),
    request_body = Promotion,
    responses((status = 200, description = "It is the active one.", body = ActiveVersion))
)]
pub(super) async fn promote(
    State(state): State<Arc<ServiceState>>,
    Extension(sender): Extension<Sender>,
    Path(binding): Path<String>,
    extract::Json(promotion): extract::Json<Promotion>,
) -> Result<Json<ActiveVersion>, Refusal> {
    let version = version(&promotion.version)?;
    let decision = decision(&sender, promotion.reason)?;
    let active = version.to_string();
    let promoted = binding.clone();
    state
        .move_version(&binding, async move |state| {
            state.fabric.promote(&promoted, &version, decision).await
        })
        .await?;
    Ok(Json(ActiveVersion { binding, active }))
}

/// Goes back to the version that was active before, and to the state of then if the state was
/// migrated since. For operators.
#[utoipa::path(
    post, path = "/v1/bindings/{binding}/rollback", tag = "bindings",
    params(("binding" = String, Path, description = "The binding's name.")),
    request_body = Rollback,
    responses((status = 200, description = "The version that is active again.", body = ActiveVersion))
)]
pub(super) async fn rollback(
    State(state): State<Arc<ServiceState>>,
    Extension(sender): Extension<Sender>,
    Path(binding): Path<String>,
    extract::Json(rollback): extract::Json<Rollback>,
) -> Result<Json<ActiveVersion>, Refusal> {
    let mut decision = decision(&sender, rollback.reason)?;
    if rollback.drop_state_changes {
        decision = decision.dropping_state_changes();
    }
    let rolled_back = binding.clone();
    let active = state
        .move_version(&binding, async move |state| {
            state.fabric.rollback(&rolled_back, decision).await
        })
        .await?
        .to_string();
    Ok(Json(ActiveVersion { binding, active }))
}

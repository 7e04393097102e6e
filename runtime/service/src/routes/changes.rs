//! Changes of bindings: proposed, signed by their counterparties, carried to the chain.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cryptlet_fabric::FabricError;

use crate::api::{
    BindingChanges, ChangeApprovals, ChangeView, MalformedChange, ProposedChange, read_approvals,
};
use crate::extract::{self, Path};
use crate::refusal::Refusal;
use crate::state::ServiceState;

/// How a binding changes: the document in force, and what was proposed.
#[utoipa::path(
    get, path = "/v1/bindings/{binding}/changes", tag = "changes",
    params(("binding" = String, Path, description = "The binding's name.")),
    responses((status = 200, description = "What was proposed, oldest first.", body = BindingChanges))
)]
pub(super) async fn list(
    State(state): State<Arc<ServiceState>>,
    Path(binding): Path<String>,
) -> Result<Json<BindingChanges>, Refusal> {
    let row = state.binding(&binding)?;
    let changes = state.fabric.journal().changes(&row.document.id())?;
    let next_nonce = state
        .fabric
        .next_change(&binding)
        .await
        .inspect_err(|error| tracing::debug!(binding, %error, "the gateway was not asked"))
        .ok();
    Ok(Json(BindingChanges {
        binding,
        version: row.version.to_string(),
        document: row.document.to_toml(),
        next_nonce,
        changes: changes.iter().map(ChangeView::from).collect(),
    }))
}

/// Takes in a change with whatever signatures there are. When enough counterparties have signed, it
/// is carried to the gateway. The same change once more adds its signatures. For operators.
#[utoipa::path(
    post, path = "/v1/bindings/{binding}/changes", tag = "changes",
    params(("binding" = String, Path, description = "The binding's name.")),
    request_body = ProposedChange,
    responses((status = 201, description = "It is written down.", body = ChangeView))
)]
pub(super) async fn propose(
    State(state): State<Arc<ServiceState>>,
    Path(binding): Path<String>,
    extract::Json(proposed): extract::Json<ProposedChange>,
) -> Result<(StatusCode, Json<ChangeView>), Refusal> {
    let (change, approvals) = proposed.read()?;
    if change.in_force.binding.name != binding {
        return Err(Refusal::bad_request(
            "malformed-change",
            format!(
                "in-force: it is the document of {}, not of {binding}",
                change.in_force.binding.name
            ),
        ));
    }
    let changed = binding.clone();
    let number = state
        .change(async move |state| {
            let number = state.fabric.propose(change, approvals).await?;
            state.work.mend(&changed);
            Ok(number)
        })
        .await?;
    let view = view(&state, &binding, number)?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// One change of a binding.
#[utoipa::path(
    get, path = "/v1/bindings/{binding}/changes/{number}", tag = "changes",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("number" = u64, Path, description = "The change's number."),
    ),
    responses((status = 200, description = "How far it is.", body = ChangeView))
)]
pub(super) async fn show(
    State(state): State<Arc<ServiceState>>,
    Path((binding, number)): Path<(String, u64)>,
) -> Result<Json<ChangeView>, Refusal> {
    view(&state, &binding, number).map(Json)
}

/// Adds signatures to a change that collects them. For operators.
#[utoipa::path(
    post, path = "/v1/bindings/{binding}/changes/{number}/approvals", tag = "changes",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("number" = u64, Path, description = "The change's number."),
    ),
    request_body = ChangeApprovals,
    responses((status = 200, description = "They are written down.", body = ChangeView))
)]
pub(super) async fn approve(
    State(state): State<Arc<ServiceState>>,
    Path((binding, number)): Path<(String, u64)>,
    extract::Json(given): extract::Json<ChangeApprovals>,
) -> Result<Json<ChangeView>, Refusal> {
    let approvals = read_approvals(&given.approvals)?;
    let changed = binding.clone();
    state
        .change(async move |state| {
            state.fabric.approve(&changed, number, approvals).await?;
            state.work.mend(&changed);
            Ok(())
        })
        .await?;
    view(&state, &binding, number).map(Json)
}

fn view(state: &ServiceState, binding: &str, number: u64) -> Result<ChangeView, Refusal> {
    let row = state.binding(binding)?;
    let change = state.fabric.journal().change(&row.document.id(), number)?;
    change.as_ref().map(ChangeView::from).ok_or_else(|| {
        FabricError::UnknownChange {
            binding: binding.into(),
            number,
        }
        .into()
    })
}

impl From<MalformedChange> for Refusal {
    fn from(error: MalformedChange) -> Self {
        Self::bad_request("malformed-change", error.to_string())
    }
}

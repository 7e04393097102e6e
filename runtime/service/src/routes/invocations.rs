//! Invocations: how far they are and what came of them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::response::sse::Sse;
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::Sender;
use crate::api::InvocationView;
use crate::extract::{Path, Query};
use crate::refusal::Refusal;
use crate::state::ServiceState;
use crate::{changes, views};

/// Which invocations are listed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Those with a higher number than this.
    #[serde(default)]
    after: u64,
    /// At most this many, and 1000.
    #[serde(default = "page")]
    limit: u32,
}

const fn page() -> u32 {
    100
}

/// Most that are listed at once.
const LONGEST_PAGE: u32 = 1_000;

/// Invocations of a binding, by number.
#[utoipa::path(
    get, path = "/v1/bindings/{binding}/invocations", tag = "invocations",
    params(("binding" = String, Path, description = "The binding's name."), Page),
    responses((status = 200, description = "In ascending order.", body = Vec<InvocationView>))
)]
pub(super) async fn list(
    State(state): State<Arc<ServiceState>>,
    Path(binding): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<InvocationView>>, Refusal> {
    let limit = page.limit.min(LONGEST_PAGE);
    Ok(Json(views::invocations(
        &state, &binding, page.after, limit,
    )?))
}

/// One invocation.
#[utoipa::path(
    get, path = "/v1/bindings/{binding}/invocations/{number}", tag = "invocations",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("number" = u64, Path, description = "The invocation's number."),
    ),
    responses((status = 200, description = "As of now.", body = InvocationView))
)]
pub(super) async fn show(
    State(state): State<Arc<ServiceState>>,
    Path((binding, number)): Path<(String, u64)>,
) -> Result<Json<InvocationView>, Refusal> {
    Ok(Json(views::invocation(&state, &binding, number)?))
}

/// One invocation at each of its changes, as server-sent events named `invocation`, up to where it
/// is settled.
#[utoipa::path(
    get, path = "/v1/bindings/{binding}/invocations/{number}/stream", tag = "invocations",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("number" = u64, Path, description = "The invocation's number."),
    ),
    responses((status = 200, description = "Each event's data is an InvocationView.", content_type = "text/event-stream", body = String))
)]
pub(super) async fn stream(
    State(state): State<Arc<ServiceState>>,
    Extension(sender): Extension<Sender>,
    Path((binding, number)): Path<(String, u64)>,
) -> Result<impl IntoResponse, Refusal> {
    let place = state.access.open_stream(sender)?;
    let events = changes::invocation(&state, place, binding, number)?;
    Ok(Sse::new(events).keep_alive(changes::keep_alive()))
}

/// Runs the trigger of a failed invocation once more, as a new invocation. For operators.
#[utoipa::path(
    post, path = "/v1/bindings/{binding}/invocations/{number}/run-again", tag = "invocations",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("number" = u64, Path, description = "The failed invocation's number."),
    ),
    responses((status = 202, description = "The new invocation.", body = InvocationView))
)]
pub(super) async fn run_again(
    State(state): State<Arc<ServiceState>>,
    Path((binding, number)): Path<(String, u64)>,
) -> Result<impl IntoResponse, Refusal> {
    let waking = binding.clone();
    let again = state
        .change(async move |state| {
            let again = state.fabric.run_again(&waking, number).await?;
            state.work.mend(&waking);
            Ok(again)
        })
        .await?;
    let view = views::invocation(&state, &binding, again)?;
    let location = [(header::LOCATION, views::location(&binding, again))];
    Ok((StatusCode::ACCEPTED, location, Json(view)))
}

/// Goes on past a contract event whose run failed, without an answer to it. For operators.
#[utoipa::path(
    post, path = "/v1/bindings/{binding}/invocations/{number}/pass-over", tag = "invocations",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("number" = u64, Path, description = "The failed invocation's number."),
    ),
    responses((status = 204, description = "The binding goes on."))
)]
pub(super) async fn pass_over(
    State(state): State<Arc<ServiceState>>,
    Path((binding, number)): Path<(String, u64)>,
) -> Result<StatusCode, Refusal> {
    state
        .change(async move |state| {
            state.fabric.pass_over(&binding, number).await?;
            state.work.mend(&binding);
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

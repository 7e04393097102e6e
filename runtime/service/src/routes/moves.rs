//! Versions under a binding, and what operators decide about them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::Sse;
use axum::{Extension, Json};
use cryptlet_fabric::Decision;
use semver::Version;

use crate::access::Sender;
use crate::api::{BindingVersions, Canary, CanaryFigures, Decided, StandingVersion};
use crate::changes;
use crate::extract::{self, Path};
use crate::moves;
use crate::refusal::Refusal;
use crate::routes::events::last_event;
use crate::state::ServiceState;

/// Where each version of a binding's cryptlet stands, and how it came there.
#[utoipa::path(
    get, path = "/v1/bindings/{binding}/versions", tag = "bindings",
    params(("binding" = String, Path, description = "The binding's name.")),
    responses((status = 200, description = "All there are.", body = BindingVersions))
)]
pub(super) async fn list(
    State(state): State<Arc<ServiceState>>,
    Path(binding): Path<String>,
) -> Result<Json<BindingVersions>, Refusal> {
    let id = state.binding(&binding)?.document.id();
    let journal = state.fabric.journal();
    let (versions, moves) = (journal.stages(&id)?, journal.version_moves(&id)?);
    Ok(Json(BindingVersions {
        binding,
        versions: versions.into_iter().map(Into::into).collect(),
        moves: moves.into_iter().map(Into::into).collect(),
    }))
}

/// The moves of a binding's versions, from its activation on, as server-sent events named `moved`.
/// The id of the last one seen, as Last-Event-ID, resumes after it.
#[utoipa::path(
    get, path = "/v1/bindings/{binding}/versions/events", tag = "bindings",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("last-event-id" = Option<u64>, Header, description = "Where to go on."),
    ),
    responses((status = 200, description = "Each event's data is a VersionMoved.", content_type = "text/event-stream", body = String))
)]
pub(super) async fn stream(
    State(state): State<Arc<ServiceState>>,
    Extension(sender): Extension<Sender>,
    Path(binding): Path<String>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    let from = last_event(&headers)?.map_or(0, |last| last.saturating_add(1));
    let place = state.access.open_stream(sender)?;
    let events = moves::moves(&state, place, binding, from)?;
    Ok(Sse::new(events).keep_alive(changes::keep_alive()))
}

/// How a binding's canary does beside the active version, by the newest runs of each.
#[utoipa::path(
    get, path = "/v1/bindings/{binding}/canary", tag = "bindings",
    params(("binding" = String, Path, description = "The binding's name.")),
    responses((status = 200, description = "What it is judged by.", body = CanaryFigures))
)]
pub(super) async fn figures(
    State(state): State<Arc<ServiceState>>,
    Path(binding): Path<String>,
) -> Result<Json<CanaryFigures>, Refusal> {
    let row = state.binding(&binding)?;
    let stages = state.fabric.journal().stages(&row.document.id())?;
    let canary = stages
        .into_iter()
        .find_map(|row| Some((row.version, row.share?)));
    let (Some((version, share)), Some((of_active, of_canary, bounds))) =
        (canary, state.fabric.canary_figures(&binding))
    else {
        return Err(Refusal::not_found(
            "no-canary",
            format!("binding \"{binding}\" has no canary"),
        ));
    };
    Ok(Json(CanaryFigures {
        binding,
        version: version.to_string(),
        share,
        active: row.active.to_string(),
        bounds: bounds.into(),
        of_canary: of_canary.into(),
        of_active: of_active.into(),
    }))
}

/// Lets a version run beside the active one; nothing of it leaves. For operators.
#[utoipa::path(
    post, path = "/v1/bindings/{binding}/versions/{version}/shadow", tag = "bindings",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("version" = String, Path, description = "The version."),
    ),
    request_body = Decided,
    responses((status = 200, description = "Where it stands now.", body = StandingVersion))
)]
pub(super) async fn shadow(
    State(state): State<Arc<ServiceState>>,
    Extension(sender): Extension<Sender>,
    Path((binding, text)): Path<(String, String)>,
    extract::Json(decided): extract::Json<Decided>,
) -> Result<Json<StandingVersion>, Refusal> {
    let version = version(&text)?;
    let decision = decision(&sender, decided.reason)?;
    let (moved, name) = (version.clone(), binding.clone());
    state
        .change(async move |state| state.fabric.shadow(&name, &moved, decision).await)
        .await?;
    standing(&state, &binding, &version)
}

/// Gives a version a share of an unordered binding's new invocations, or another share. For
/// operators.
#[utoipa::path(
    post, path = "/v1/bindings/{binding}/versions/{version}/canary", tag = "bindings",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("version" = String, Path, description = "The version."),
    ),
    request_body = Canary,
    responses((status = 200, description = "Where it stands now.", body = StandingVersion))
)]
pub(super) async fn canary(
    State(state): State<Arc<ServiceState>>,
    Extension(sender): Extension<Sender>,
    Path((binding, text)): Path<(String, String)>,
    extract::Json(canary): extract::Json<Canary>,
) -> Result<Json<StandingVersion>, Refusal> {
    let version = version(&text)?;
    let decision = decision(&sender, canary.reason)?;
    let (moved, name) = (version.clone(), binding.clone());
    let (share, bounds) = (canary.share, canary.bounds.into());
    state
        .change(async move |state| {
            state
                .fabric
                .canary_within(&name, &moved, share, bounds, decision)
                .await
        })
        .await?;
    standing(&state, &binding, &version)
}

/// Takes a version out of shadow or canary. For operators.
#[utoipa::path(
    post, path = "/v1/bindings/{binding}/versions/{version}/withdraw", tag = "bindings",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("version" = String, Path, description = "The version."),
    ),
    request_body = Decided,
    responses((status = 200, description = "Where it stands now.", body = StandingVersion))
)]
pub(super) async fn withdraw(
    State(state): State<Arc<ServiceState>>,
    Extension(sender): Extension<Sender>,
    Path((binding, text)): Path<(String, String)>,
    extract::Json(decided): extract::Json<Decided>,
) -> Result<Json<StandingVersion>, Refusal> {
    let version = version(&text)?;
    let decision = decision(&sender, decided.reason)?;
    let (moved, name) = (version.clone(), binding.clone());
    state
        .change(async move |state| state.fabric.withdraw(&name, &moved, decision).await)
        .await?;
    standing(&state, &binding, &version)
}

/// Ends a version's life under a binding: it never runs there again. For operators.
#[utoipa::path(
    post, path = "/v1/bindings/{binding}/versions/{version}/retire", tag = "bindings",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("version" = String, Path, description = "The version."),
    ),
    request_body = Decided,
    responses((status = 200, description = "Where it stands now.", body = StandingVersion))
)]
pub(super) async fn retire(
    State(state): State<Arc<ServiceState>>,
    Extension(sender): Extension<Sender>,
    Path((binding, text)): Path<(String, String)>,
    extract::Json(decided): extract::Json<Decided>,
) -> Result<Json<StandingVersion>, Refusal> {
    let version = version(&text)?;
    let decision = decision(&sender, decided.reason)?;
    let (moved, name) = (version.clone(), binding.clone());
    state
        .change(async move |state| state.fabric.retire(&name, &moved, decision).await)
        .await?;
    standing(&state, &binding, &version)
}

fn standing(
    state: &ServiceState,
    binding: &str,
    version: &Version,
) -> Result<Json<StandingVersion>, Refusal> {
    let id = state.binding(binding)?.document.id();
    let stages = state.fabric.journal().stages(&id)?;
    let found = stages.into_iter().find(|row| row.version == *version);
    found.map(|row| Json(row.into())).ok_or_else(|| {
        Refusal::not_found(
            "unknown-version",
            format!("binding \"{binding}\" has no version {version}"),
        )
    })
}

/// A version out of a request.
pub(super) fn version(text: &str) -> Result<Version, Refusal> {
    text.parse().map_err(|error| {
        Refusal::bad_request(
            "malformed-version",
            format!("\"{text}\" is no version: {error}; write it like 1.2.0"),
        )
    })
}

/// What the holder of a token decides.
pub(super) fn decision(sender: &Sender, reason: String) -> Result<Decision, Refusal> {
    Decision::new(sender.name.to_string(), reason)
        .map_err(|error| Refusal::bad_request("malformed-reason", error.to_string()))
}

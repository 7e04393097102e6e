//! Versions in shadow: what they did with live runs of the active version.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use cryptlet_fabric::journal::KEPT_SHADOW_RUNS;

use super::moves::version;
use crate::api::{ShadowRun, ShadowRuns};
use crate::refusal::Refusal;
use crate::state::ServiceState;

/// Differing runs that are shown.
const MOST_SHOWN: usize = 20;

/// How a version does beside the active one, with the newest runs in which it differs.
#[utoipa::path(
    get, path = "/v1/bindings/{binding}/versions/{version}/shadow-runs", tag = "versions",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("version" = String, Path, description = "The version."),
    ),
    responses((status = 200, description = "What is known of it.", body = ShadowRuns))
)]
pub(super) async fn runs(
    State(state): State<Arc<ServiceState>>,
    Path((binding, wanted)): Path<(String, String)>,
) -> Result<Json<ShadowRuns>, Refusal> {
    let wanted = version(&wanted)?;
    let row = state.binding(&binding)?;
    let journal = state.fabric.journal();
    let id = row.document.id();
    let kept = journal.shadow_runs(&id, &wanted, KEPT_SHADOW_RUNS)?;
    let runs = kept.len() as u64;
    let mean = |fuel: &dyn Fn(usize) -> u64| {
        let sum: u128 = (0..kept.len()).map(|run| u128::from(fuel(run))).sum();
        u64::try_from(sum / u128::from(runs.max(1))).unwrap_or(u64::MAX)
    };
    Ok(Json(ShadowRuns {
        version: wanted.to_string(),
        active: row.active.to_string(),
        runs,
        differed: kept
            .iter()
            .filter(|run| !run.differences.is_empty())
            .count() as u64,
        clean_in_a_row: journal.clean_shadow_runs(&id, &wanted, &row.active)?,
        required: row
            .document
            .promotion
            .as_ref()
            .map(|promotion| promotion.clean_shadow_runs),
        skipped: state.fabric.skipped_shadow_runs(&binding, &wanted),
        fuel_active: mean(&|run| kept[run].fuel_active),
        fuel_candidate: mean(&|run| kept[run].fuel_candidate),
        differing: kept
            .iter()
            .filter(|run| !run.differences.is_empty())
            .take(MOST_SHOWN)
            .map(|run| ShadowRun {
                number: run.number,
                active: run.active.to_string(),
                at: run.at,
                differences: run.differences.clone(),
            })
            .collect(),
    }))
}

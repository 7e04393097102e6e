//! Bundles: everything that bears on one run, for auditors.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use cryptlet_fabric::bundle::{BundleError, BundleParts, Openings};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::Sender;
use crate::extract::{Path, Query};
use crate::refusal::Refusal;
use crate::state::ServiceState;
use crate::tokens::Role;

/// Media type of a bundle.
const BUNDLE: &str = "application/cbor";

/// What is shown of what the receipts' digests stand for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[into_params(parameter_in = Query)]
pub(super) struct Shown {
    /// Fields of the run such as `input,reply`, or `all`; by default none. Takes the role operator.
    #[serde(default)]
    open: String,
}

/// The bundle of a run: what is public of it, or more if its operator asks.
#[utoipa::path(
    get, path = "/v1/bindings/{binding}/invocations/{number}/bundle", tag = "invocations",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("number" = u64, Path, description = "The invocation."),
        Shown,
    ),
    responses((status = 200, description = "What `cryptlet audit verify` reads.", content_type = "application/cbor", body = Vec<u8>))
)]
pub(super) async fn show(
    State(state): State<Arc<ServiceState>>,
    Extension(sender): Extension<Sender>,
    Path((binding, number)): Path<(String, u64)>,
    Query(shown): Query<Shown>,
) -> Result<impl IntoResponse, Refusal> {
    let openings = openings(&shown.open);
    if openings != Openings::None && sender.role < Role::Operator {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            format!(
                "token \"{}\" has the role {}; to open what digests stand for takes the role {}",
                sender.name,
                sender.role,
                Role::Operator
            ),
        ));
    }
    let parts = BundleParts {
        openings,
        ..BundleParts::default()
    };
    let bytes = state
        .read(move |state| {
            let journal = state.fabric.journal();
            let bundle = journal.bundle(&binding, number, &parts).map_err(refused)?;
            Ok(bundle.to_bytes())
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, BUNDLE)], bytes))
}

fn openings(open: &str) -> Openings {
    match open {
        "" => Openings::None,
        "all" => Openings::All,
        fields => Openings::Fields(
            fields
                .split(',')
                // The run's own; sources have other numbers than 0.
                .map(|field| (0, field.to_owned()))
                .collect(),
        ),
    }
}

fn refused(error: BundleError) -> Refusal {
    let detail = error.to_string();
    match error {
        BundleError::Journal(error) => error.into(),
        BundleError::NoRun { .. } => Refusal::not_found("unknown-run", detail),
        BundleError::NoField { .. } => Refusal::not_found("unknown-field", detail),
        BundleError::TooManyOpenings { .. } => Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "too-many-openings",
            detail,
        ),
        _ => {
            tracing::error!(error = detail, "a bundle could not be made");
            Refusal::internal(detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn more_openings_than_a_bundle_holds_are_the_callers_to_choose_from() {
        let refusal = refused(BundleError::TooManyOpenings { count: 5_000 });
        let said = format!("{refusal:?}");
        assert!(
            said.contains("open those that matter by their names"),
            "{said}"
        );
        assert_eq!(
            refusal.into_response().status(),
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
}

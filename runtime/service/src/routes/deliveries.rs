//! What an operator decides about a delivery.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use crate::extract::Path;
use crate::refusal::Refusal;
use crate::state::ServiceState;

/// Gives up a delivery that its ledger will never take, so that the next one can go. For operators.
#[utoipa::path(
    post, path = "/v1/bindings/{binding}/deliveries/{delivery}/skip", tag = "deliveries",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("delivery" = u64, Path, description = "The delivery's number."),
    ),
    responses((status = 204, description = "The gateway is asked to use up its number without a call."))
)]
pub(super) async fn skip(
    State(state): State<Arc<ServiceState>>,
    Path((binding, delivery)): Path<(String, u64)>,
) -> Result<StatusCode, Refusal> {
    state
        .change(async move |state| {
            state.fabric.skip(&binding, delivery).await?;
            state.work.mend(&binding);
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

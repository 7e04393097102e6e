//! Every route, one file a group; a route is known to the router only by its description.

mod bindings;
mod bundles;
mod changes;
mod deliveries;
mod describe;
mod events;
mod health;
mod invocations;
mod log;
mod messages;
mod moves;
mod shadow;
mod status;
mod versions;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use describe::description;

use crate::access;
use crate::observe;
use crate::refusal::Refusal;
use crate::state::ServiceState;

/// The one route by which others than operators change something.
pub(crate) const MESSAGE_PATH: &str = "/v1/bindings/{binding}/messages/{topic}";
/// How long an answer may take that waits for nobody.
const ANSWER_TIME: Duration = Duration::from_secs(60);

type Routes = OpenApiRouter<Arc<ServiceState>>;

/// The API, ready to answer.
pub(crate) fn router(state: &Arc<ServiceState>) -> Router {
    let timed = prompt().layer(middleware::from_fn(limit_time));
    let (guarded, _) = timed.merge(patient()).split_for_parts();
    let guarded = guarded
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(
            Arc::clone(state),
            access::guard,
        ));
    let (published, _) = published()
        .layer(middleware::from_fn(limit_time))
        .split_for_parts();
    let published =
        published
            .method_not_allowed_fallback(wrong_method)
            .layer(middleware::from_fn_with_state(
                Arc::clone(state),
                access::guard_published,
            ));
    let (open, _) = open().split_for_parts();
    guarded
        .merge(published)
        .merge(open.method_not_allowed_fallback(wrong_method))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(
            Arc::clone(state),
            access::check_host,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::clone(state),
            observe::request,
        ))
        .with_state(Arc::clone(state))
}

/// What needs no token.
fn open() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(describe::openapi))
}

/// What is answered at once.
fn prompt() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(status::status))
        .routes(routes!(status::metrics))
        .routes(routes!(versions::list))
        .routes(routes!(bindings::list))
        .routes(routes!(bindings::show))
        .routes(routes!(shadow::runs))
        .routes(routes!(moves::list))
        .routes(routes!(moves::figures))
        .routes(routes!(moves::withdraw))
        .routes(routes!(moves::retire))
        .routes(routes!(changes::list, changes::propose))
        .routes(routes!(changes::show))
        .routes(routes!(changes::approve))
        .routes(routes!(invocations::list))
        .routes(routes!(invocations::show))
        .routes(routes!(bundles::show))
        .routes(routes!(invocations::run_again))
        .routes(routes!(invocations::pass_over))
        .routes(routes!(deliveries::skip))
        .routes(routes!(log::receipt))
}

/// The log, which is everybody's to read unless the operator says otherwise.
fn published() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(log::checkpoint))
        .routes(routes!(log::key))
        .routes(routes!(log::tile))
        .routes(routes!(log::entries))
        .routes(routes!(log::proof))
        .routes(routes!(log::cose))
        .routes(routes!(log::consistency))
}

/// What waits for a run, for a compiler, or for as long as the client stays.
fn patient() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(versions::deploy))
        .routes(routes!(bindings::activate))
        .routes(routes!(bindings::promote))
        .routes(routes!(bindings::rollback))
        .routes(routes!(moves::shadow))
        .routes(routes!(moves::canary))
        .routes(routes!(messages::send))
        .routes(routes!(invocations::stream))
        .routes(routes!(events::stream))
        .routes(routes!(moves::stream))
}

async fn limit_time(request: Request, next: Next) -> Result<Response, Refusal> {
    tokio::time::timeout(ANSWER_TIME, next.run(request))
        .await
        .map_err(|_| {
            Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too-slow",
                format!(
                    "there was no answer within {} seconds; what was asked for may happen yet",
                    ANSWER_TIME.as_secs()
                ),
            )
            .retry_after(ANSWER_TIME.as_secs())
        })
}

async fn unknown_route(uri: Uri) -> Refusal {
    Refusal::not_found(
        "unknown-route",
        format!(
            "there is nothing at {}; /v1/openapi.json describes what there is",
            uri.path()
        ),
    )
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong-method",
        format!(
            "{} does not take {method}; the Allow header says what it takes",
            uri.path()
        ),
    )
}

/// One request that hits a mistake of ours does not take the service down.
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("nothing");
    tracing::error!(said, "a request panicked");
    Refusal::internal("the service made a mistake while it answered; its log says more")
        .into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;
    use crate::api::PROBLEM;

    #[test]
    fn a_panic_is_a_problem_that_says_nothing_of_it() {
        for panic in [
            Box::new("a secret") as Box<dyn Any + Send>,
            Box::new(String::from("a secret")),
            Box::new(7),
        ] {
            let response = panicked(panic);
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM);
        }
    }
}

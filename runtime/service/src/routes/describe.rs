//! The description of the API, made of the routes themselves.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::PartialSchema as _;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, InfoBuilder, OpenApi, Ref, ResponseBuilder, SecurityRequirement};

use crate::api::{PROBLEM, Problem};

/// The name of the security scheme in the description.
const BEARER: &str = "token";

/// What the API takes and answers, as OpenAPI 3.1.
#[must_use]
pub fn description() -> OpenApi {
    let mut guarded = super::prompt().merge(super::patient()).into_openapi();
    for item in guarded.paths.paths.values_mut() {
        for operation in operations(item) {
            let nothing_more: [&str; 0] = [];
            operation.security = Some(vec![SecurityRequirement::new(BEARER, nothing_more)]);
        }
    }
    let mut published = super::published().into_openapi();
    for item in published.paths.paths.values_mut() {
        for operation in operations(item) {
            let nothing_more: [&str; 0] = [];
            let token = SecurityRequirement::new(BEARER, nothing_more);
            operation.security = Some(vec![SecurityRequirement::default(), token]);
        }
    }
    let mut api = super::open().into_openapi();
    api.merge(published);
    api.merge(guarded);
    api.info = InfoBuilder::new()
        .title("Cryptlet Fabric")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Instants are milliseconds since 1970-01-01T00:00:00Z. Whatever is refused is answered \
             with a Problem (RFC 9457).",
        ))
        .build();
    let components = api.components.get_or_insert_default();
    components
        .schemas
        .insert("Problem".into(), Problem::schema());
    components.add_security_scheme(
        BEARER,
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("A token that `cryptlet token new` made."))
                .build(),
        ),
    );
    let refused = ResponseBuilder::new()
        .description("The request was not followed, and why.")
        .content(
            PROBLEM,
            Content::new(Some(Ref::from_schema_name("Problem"))),
        )
        .build();
    for item in api.paths.paths.values_mut() {
        for operation in operations(item) {
            operation
                .responses
                .responses
                .insert("default".into(), refused.clone().into());
        }
    }
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ]
    .into_iter()
    .flatten()
}

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
    description()
        .to_pretty_json()
        .expect("a description is made of strings and numbers")
});

/// This description.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "service",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = serde_json::Value))
)]
pub(super) async fn openapi() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        DESCRIPTION.as_str(),
    )
}

//! What handlers take out of a request, with a [`Refusal`] when it is not there.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;

use crate::api;
use crate::refusal::Refusal;
use crate::state::ServiceState;

/// How long a body may take to arrive; a client that is slower than that is no client.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Parts of the path.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let axum::extract::Path(found) =
            axum::extract::Path::from_request_parts(parts, state).await?;
        Ok(Self(found))
    }
}

/// The query, every key of which must be known.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let axum::extract::Query(found) =
            axum::extract::Query::from_request_parts(parts, state).await?;
        Ok(Self(found))
    }
}

/// The whole body, within the configured size and in time.
pub(crate) struct Payload(pub(crate) Bytes);

impl FromRequest<Arc<ServiceState>> for Payload {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &Arc<ServiceState>) -> Result<Self, Refusal> {
        let most = usize::try_from(state.settings().body_bytes).unwrap_or(usize::MAX);
        tokio::time::timeout(BODY_TIME, read(request, most))
            .await
            .unwrap_or_else(|_| {
                Err(Refusal::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "slow-body",
                    format!(
                        "the body did not arrive within {} seconds",
                        BODY_TIME.as_secs()
                    ),
                ))
            })
            .map(Self)
    }
}

/// A body in JSON; unknown keys are refused by the type itself.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<ServiceState>> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &Arc<ServiceState>) -> Result<Self, Refusal> {
        check_media_type(&request, "application/json")?;
        let Payload(body) = Payload::from_request(request, state).await?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| Refusal::bad_request("malformed-json", format!("the body: {error}")))
    }
}

/// A component's bytes.
pub(crate) struct Component(pub(crate) Vec<u8>);

impl FromRequest<Arc<ServiceState>> for Component {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &Arc<ServiceState>) -> Result<Self, Refusal> {
        check_media_type(&request, api::WASM)?;
        let Payload(body) = Payload::from_request(request, state).await?;
        Ok(Self(body.into()))
    }
}

/// The body of a message: a JSON object, kept as it was sent.
pub(crate) struct Fields(pub(crate) Vec<u8>);

impl FromRequest<Arc<ServiceState>> for Fields {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &Arc<ServiceState>) -> Result<Self, Refusal> {
        check_media_type(&request, "application/json")?;
        let Payload(body) = Payload::from_request(request, state).await?;
        Ok(Self(body.into()))
    }
}

/// A browser sends other types across origins without asking first.
fn check_media_type(request: &Request<Body>, wanted: &str) -> Result<(), Refusal> {
    let given = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        format!("the Content-Type must be {wanted}"),
    ))
}

async fn read(request: Request, most: usize) -> Result<Bytes, Refusal> {
    let too_large = || {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            format!(
                "the body has more than {most} bytes, which service.body-bytes in fabric.toml allows"
            ),
        )
    };
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|length| length.parse::<usize>().ok());
    // Before anything of it is read.
    if announced.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    let mut frames = request.into_body().into_data_stream();
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|error| {
            Refusal::bad_request("broken-body", format!("the body ended early: {error}"))
        })?;
        if body.len() + frame.len() > most {
            return Err(too_large());
        }
        body.extend_from_slice(&frame);
    }
    Ok(body.into())
}

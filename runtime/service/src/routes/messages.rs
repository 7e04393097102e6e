//! Messages to bindings.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use cryptlet_fabric::Message;

use crate::access::Sender;
use crate::api::{IDEMPOTENCY_KEY, InvocationView, PREFER, Stage};
use crate::extract::{Fields, Path};
use crate::refusal::Refusal;
use crate::state::ServiceState;
use crate::{changes, views};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Sends a message to a binding. It is accepted durably before it is answered, and the same key
/// from the same token is the same message however often it is sent. For callers.
#[utoipa::path(
    post, path = "/v1/bindings/{binding}/messages/{topic}", tag = "messages",
    params(
        ("binding" = String, Path, description = "The binding's name."),
        ("topic" = String, Path, description = "Name of one of the binding's messages."),
        ("idempotency-key" = String, Header, description = "1 to 255 printable characters of ASCII that name this message."),
        ("prefer" = Option<String>, Header, description = "`wait=10` waits up to ten seconds for the run."),
    ),
    request_body(content = serde_json::Value, content_type = "application/json", description = "The message's fields."),
    responses(
        (status = 200, description = "It ran; the result says how it ended.", body = InvocationView),
        (status = 202, description = "It is accepted and will run; Location says where to ask.", body = InvocationView),
    )
)]
pub(super) async fn send(
    State(state): State<Arc<ServiceState>>,
    Extension(sender): Extension<Sender>,
    Path((binding, topic)): Path<(String, String)>,
    headers: HeaderMap,
    Fields(body): Fields,
) -> Result<Response, Refusal> {
    let idempotency_key = idempotency_key(&headers)?;
    let wait = wait(&headers)?;
    let message = Message {
        sender: sender.name.to_string(),
        topic,
        body,
        idempotency_key,
    };
    let number = state.send(&binding, message).await?;
    let most = Duration::from_secs(wait.unwrap_or_default().min(state.settings().wait_seconds));
    let view = changes::executed(&state, &binding, number, most).await?;
    Ok(answer(&binding, &view, wait.map(|_| most)))
}

fn answer(binding: &str, view: &InvocationView, waited: Option<Duration>) -> Response {
    let status = match view.stage {
        Stage::Accepted => StatusCode::ACCEPTED,
        Stage::Executed | Stage::Settled => StatusCode::OK,
    };
    let location = views::location(binding, view.number);
    let mut response = (status, Json(view)).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(header::LOCATION, location);
    }
    if let Some(applied) =
        waited.and_then(|most| HeaderValue::from_str(&format!("wait={}", most.as_secs())).ok())
    {
        headers.insert(PREFERENCE_APPLIED, applied);
    }
    response
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, Refusal> {
    let refused = |detail: &str| Refusal::bad_request("idempotency-key", detail);
    let mut given = headers.get_all(IDEMPOTENCY_KEY).into_iter();
    let key = given.next().ok_or_else(|| {
        refused("name the message with an Idempotency-Key header, so that sending it twice is sending it once")
    })?;
    if given.next().is_some() {
        return Err(refused("there is more than one Idempotency-Key header"));
    }
    let key = key.as_bytes();
    if !(1..=255).contains(&key.len()) || !key.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(refused(
            "an Idempotency-Key has 1 to 255 printable characters of ASCII",
        ));
    }
    Ok(String::from_utf8_lossy(key).into_owned())
}

/// The seconds of `wait=N` among the preferences; others are not ours to know (RFC 7240).
fn wait(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    for value in headers.get_all(PREFER) {
        let text = value.to_str().unwrap_or_default();
        for preference in text.split([',', ';']) {
            let (name, seconds) = preference.split_once('=').unwrap_or((preference, ""));
            if name.trim().eq_ignore_ascii_case("wait") {
                let seconds = seconds.trim().trim_matches('"');
                return seconds.parse().map(Some).map_err(|_| {
                    Refusal::bad_request(
                        "malformed-preference",
                        format!("Prefer: wait takes a number of seconds, not \"{seconds}\""),
                    )
                });
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).expect("a header"));
        headers
    }

    #[test]
    fn a_preference_to_wait_is_found_among_others() {
        for (text, seconds) in [
            ("wait=10", Some(10)),
            ("respond-async, wait=5", Some(5)),
            ("respond-async; WAIT = \"7\"", Some(7)),
            ("respond-async", None),
        ] {
            assert_eq!(wait(&with(PREFER, text)).expect(text), seconds, "{text}");
        }
        assert!(wait(&with(PREFER, "wait=soon")).is_err());
        assert!(wait(&with(PREFER, "wait=-1")).is_err());
        assert_eq!(wait(&HeaderMap::new()).expect("none is fine"), None);
    }

    #[test]
    fn keys_are_printable_and_not_too_long() {
        assert!(idempotency_key(&HeaderMap::new()).is_err());
        for good in ["a", "order 66/\"x\"", &"k".repeat(255)] {
            assert_eq!(
                idempotency_key(&with(IDEMPOTENCY_KEY, good)).expect(good),
                good
            );
        }
        for bad in ["", "a\tb", "ä", &"k".repeat(256)] {
            assert!(
                idempotency_key(&with(IDEMPOTENCY_KEY, bad)).is_err(),
                "{bad}"
            );
        }
    }
}

//! A request that is not followed: always a [`Problem`], whoever refuses it.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cryptlet_fabric::FabricError;
use cryptlet_fabric::journal::JournalError;

use crate::api::{PROBLEM, Problem};

/// Why a request is not followed, and when it may be tried again.
#[derive(Debug)]
pub(crate) struct Refusal {
    problem: Problem,
    retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        Self {
            problem: Problem::new(status.as_u16(), kind, detail),
            retry_after: None,
        }
    }

    /// Says after how many seconds it is worth another try.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    pub(crate) fn bad_request(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, detail)
    }

    pub(crate) fn not_found(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, kind, detail)
    }

    /// The service is about to stop; another one goes on where it ends.
    pub(crate) fn draining() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "draining",
            "the service is about to stop and takes nothing new; ask again once it runs again, and send a message with the same key",
        )
        .retry_after(RESTART_SECONDS)
    }

    /// Another history of this log was seen, and this one is not continued.
    pub(crate) fn contradicted(reason: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "log-contradicted", reason)
    }

    /// Something failed that the caller has no part in; the log has the whole story.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }
}

/// How long it takes, as far as callers are told, until a full queue has room.
const QUEUE_SECONDS: u64 = 1;
/// When it is worth asking again, as far as callers are told, whether a full disk has room.
const DISK_SECONDS: u64 = 60;
/// How long a restart takes, as far as callers are told.
const RESTART_SECONDS: u64 = 5;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<FabricError> for Refusal {
    fn from(error: FabricError) -> Self {
        let detail = error.to_string();
        match error {
            FabricError::Journal(error) => error.into(),
            FabricError::UnknownBinding(_) => Self::not_found("unknown-binding", detail),
            FabricError::UnknownVersion { .. } => Self::not_found("unknown-version", detail),
            FabricError::Binding(_) => unprocessable("unacceptable-binding", detail),
            FabricError::Load(error) if error.is_hosts_fault() => {
                tracing::error!(error = detail, "the compiler cannot be used");
                Self::internal(detail)
            }
            FabricError::Load(_) => unprocessable("unacceptable-component", detail),
            FabricError::Breach { .. } => unprocessable("unsuited-version", detail),
            FabricError::Grant(_) => unprocessable("not-granted", detail),
            FabricError::NotDeployed(_) => unprocessable("not-deployed", detail),
            FabricError::UnknownLedger { .. } | FabricError::OtherLedger { .. } => {
                unprocessable("unsuited-ledger", detail)
            }
            FabricError::NoDirectory { .. } => unprocessable("no-directory", detail),
            FabricError::OutsideBinding { .. } => unprocessable("outside-binding", detail),
            FabricError::Message { .. } => unprocessable("unacceptable-message", detail),
            FabricError::Key(_) => unprocessable("unsuited-key", detail),
            FabricError::IllegalMove { .. } => conflict("illegal-move", detail),
            FabricError::OrderedCanary { .. } => conflict("ordered-canary", detail),
            FabricError::Share(_) => unprocessable("unsuited-share", detail),
            FabricError::LeastRuns(_) => unprocessable("unsuited-bounds", detail),
            FabricError::State(_) => conflict("unsuited-state", detail),
            FabricError::Change(_) => unprocessable("unacceptable-change", detail),
            FabricError::Approval(_) => unprocessable("unacceptable-approval", detail),
            FabricError::UnknownChange { .. } => Self::not_found("unknown-change", detail),
            FabricError::NotAtGateway(_) => conflict("not-at-gateway", detail),
            FabricError::NotAllowed { .. } => conflict("not-allowed", detail),
            FabricError::Paused { .. } => conflict("paused", detail),
            FabricError::AlreadyActive { .. } => conflict("already-active", detail),
            FabricError::TooFewShadowRuns { .. } => conflict("too-few-shadow-runs", detail),
            FabricError::NothingBefore { .. } => conflict("nothing-before", detail),
            FabricError::Overtaken { .. } => conflict("overtaken", detail),
            FabricError::NotAgain { .. } => conflict("not-again", detail),
            FabricError::NotPassedOver { .. } => conflict("not-passed-over", detail),
            FabricError::NotSkipped { .. } => conflict("not-skipped", detail),
            FabricError::OtherMessage { .. } => conflict("other-message", detail),
            FabricError::QueueFull { .. } | FabricError::AllQueuesFull { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "queue-full", detail)
                    .retry_after(QUEUE_SECONDS)
            }
            FabricError::Ledger(_) => {
                Self::new(StatusCode::BAD_GATEWAY, "ledger-failed", detail).retry_after(5)
            }
            _ => {
                tracing::error!(error = detail, "a request failed");
                Self::internal(detail)
            }
        }
    }
}

impl From<JournalError> for Refusal {
    fn from(error: JournalError) -> Self {
        let detail = error.to_string();
        match error {
            JournalError::Conflict(_) => conflict("conflict", detail),
            JournalError::Full { .. } => {
                tracing::error!(error = detail, "the journal takes nothing now");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "disk-full", detail)
                    .retry_after(DISK_SECONDS)
            }
            _ => {
                tracing::error!(error = detail, "the journal failed");
                Self::internal(detail)
            }
        }
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request("malformed-path", rejection.body_text())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request("malformed-query", rejection.body_text())
    }
}

fn unprocessable(kind: &str, detail: String) -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, kind, detail)
}

fn conflict(kind: &str, detail: String) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, kind, detail)
}

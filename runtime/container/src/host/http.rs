//! `http`: leaves at once, to where the binding allows.

use std::time::Instant;

use cryptlet_attest::digest;

use super::{Capability, Guest};
use crate::address;
use crate::bindings::cryptlet::fabric::http;
use crate::services::{HttpError, HttpLimits, HttpRequest, HttpResponse};
use crate::transcript::Record;

/// Headers that belong to the connection, or with which a request could end elsewhere than its
/// address says.
const RESERVED_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "forwarded",
    "host",
    "http2-settings",
    "idempotency-key",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl http::Host for Guest {
    fn fetch(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<http::Response, http::HttpError>> {
        self.tally.host_call()?;
        let response_bytes = self.tally.response_left()?;
        let request = HttpRequest::from(request);
        let answer = self.fetch_within_grants(&request, response_bytes);
        // What was read and thrown away was read all the same.
        self.tally.response(match &answer {
            Ok(response) => response.size(),
            Err(HttpError::TooLarge(_)) => response_bytes,
            Err(_) => 0,
        });
        self.has_answer()?;
        self.record(Record::Fetch {
            request,
            answer: answer.clone(),
        })?;
        Ok(answer.map(Into::into).map_err(Into::into))
    }
}

impl Guest {
    fn fetch_within_grants(
        &self,
        request: &HttpRequest,
        response_bytes: u64,
    ) -> Result<HttpResponse, HttpError> {
        if !self.is_granted(Capability::Http) {
            return Err(HttpError::Denied(
                "manifest and binding do not both give http".to_owned(),
            ));
        }
        check_headers(&request.headers)?;
        let url = address::resolve(&self.grants.http, &request.method, &request.url)?;
        let mut resolved = HttpRequest {
            url: url.into(),
            ..request.clone()
        };
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            resolved
                .headers
                .push(("idempotency-key".to_owned(), self.idempotency_key()));
        }
        let limits = HttpLimits {
            response_bytes,
            timeout: self.deadline.saturating_duration_since(Instant::now()),
        };
        let response = self.services().fetch(&resolved, &limits)?;
        if response.size() > response_bytes {
            return Err(HttpError::TooLarge(response_bytes));
        }
        Ok(response)
    }

    /// The same for the same call of the same invocation, however often it is run.
    fn idempotency_key(&self) -> String {
        digest(
            "cryptlet idempotency key v1",
            &[
                self.invocation.binding.as_bytes(),
                &self.invocation.number.to_be_bytes(),
                &self.seed,
                &(self.transcript.records().len() as u64).to_be_bytes(),
            ],
        )
        .to_string()
    }
}

fn check_headers(headers: &[(String, String)]) -> Result<(), HttpError> {
    for (name, value) in headers {
        let is_token = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        if !is_token {
            return Err(HttpError::Invalid("a header's name is no token".to_owned()));
        }
        let lower = name.to_ascii_lowercase();
        if RESERVED_HEADERS.contains(&lower.as_str()) || lower.starts_with("proxy-") {
            return Err(HttpError::Denied(format!("header {lower} is the host's")));
        }
        if !value
            .bytes()
            .all(|b| b == b'\t' || (b' '..=b'~').contains(&b))
        {
            return Err(HttpError::Invalid(format!(
                "header {lower}: only visible ASCII characters, spaces and tabs"
            )));
        }
    }
    Ok(())
}

impl From<http::Request> for HttpRequest {
    fn from(request: http::Request) -> Self {
        Self {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
        }
    }
}

impl From<HttpResponse> for http::Response {
    fn from(response: HttpResponse) -> Self {
        Self {
            status: response.status,
            headers: response.headers,
            body: response.body,
        }
    }
}

impl From<HttpError> for http::HttpError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied(reason) => Self::Denied(reason),
            HttpError::Dns(reason) => Self::Dns(reason),
            HttpError::Connect(reason) => Self::Connect(reason),
            HttpError::Tls(reason) => Self::Tls(reason),
            HttpError::Timeout => Self::Timeout,
            HttpError::TooLarge(allowed) => Self::TooLarge(allowed),
            HttpError::Invalid(reason) => Self::Invalid(reason),
        }
    }
}

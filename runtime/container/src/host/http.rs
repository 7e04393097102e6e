//! `http`: leaves at once, to where the binding allows.

use std::sync::Arc;
use std::time::Instant;

use cryptlet_attest::digest;

use super::{Capability, Guest};
use crate::address::{self, Destination};
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
        let left = self.tally.response_left()?;
        let request = HttpRequest::from(request);
        let answer = self.fetch_within_grants(&request, left);
        // What was read and thrown away was read all the same.
        self.tally.response(match &answer {
            Ok(response) => response.size(),
            Err(HttpError::TooLarge(allowed)) => (*allowed).min(left),
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
    /// Every bound but the time is counted here, before and after the host has its say: a replay
    /// refuses what the run refused.
    fn fetch_within_grants(
        &mut self,
        request: &HttpRequest,
        left: u64,
    ) -> Result<HttpResponse, HttpError> {
        if !self.is_granted(Capability::Http) {
            return Err(HttpError::Denied(
                "manifest and binding do not both give http".to_owned(),
            ));
        }
        check_headers(&request.headers)?;
        let grants = Arc::clone(&self.grants);
        let Destination { url, name, grant } =
            address::resolve(&grants.http, &request.method, &request.url)?;
        let bounds = &grant.bounds;
        let mut resolved = HttpRequest {
            url: url.into(),
            ..request.clone()
        };
        if resolved.size() > bounds.request_bytes {
            return Err(HttpError::Denied(format!(
                "grant `{name}`: request-bytes: {} allowed, {} wanted",
                bounds.request_bytes,
                resolved.size()
            )));
        }
        self.count_request(name, bounds.requests)?;
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            resolved
                .headers
                .push(("idempotency-key".to_owned(), self.idempotency_key()));
        }
        let response_bytes = bounds.response_bytes.min(left);
        let until_deadline = self.deadline.saturating_duration_since(Instant::now());
        let limits = HttpLimits {
            response_bytes,
            timeout: bounds.timeout.min(until_deadline),
        };
        let response = self.services().fetch(&resolved, &limits)?;
        if response.size() > response_bytes {
            return Err(HttpError::TooLarge(response_bytes));
        }
        Ok(response)
    }

    fn count_request(&mut self, grant: &str, allowed: u64) -> Result<(), HttpError> {
        let sent = self.requests.entry(grant.to_owned()).or_default();
        if *sent >= allowed {
            return Err(HttpError::Denied(format!(
                "grant `{grant}`: requests: {allowed} allowed in one run, {} wanted",
                *sent + 1
            )));
        }
        *sent += 1;
        Ok(())
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

//! Fetching from the hosts that the binding grants.

use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// A request. It leaves at once, whatever becomes of the run, so methods other than
/// GET and HEAD need a grant that names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// `grant://<name>/<path>`, where the host puts the granted base URL in place of
    /// `grant://<name>/`; or an absolute URL that lies inside a grant.
    pub url: String,
    /// Headers beside those that the host sets.
    pub headers: Vec<(String, String)>,
    /// The body, if the method has one.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// A GET without headers of its own.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// The request with one more header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// What came back. Redirects are not followed; they arrive here as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status, from 100 to 599.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl Response {
    /// A response with this status and body and no headers, for tests.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The response itself if its status is `expected`.
    ///
    /// # Errors
    ///
    /// `http-status` with both statuses otherwise.
    pub fn expect_status(self, expected: u16) -> Result<Self> {
        if self.status == expected {
            return Ok(self);
        }
        Err(Error::new(
            "http-status",
            format!("expected status {expected}, got {}", self.status),
        ))
    }

    /// The body as text.
    ///
    /// # Errors
    ///
    /// `invalid-text` if it is not UTF-8.
    pub fn text(&self) -> Result<&str> {
        Ok(core::str::from_utf8(&self.body)?)
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// `invalid-json` if it is not JSON of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// Why nothing came back. Each names the URL or host it is about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No grant of the binding covers the request, or the grant's bounds leave no room for it.
    #[error("no grant covers it: {0}")]
    Denied(String),
    /// The host's name could not be resolved.
    #[error("name not resolved: {0}")]
    Dns(String),
    /// No connection could be made.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection could not be secured.
    #[error("connection not secured: {0}")]
    Tls(String),
    /// No whole answer in the time that the grant, or the run, has for it.
    #[error("no answer in time")]
    Timeout,
    /// The response is larger than the grant, or the run, has bytes for.
    #[error("the response is larger than {0} bytes; see [limits] http-response-bytes")]
    TooLarge(u64),
    /// The request is malformed, or the response is not HTTP.
    #[error("invalid: {0}")]
    Invalid(String),
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        let code = match error {
            HttpError::Denied(_) => "http-denied",
            HttpError::Dns(_) => "http-dns",
            HttpError::Connect(_) => "http-connect",
            HttpError::Tls(_) => "http-tls",
            HttpError::Timeout => "http-timeout",
            HttpError::TooLarge(_) => "http-too-large",
            HttpError::Invalid(_) => "http-invalid",
        };
        Self::new(code, error.to_string())
    }
}

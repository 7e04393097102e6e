//! What a binding lets its cryptlet fetch.

use std::time::Duration;

use cryptlet_container::{HttpBounds, HttpGrant};
use serde::{Deserialize, Serialize};
use url::Url;

/// One web address that may be fetched.
///
/// Bounds that are left out are those of [`HttpBounds::default`], and leave a document's version as it
/// was before there were bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Http {
    /// Everything below this URL. Naming a private or loopback host here allows it.
    pub base: Url,
    /// Allowed methods.
    #[serde(default = "read_only")]
    pub methods: Vec<String>,
    /// Requests in one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Bytes of one request: method, address, headers and body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_bytes: Option<u64>,
    /// Bytes of one answer: headers and body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_bytes: Option<u64>,
    /// Milliseconds from the resolution of the name to the end of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_milliseconds: Option<u64>,
}

fn read_only() -> Vec<String> {
    vec!["GET".into(), "HEAD".into()]
}

impl Http {
    /// Everything below `base` by these methods, with the usual bounds.
    #[must_use]
    pub fn new(base: Url, methods: Vec<String>) -> Self {
        Self {
            base,
            methods,
            requests: None,
            request_bytes: None,
            response_bytes: None,
            timeout_milliseconds: None,
        }
    }

    /// The bounds that hold.
    #[must_use]
    pub fn bounds(&self) -> HttpBounds {
        let usual = HttpBounds::default();
        let timeout = self.timeout_milliseconds.map(Duration::from_millis);
        HttpBounds {
            requests: self.requests.unwrap_or(usual.requests),
            request_bytes: self.request_bytes.unwrap_or(usual.request_bytes),
            response_bytes: self.response_bytes.unwrap_or(usual.response_bytes),
            timeout: timeout.unwrap_or(usual.timeout),
        }
    }
}

impl From<&Http> for HttpGrant {
    fn from(http: &Http) -> Self {
        HttpGrant {
            base: http.base.clone(),
            methods: http.methods.clone(),
            bounds: http.bounds(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Http, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_document_without_bounds_is_written_as_before_there_were_any() -> Result<(), toml::de::Error>
    {
        let http = read("base = \"https://rates.example/\"")?;
        assert_eq!(
            serde_json::to_value(&http).ok(),
            Some(serde_json::json!({
                "base": "https://rates.example/", "methods": ["GET", "HEAD"]
            }))
        );
        assert_eq!(http.bounds(), HttpBounds::default());
        Ok(())
    }

    #[test]
    fn each_bound_that_is_written_holds() -> Result<(), toml::de::Error> {
        let http = read(
            "base = \"https://rates.example/\"\nrequests = 3\nrequest-bytes = 1000\n\
             response-bytes = 2000\ntimeout-milliseconds = 1500",
        )?;
        let bounds = HttpBounds {
            requests: 3,
            request_bytes: 1000,
            response_bytes: 2000,
            timeout: Duration::from_millis(1500),
        };
        assert_eq!(http.bounds(), bounds);
        assert_eq!(HttpGrant::from(&http).bounds, bounds);
        assert!(read("base = \"https://rates.example/\"\npatience = 3").is_err());
        Ok(())
    }
}

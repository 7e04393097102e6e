//! Moves of versions under a binding.

use cryptlet_fabric::Decision;
use semver::Version;

use crate::access::Sender;
use crate::refusal::Refusal;

/// A version out of a request.
pub(super) fn version(text: &str) -> Result<Version, Refusal> {
    text.parse().map_err(|error| {
        Refusal::bad_request(
            "malformed-version",
            format!("\"{text}\" is no version: {error}; write it like 1.2.0"),
        )
    })
}

/// What the holder of a token decides.
pub(super) fn decision(sender: &Sender, reason: String) -> Result<Decision, Refusal> {
    Decision::new(sender.name.to_string(), reason)
        .map_err(|error| Refusal::bad_request("malformed-reason", error.to_string()))
}

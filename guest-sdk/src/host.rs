//! The thin seam between the SDK and whoever hosts it: the sandbox's imports in a
//! component, a [`testing`](crate::testing) fixture natively.

use crate::http::{HttpError, Request, Response};
use crate::keychain::{KeyError, PublicKey};
use crate::log::Level;
use crate::{AskError, BuildError, SubmissionStatus};

#[cfg(not(target_family = "wasm"))]
pub(crate) mod fixture;
#[cfg(target_family = "wasm")]
pub(crate) mod sandbox;

#[cfg(not(target_family = "wasm"))]
pub(crate) use fixture::Fixed as Current;
#[cfg(target_family = "wasm")]
pub(crate) use sandbox::Sandbox as Current;

/// One function for each function of the WIT package, with the SDK's types.
///
/// All are associated functions and called on a type that is known when compiling:
/// through `dyn`, every component would import everything.
pub(crate) trait Host {
    /// What `build` hands back.
    type Draft;

    fn build(action: &str, fields: &[u8]) -> Result<Self::Draft, BuildError>;
    fn digest(draft: &Self::Draft) -> Vec<u8>;
    fn submit(draft: Self::Draft) -> u64;
    fn status(submission: u64) -> Option<SubmissionStatus>;
    fn ask(source: &str, request: &[u8]) -> Result<Vec<u8>, AskError>;
    fn fetch(request: &Request) -> Result<Response, HttpError>;
    fn state_get(key: &str) -> Option<Vec<u8>>;
    fn state_set(key: &str, value: &[u8]);
    fn state_remove(key: &str);
    fn state_keys(prefix: &str, after: Option<&str>, limit: u32) -> Vec<String>;
    fn public_key(key: &str) -> Result<PublicKey, KeyError>;
    fn sign(key: &str, message: &[u8]) -> Result<Vec<u8>, KeyError>;
    fn publish(topic: &str, body: &[u8]);
    fn log(level: Level, message: &str);
}

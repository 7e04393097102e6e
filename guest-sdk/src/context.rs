//! [`Context`]: what a handler may know and do.

use serde::de::DeserializeOwned;

use crate::host::{Current, Host};
use crate::http::{HttpError, Request, Response};
use crate::keychain::{KeyError, PublicKey};
use crate::message::{decode, encode};
use crate::state::State;
use crate::{AskError, BuildError, Draft, Instant, Message, Result, Submission, SubmissionStatus};

/// One run, and everything that a cryptlet can do in it.
///
/// Each method that reaches outside stands behind a capability: the manifest must
/// ask for it and the binding must grant it. A component imports only what its code
/// can really call, so an unused method costs neither a grant nor a byte.
///
/// Everything but HTTP is staged: it leaves when the run has succeeded, together
/// with its receipt, or not at all.
#[derive(Debug)]
pub struct Context {
    pub(crate) binding: String,
    pub(crate) number: u64,
    pub(crate) instant: Instant,
}

impl Context {
    /// The id of the binding that runs, `0x` and 64 hex digits.
    pub fn binding(&self) -> &str {
        &self.binding
    }

    /// The number of this invocation. It counts every run of the binding, failed ones
    /// too, so it may have gaps among the runs that succeeded.
    pub fn invocation(&self) -> u64 {
        self.number
    }

    /// When the host accepted the invocation: the only clock, and the same at every
    /// call.
    pub fn instant(&self) -> Instant {
        self.instant
    }

    /// Asks the utility cryptlet that the binding names as this source. It runs in a
    /// sandbox of its own; its receipt becomes a child of ours.
    ///
    /// Needs `sources` in the manifest.
    ///
    /// # Errors
    ///
    /// [`AskError`]; with `?` the codes `unknown-source`, `source-failed`,
    /// `source-limit`, `source-message`.
    pub fn ask<T: Message + DeserializeOwned>(
        &mut self,
        source: &str,
        request: &impl Message,
    ) -> Result<T, AskError> {
        let unfit = |reason| AskError::Message {
            name: source.to_owned(),
            reason,
        };
        let request = encode(request).map_err(unfit)?;
        let reply = Current::ask(source, &request)?;
        decode(&reply).map_err(unfit)
    }

    /// Fetches a URL with GET: `grant://<name>/<path>`, or an absolute URL inside a
    /// grant. Any status is an answer; see [`Response::expect_status`].
    ///
    /// Needs `http` in the manifest of a utility cryptlet.
    ///
    /// # Errors
    ///
    /// [`HttpError`]; with `?` the codes `http-denied`, `http-dns`, `http-connect`,
    /// `http-tls`, `http-timeout`, `http-too-large`, `http-invalid`.
    pub fn get(&mut self, url: &str) -> Result<Response, HttpError> {
        self.fetch(&Request::get(url))
    }

    /// Sends a request. It leaves at once, whatever becomes of the run.
    ///
    /// Needs `http` in the manifest of a utility cryptlet, and a grant that names the
    /// method unless it is GET or HEAD.
    ///
    /// # Errors
    ///
    /// As [`Context::get`].
    pub fn fetch(&mut self, request: &Request) -> Result<Response, HttpError> {
        Current::fetch(request)
    }

    /// Encodes an action of the bound contract and checks it against the binding's
    /// schema. A handler that has one thing to do can as well return the message.
    ///
    /// Needs `ledger` in the manifest of a contract cryptlet.
    ///
    /// # Errors
    ///
    /// [`BuildError`]; with `?` the codes `unknown-action`, `action-field`,
    /// `ledger-not-granted`.
    pub fn build<T: Message>(&mut self, action: &T) -> Result<Draft, BuildError> {
        let fields = encode(action).map_err(BuildError::Message)?;
        Current::build(T::ACTION, &fields).map(Draft)
    }

    /// Stages a draft; it leaves only if this run succeeds.
    ///
    /// Needs `ledger` in the manifest of a contract cryptlet.
    pub fn submit(&mut self, draft: Draft) -> Submission {
        Submission::from_number(Current::submit(draft.0))
    }

    /// What became of a submission of an earlier run; `None` if the binding never made
    /// it. One that this run has staged is not yet the binding's.
    ///
    /// Needs `ledger` in the manifest of a contract cryptlet.
    pub fn status(&mut self, submission: Submission) -> Option<SubmissionStatus> {
        Current::status(submission.number())
    }

    /// Tells the outside what happened, under the message's name as topic. Staged like
    /// everything else.
    ///
    /// Needs `events` in the manifest, and the message among its `topics`: the host
    /// fails a run that publishes anything else.
    ///
    /// # Errors
    ///
    /// `invalid-message` if the message refuses to be serialised.
    pub fn publish<T: Message>(&mut self, event: &T) -> Result<()> {
        Current::publish(T::NAME, &encode(event)?);
        Ok(())
    }

    /// The binding's private state.
    ///
    /// Needs `state` in the manifest.
    pub fn state(&mut self) -> State<'_> {
        State::of(self)
    }

    /// Signs a message, never a bare digest: the host prefixes it with a fixed domain,
    /// so that no signature can be mistaken for one of the host's own.
    ///
    /// Needs the key's name under `keychain` in the manifest.
    ///
    /// # Errors
    ///
    /// [`KeyError`]; with `?` the codes `unknown-key`, `key-not-granted`, `key-limit`.
    pub fn sign(&mut self, key: &str, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Current::sign(key, message)
    }

    /// The public half of a key.
    ///
    /// Needs the key's name under `keychain` in the manifest.
    ///
    /// # Errors
    ///
    /// As [`Context::sign`].
    pub fn public_key(&mut self, key: &str) -> Result<PublicKey, KeyError> {
        Current::public_key(key)
    }
}

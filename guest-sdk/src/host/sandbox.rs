//! The WIT package's imports and export.

use crate::handler::Dispatch;
use crate::host::Host;
use crate::http::{HttpError, Request, Response};
use crate::keychain::{Algorithm, KeyError, PublicKey};
use crate::log::Level;
use crate::{
    AskError, BuildError, Context, ContractEvent, Error, IncomingMessage, Instant, LedgerPosition,
    Submission, SubmissionOutcome, SubmissionStatus, Trigger,
};

pub mod migration;

#[doc(hidden)]
#[allow(missing_docs, reason = "generated; the WIT package documents it")]
#[allow(clippy::all, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "cryptlet:sdk/either-cryptlet",
        // One world with the imports of both kinds. Only those that a cryptlet's
        // code can call end up in its component.
        inline: "
            package cryptlet:sdk;
            world either-cryptlet {
                include cryptlet:fabric/utility-cryptlet@0.1.0;
                include cryptlet:fabric/contract-cryptlet@0.1.0;
            }
        ",
        generate_all,
        pub_export_macro: true,
        default_bindings_module: "cryptlet_sdk::__private::bindings",
        export_macro_name: "export_cryptlet",
    });
}

use bindings::cryptlet::fabric::{
    events, http, keychain, log, router, source, state, transaction_builder, types,
};
pub use bindings::exports::cryptlet::fabric::cryptlet::Guest;
pub use types::{Failure, Invocation};

/// The component's imports.
pub(crate) struct Sandbox;

impl Host for Sandbox {
    type Draft = transaction_builder::Draft;

    fn build(action: &str, fields: &[u8]) -> Result<Self::Draft, BuildError> {
        use transaction_builder::BuildError as Wit;
        transaction_builder::build(action, fields).map_err(|error| match error {
            Wit::UnknownAction(name) => BuildError::UnknownAction(name),
            Wit::Field(field) => BuildError::Field {
                path: field.path,
                expected: field.expected,
                found: field.found,
            },
            Wit::NotGranted(what) => BuildError::NotGranted(what),
        })
    }

    fn digest(draft: &Self::Draft) -> Vec<u8> {
        draft.digest()
    }

    fn submit(draft: Self::Draft) -> u64 {
        router::submit(draft)
    }

    fn status(submission: u64) -> Option<SubmissionStatus> {
        router::status(submission).map(SubmissionStatus::from)
    }

    fn ask(name: &str, request: &[u8]) -> Result<Vec<u8>, AskError> {
        use source::AskError as Wit;
        source::ask(name, request).map_err(|error| match error {
            Wit::UnknownSource(unknown) => AskError::UnknownSource(unknown),
            Wit::Failed(failure) => AskError::Failed {
                name: name.to_owned(),
                failure: Error::new(failure.code, failure.message),
            },
            Wit::Limit(limit) => AskError::Limit {
                name: name.to_owned(),
                limit,
            },
        })
    }

    fn fetch(request: &Request) -> Result<Response, HttpError> {
        use http::HttpError as Wit;
        let request = http::Request {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
        };
        match http::fetch(&request) {
            Ok(http::Response {
                status,
                headers,
                body,
            }) => Ok(Response {
                status,
                headers,
                body,
            }),
            Err(Wit::Denied(reason)) => Err(HttpError::Denied(reason)),
            Err(Wit::Dns(reason)) => Err(HttpError::Dns(reason)),
            Err(Wit::Connect(reason)) => Err(HttpError::Connect(reason)),
            Err(Wit::Tls(reason)) => Err(HttpError::Tls(reason)),
            Err(Wit::Timeout) => Err(HttpError::Timeout),
            Err(Wit::TooLarge(limit)) => Err(HttpError::TooLarge(limit)),
            Err(Wit::Invalid(reason)) => Err(HttpError::Invalid(reason)),
        }
    }

    fn state_get(key: &str) -> Option<Vec<u8>> {
        state::get(key)
    }

    fn state_set(key: &str, value: &[u8]) {
        state::set(key, value);
    }

    fn state_remove(key: &str) {
        state::remove(key);
    }

    fn state_keys(prefix: &str, after: Option<&str>, limit: u32) -> Vec<String> {
        state::keys(prefix, after, limit)
    }

    fn public_key(key: &str) -> Result<PublicKey, KeyError> {
        let found = keychain::public_key_of(key)?;
        let algorithm = match found.algorithm {
            keychain::Algorithm::Ed25519 => Algorithm::Ed25519,
            keychain::Algorithm::EcdsaSecp256k1 => Algorithm::EcdsaSecp256k1,
        };
        Ok(PublicKey {
            algorithm,
            bytes: found.bytes,
        })
    }

    fn sign(key: &str, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(keychain::sign(key, message)?)
    }

    fn publish(topic: &str, body: &[u8]) {
        events::publish(topic, body);
    }

    fn log(level: Level, message: &str) {
        let level = match level {
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        log::log(level, message);
    }
}

/// Runs a cryptlet's dispatch on what the host handed over.
pub fn handle<K>(
    invocation: Invocation,
    dispatch: fn(Dispatch<'_, K>) -> crate::Result<Vec<u8>>,
) -> Result<Vec<u8>, Failure> {
    let mut context = Context {
        binding: invocation.binding,
        number: invocation.number,
        instant: Instant::from_milliseconds(invocation.instant),
    };
    dispatch(Dispatch::new(&mut context, invocation.trigger.into())).map_err(failure)
}

fn failure(error: Error) -> Failure {
    Failure {
        code: error.code().into(),
        message: error.message().into(),
    }
}

impl From<types::Trigger> for Trigger {
    fn from(trigger: types::Trigger) -> Self {
        match trigger {
            types::Trigger::Message(types::Message {
                sender,
                topic,
                body,
            }) => Self::Message(IncomingMessage {
                sender,
                topic,
                body,
            }),
            types::Trigger::ContractEvent(event) => Self::ContractEvent(ContractEvent {
                name: event.name,
                fields: event.fields,
                at: event.at.into(),
                log_index: event.log_index,
            }),
            types::Trigger::Schedule(instant) => {
                Self::Schedule(Instant::from_milliseconds(instant))
            }
            types::Trigger::Receipt(outcome) => Self::Receipt(SubmissionOutcome {
                submission: Submission::from_number(outcome.submission),
                status: outcome.status.into(),
            }),
        }
    }
}

impl From<types::LedgerPosition> for LedgerPosition {
    fn from(position: types::LedgerPosition) -> Self {
        let types::LedgerPosition {
            chain,
            block,
            block_hash,
            transaction,
        } = position;
        Self {
            chain,
            block,
            block_hash,
            transaction,
        }
    }
}

impl From<types::SubmissionStatus> for SubmissionStatus {
    fn from(status: types::SubmissionStatus) -> Self {
        use types::SubmissionStatus as Wit;
        match status {
            Wit::Pending => Self::Pending,
            Wit::Included(position) => Self::Included(position.into()),
            Wit::Finalized(position) => Self::Finalized(position.into()),
            Wit::Reverted(reason) => Self::Reverted(reason),
            Wit::Expired => Self::Expired,
            Wit::Skipped => Self::Skipped,
        }
    }
}

impl From<keychain::KeyError> for KeyError {
    fn from(error: keychain::KeyError) -> Self {
        use keychain::KeyError as Wit;
        match error {
            Wit::UnknownKey(name) => Self::UnknownKey(name),
            Wit::NotGranted(name) => Self::NotGranted(name),
            Wit::Limit(reason) => Self::Limit(reason),
        }
    }
}

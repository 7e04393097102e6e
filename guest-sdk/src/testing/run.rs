use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::host::fixture::Deeds;
use crate::http::Request;
use crate::log::Level;
use crate::message::decode;
use crate::{Error, Message, Result, Submission};

/// What came of running a handler.
#[derive(Clone, Debug)]
pub struct Run {
    outcome: Result<Vec<u8>>,
    deeds: Deeds,
}

/// An action that was submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Its number.
    pub submission: Submission,
    /// The action's name.
    pub action: String,
    /// Its fields in JSON.
    pub fields: Vec<u8>,
}

/// An event that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its topic.
    pub topic: String,
    /// Its body in JSON.
    pub body: Vec<u8>,
}

impl Run {
    pub(super) fn new(
        outcome: Result<Vec<u8>>,
        mut deeds: Deeds,
        before: BTreeMap<String, Vec<u8>>,
    ) -> Self {
        if outcome.is_err() {
            deeds.submissions.clear();
            deeds.events.clear();
            deeds.state = before;
        }
        Self { outcome, deeds }
    }

    /// The reply in JSON, or the error.
    pub fn outcome(&self) -> &Result<Vec<u8>> {
        &self.outcome
    }

    pub(super) fn into_outcome(self) -> Result<Vec<u8>> {
        self.outcome
    }

    /// The run itself, if it succeeded.
    ///
    /// # Panics
    ///
    /// With the handler's error if it failed.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        if let Err(error) = &self.outcome {
            panic!(
                "the run failed with {error}; it logged {:?}",
                self.deeds.logs
            );
        }
        self
    }

    /// The reply.
    ///
    /// # Panics
    ///
    /// If the run failed or replied with anything else.
    #[track_caller]
    pub fn reply<T: Message + DeserializeOwned>(&self) -> T {
        match &self.outcome {
            Ok(reply) => read(reply),
            Err(error) => panic!("no reply, the run failed with {error}"),
        }
    }

    /// The handler's error.
    ///
    /// # Panics
    ///
    /// If the run succeeded.
    #[track_caller]
    pub fn failure(&self) -> &Error {
        match &self.outcome {
            Ok(reply) => {
                panic!(
                    "the run succeeded and replied {}",
                    String::from_utf8_lossy(reply)
                )
            }
            Err(error) => error,
        }
    }

    /// All actions of this kind that were submitted, in order.
    ///
    /// # Panics
    ///
    /// If one has other fields than its type.
    #[track_caller]
    pub fn submitted<T: Message + DeserializeOwned>(&self) -> Vec<T> {
        let submissions = self.deeds.submissions.iter();
        submissions
            .filter(|(_, action, _)| action == T::ACTION)
            .map(|(.., json)| read(json))
            .collect()
    }

    /// Everything that was submitted, in order.
    pub fn submissions(&self) -> Vec<Submitted> {
        let submissions = self.deeds.submissions.iter().cloned();
        submissions
            .map(|(submission, action, fields)| Submitted {
                submission,
                action,
                fields,
            })
            .collect()
    }

    /// All events of this kind that were published, in order.
    ///
    /// # Panics
    ///
    /// If one has other fields than its type.
    #[track_caller]
    pub fn published<T: Message + DeserializeOwned>(&self) -> Vec<T> {
        let events = self.deeds.events.iter();
        events
            .filter(|(topic, _)| topic == T::NAME)
            .map(|(_, json)| read(json))
            .collect()
    }

    /// Everything that was published, in order.
    pub fn events(&self) -> Vec<Published> {
        let events = self.deeds.events.iter().cloned();
        events
            .map(|(topic, body)| Published { topic, body })
            .collect()
    }

    /// The lines that were logged, in order; of a failed run too.
    pub fn logs(&self) -> &[(Level, String)] {
        &self.deeds.logs
    }

    /// The sources that were asked, with the requests in JSON, in order.
    pub fn asked(&self) -> &[(String, Vec<u8>)] {
        &self.deeds.asked
    }

    /// The requests that were sent, in order.
    pub fn fetched(&self) -> &[Request] {
        &self.deeds.fetched
    }

    /// The state after the run.
    pub fn state(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.deeds.state
    }

    /// One value of the state after the run.
    ///
    /// # Panics
    ///
    /// If the value is not JSON of this shape.
    #[track_caller]
    pub fn remembered<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let value = self.deeds.state.get(key)?;
        Some(serde_json::from_slice(value).expect("the state holds what the test expects"))
    }
}

#[track_caller]
fn read<T: Message + DeserializeOwned>(json: &[u8]) -> T {
    match decode(json) {
        Ok(message) => message,
        Err(error) => panic!("{error} in {}", String::from_utf8_lossy(json)),
    }
}

//! The host that a test sets up; one per thread at a time, nested where a source is
//! itself rehearsed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::host::Host;
use crate::http::{HttpError, Request, Response};
use crate::keychain::{KeyError, PublicKey};
use crate::log::Level;
use crate::{AskError, BuildError, Error, Submission, SubmissionStatus};

/// Answers a request in JSON.
pub(crate) type Source = Rc<dyn Fn(&[u8]) -> Result<Vec<u8>, Error>>;
/// Answers a request for a URL.
pub(crate) type Site = Rc<dyn Fn(&Request) -> Result<Response, HttpError>>;
/// Signs a message.
pub(crate) type Signer = Rc<dyn Fn(&[u8]) -> Vec<u8>>;
/// Says whether an action's fields fit.
pub(crate) type Checker = Rc<dyn Fn(&str, &[u8]) -> Result<(), BuildError>>;

/// What the host answers.
#[derive(Clone, Default)]
pub(crate) struct Answers {
    pub sources: BTreeMap<String, Source>,
    pub sites: BTreeMap<String, Site>,
    pub keys: BTreeMap<String, (PublicKey, Signer)>,
    pub statuses: BTreeMap<u64, SubmissionStatus>,
    pub actions: Option<Checker>,
    pub first_submission: u64,
}

/// What the guest did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deeds {
    pub state: BTreeMap<String, Vec<u8>>,
    pub submissions: Vec<(Submission, String, Vec<u8>)>,
    pub events: Vec<(String, Vec<u8>)>,
    pub logs: Vec<(Level, String)>,
    pub asked: Vec<(String, Vec<u8>)>,
    pub fetched: Vec<Request>,
}

struct Stage {
    answers: Answers,
    deeds: Deeds,
}

thread_local! {
    static STAGES: RefCell<Vec<Stage>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` with this host and gives back what it did. A panic in `work` passes
/// through and leaves no host behind.
pub(crate) fn host<T>(
    answers: Answers,
    state: BTreeMap<String, Vec<u8>>,
    work: impl FnOnce() -> T,
) -> (T, Deeds) {
    struct Unset;

    impl Drop for Unset {
        fn drop(&mut self) {
            STAGES.with_borrow_mut(Vec::pop);
        }
    }

    let deeds = Deeds {
        state,
        ..Deeds::default()
    };
    STAGES.with_borrow_mut(|stages| stages.push(Stage { answers, deeds }));
    let unset = Unset;
    let result = work();
    let deeds = with(|stage| core::mem::take(&mut stage.deeds));
    drop(unset);
    (result, deeds)
}

fn with<T>(visit: impl FnOnce(&mut Stage) -> T) -> T {
    STAGES.with_borrow_mut(|stages| {
        let stage = stages.last_mut().expect(
            "a host call outside the sandbox: run the handler through cryptlet_sdk::testing::Fixture",
        );
        visit(stage)
    })
}

/// The thread's fixture.
pub(crate) struct Fixed;

/// An action and its fields, not submitted.
pub(crate) struct FixedDraft {
    action: String,
    fields: Vec<u8>,
}

impl Host for Fixed {
    type Draft = FixedDraft;

    fn build(action: &str, fields: &[u8]) -> Result<FixedDraft, BuildError> {
        let checker = with(|stage| stage.answers.actions.clone());
        if let Some(checker) = checker {
            checker(action, fields)?;
        }
        Ok(FixedDraft {
            action: action.to_owned(),
            fields: fields.to_vec(),
        })
    }

    fn digest(draft: &FixedDraft) -> Vec<u8> {
        // No chain here, so no encoding to hash: equal drafts are equal, that is all.
        let mut digest = [0; 32];
        let bytes = draft
            .action
            .bytes()
            .chain([0])
            .chain(draft.fields.iter().copied());
        for (index, byte) in bytes.enumerate() {
            let slot: &mut u8 = &mut digest[index % 32];
            *slot = slot.rotate_left(3) ^ byte;
        }
        digest.to_vec()
    }

    fn submit(draft: FixedDraft) -> u64 {
        with(|stage| {
            let number = stage.answers.first_submission + stage.deeds.submissions.len() as u64;
            let submission = Submission::from_number(number);
            stage
                .deeds
                .submissions
                .push((submission, draft.action, draft.fields));
            number
        })
    }

    fn status(submission: u64) -> Option<SubmissionStatus> {
        with(|stage| stage.answers.statuses.get(&submission).cloned())
    }

    fn ask(name: &str, request: &[u8]) -> Result<Vec<u8>, AskError> {
        let source = with(|stage| {
            stage.deeds.asked.push((name.to_owned(), request.to_vec()));
            stage.answers.sources.get(name).cloned()
        });
        let source = source.ok_or_else(|| AskError::UnknownSource(name.to_owned()))?;
        source(request).map_err(|failure| AskError::Failed {
            name: name.to_owned(),
            failure,
        })
    }

    fn fetch(request: &Request) -> Result<Response, HttpError> {
        let site = with(|stage| {
            stage.deeds.fetched.push(request.clone());
            stage.answers.sites.get(&request.url).cloned()
        });
        match site {
            Some(site) => site(request),
            None => Err(HttpError::Denied(request.url.clone())),
        }
    }

    fn state_get(key: &str) -> Option<Vec<u8>> {
        with(|stage| stage.deeds.state.get(key).cloned())
    }

    fn state_set(key: &str, value: &[u8]) {
        with(|stage| stage.deeds.state.insert(key.to_owned(), value.to_vec()));
    }

    fn state_remove(key: &str) {
        with(|stage| stage.deeds.state.remove(key));
    }

    fn state_keys(prefix: &str, after: Option<&str>, limit: u32) -> Vec<String> {
        with(|stage| {
            let keys = stage.deeds.state.keys();
            keys.filter(|key| key.starts_with(prefix))
                .filter(|key| after.is_none_or(|after| key.as_str() > after))
                .take(limit as usize)
                .cloned()
                .collect()
        })
    }

    fn public_key(key: &str) -> Result<PublicKey, KeyError> {
        with(|stage| {
            stage
                .answers
                .keys
                .get(key)
                .map(|(public, _)| public.clone())
        })
        .ok_or_else(|| KeyError::UnknownKey(key.to_owned()))
    }

    fn sign(key: &str, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signer = with(|stage| {
            stage
                .answers
                .keys
                .get(key)
                .map(|(_, signer)| signer.clone())
        });
        signer
            .map(|signer| signer(message))
            .ok_or_else(|| KeyError::UnknownKey(key.to_owned()))
    }

    fn publish(topic: &str, body: &[u8]) {
        with(|stage| stage.deeds.events.push((topic.to_owned(), body.to_vec())));
    }

    fn log(level: Level, message: &str) {
        with(|stage| stage.deeds.logs.push((level, message.to_owned())));
    }
}

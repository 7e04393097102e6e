use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::fixture::{Answers, host};
use crate::http::{HttpError, Request, Response};
use crate::keychain::PublicKey;
use crate::message::{decode, encode};
use crate::testing::Run;
use crate::{
    BuildError, Context, Contract, ContractEvent, Dispatch, Error, IncomingMessage, Input, Instant,
    LedgerPosition, Message, Migration, Output, Result, Submission, SubmissionOutcome,
    SubmissionStatus, Trigger, Utility,
};

/// What a handler finds when it runs natively. Everything has a default; a test says
/// only what it is about.
#[derive(Clone)]
pub struct Fixture<K> {
    context: Given,
    trigger: Trigger,
    state: BTreeMap<String, Vec<u8>>,
    answers: Answers,
    kind: PhantomData<fn() -> K>,
}

#[derive(Clone)]
struct Given {
    binding: String,
    number: u64,
    instant: Instant,
}

impl Fixture<Contract> {
    /// A fixture for handlers of a contract cryptlet.
    pub fn contract() -> Self {
        Self::new()
    }

    /// Runs on this event of the bound contract.
    #[must_use]
    pub fn emitted<T: Message>(self, event: &T) -> Self {
        let event = ContractEvent {
            name: T::NAME.to_owned(),
            fields: written(event),
            at: LedgerPosition {
                chain: "eip155:31337".to_owned(),
                ..LedgerPosition::default()
            },
            log_index: 0,
        };
        self.trigger(Trigger::ContractEvent(event))
    }

    /// Runs on what became of an earlier submission, which [`Context::status`] then
    /// tells too.
    #[must_use]
    pub fn settled(self, submission: Submission, status: SubmissionStatus) -> Self {
        self.submission(submission, status.clone())
            .trigger(Trigger::Receipt(SubmissionOutcome { submission, status }))
    }

    /// What [`Context::status`] tells of an earlier submission.
    #[must_use]
    pub fn submission(mut self, submission: Submission, status: SubmissionStatus) -> Self {
        let number = submission.number();
        self.answers.first_submission = self.answers.first_submission.max(number + 1);
        self.answers.statuses.insert(number, status);
        self
    }

    /// A source that answers requests of one kind. Anything that is not such a
    /// request fails the source.
    #[must_use]
    pub fn source<Q, A>(mut self, name: &str, answer: impl Fn(Q) -> Result<A> + 'static) -> Self
    where
        Q: Message + DeserializeOwned,
        A: Message,
    {
        let answer = move |request: &[u8]| encode(&answer(decode(request)?)?);
        self.answers
            .sources
            .insert(name.to_owned(), Rc::new(answer));
        self
    }

    /// A source that is a utility cryptlet's own code, run with a fixture of its own
    /// on each request, which arrives under the name `topic`.
    #[must_use]
    pub fn source_cryptlet<M, E>(
        mut self,
        name: &str,
        topic: &str,
        fixture: Fixture<Utility>,
        handler: E,
    ) -> Self
    where
        E: Entry<Utility, M> + Clone + 'static,
    {
        let topic = topic.to_owned();
        let binding = self.context.binding.clone();
        let answer = move |request: &[u8]| {
            let message = IncomingMessage {
                sender: binding.clone(),
                topic: topic.clone(),
                body: request.to_vec(),
            };
            let asked = fixture.clone().trigger(Trigger::Message(message));
            asked.run(handler.clone()).into_outcome()
        };
        self.answers
            .sources
            .insert(name.to_owned(), Rc::new(answer));
        self
    }

    /// Runs a migration from the state version `from` on the state of this fixture, which then is
    /// what that version left. As on a real host, a failure leaves the state as it was.
    pub fn migrate(
        self,
        from: u32,
        migration: impl FnOnce(&mut Migration, u32) -> Result<()>,
    ) -> Run {
        let before = self.state.clone();
        let (outcome, deeds) = host(self.answers, self.state, || {
            migration(&mut Migration::new(), from).map(|()| Vec::new())
        });
        Run::new(outcome, deeds, before)
    }

    /// Checks every action that is built, as a real host does with the binding's
    /// schema: `check` gets its name and its fields in JSON.
    #[must_use]
    pub fn checking_actions(
        mut self,
        check: impl Fn(&str, &[u8]) -> Result<(), BuildError> + 'static,
    ) -> Self {
        self.answers.actions = Some(Rc::new(check));
        self
    }
}

impl Fixture<Utility> {
    /// A fixture for handlers of a utility cryptlet.
    pub fn utility() -> Self {
        Self::new()
    }

    /// Runs on this request.
    #[must_use]
    pub fn asked<T: Message>(self, request: &T) -> Self {
        let sender = self.context.binding.clone();
        self.sent(&sender, request)
    }

    /// What a GET of this URL brings.
    #[must_use]
    pub fn page(self, url: &str, response: Response) -> Self {
        self.site(url, move |_| Ok(response.clone()))
    }

    /// What any request for this URL brings.
    #[must_use]
    pub fn site(
        mut self,
        url: &str,
        answer: impl Fn(&Request) -> Result<Response, HttpError> + 'static,
    ) -> Self {
        self.answers.sites.insert(url.to_owned(), Rc::new(answer));
        self
    }
}

impl<K> Fixture<K> {
    fn new() -> Self {
        Self {
            context: Given {
                binding: format!("0x{}", "11".repeat(32)),
                number: 1,
                // 2026-01-01T00:00:00Z.
                instant: Instant::from_milliseconds(1_767_225_600_000),
            },
            trigger: Trigger::Schedule(Instant::default()),
            state: BTreeMap::new(),
            answers: Answers {
                first_submission: 1,
                ..Answers::default()
            },
            kind: PhantomData,
        }
    }

    /// The binding's id.
    #[must_use]
    pub fn binding(mut self, id: impl Into<String>) -> Self {
        self.context.binding = id.into();
        self
    }

    /// The invocation's number.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.context.number = number;
        self
    }

    /// The invocation's instant.
    #[must_use]
    pub fn instant(mut self, instant: Instant) -> Self {
        self.context.instant = instant;
        self
    }

    /// Runs on any trigger.
    #[must_use]
    pub fn trigger(mut self, trigger: Trigger) -> Self {
        self.trigger = trigger;
        self
    }

    /// Runs on a message that somebody sent.
    #[must_use]
    pub fn sent<T: Message>(self, sender: &str, message: &T) -> Self {
        let message = IncomingMessage {
            sender: sender.to_owned(),
            topic: T::NAME.to_owned(),
            body: written(message),
        };
        self.trigger(Trigger::Message(message))
    }

    /// Runs on a point of the schedule, which is also the invocation's instant.
    #[must_use]
    pub fn scheduled(self, instant: Instant) -> Self {
        self.instant(instant).trigger(Trigger::Schedule(instant))
    }

    /// A value in the state.
    ///
    /// # Panics
    ///
    /// If it cannot be serialised.
    #[must_use]
    pub fn remembering<T: Serialize>(mut self, key: &str, value: &T) -> Self {
        let bytes = serde_json::to_vec(value).expect("a test's value is serialisable");
        self.state.insert(key.to_owned(), bytes);
        self
    }

    /// The whole state, for example what [`Run::state`] of an earlier run gave.
    #[must_use]
    pub fn state(mut self, state: BTreeMap<String, Vec<u8>>) -> Self {
        self.state = state;
        self
    }

    /// A key of the keychain and how it signs.
    #[must_use]
    pub fn key(
        mut self,
        name: &str,
        public: PublicKey,
        sign: impl Fn(&[u8]) -> Vec<u8> + 'static,
    ) -> Self {
        self.answers
            .keys
            .insert(name.to_owned(), (public, Rc::new(sign)));
        self
    }

    /// Runs a handler, or the `dispatch` of a module of handlers.
    pub fn run<M>(self, entry: impl Entry<K, M>) -> Run {
        let Given {
            binding,
            number,
            instant,
        } = self.context;
        let before = self.state.clone();
        let (outcome, deeds) = host(self.answers, self.state, || {
            let mut context = Context {
                binding,
                number,
                instant,
            };
            entry.enter(Dispatch::new(&mut context, self.trigger))
        });
        Run::new(outcome, deeds, before)
    }
}

fn written(message: &impl Message) -> Vec<u8> {
    encode(message).expect("a test's message is serialisable")
}

/// What [`Fixture::run`] runs: a handler, or the `dispatch` function of a module of
/// handlers. The second parameter only tells the two apart.
pub trait Entry<K, M> {
    /// Runs it on one trigger.
    ///
    /// # Errors
    ///
    /// What the handler answers.
    fn enter(self, trigger: Dispatch<'_, K>) -> Result<Vec<u8>, Error>;
}

impl<K, I, O, F> Entry<K, (I, O)> for F
where
    I: Input<K>,
    O: Output<K>,
    F: FnOnce(&mut Context, I) -> Result<O>,
{
    fn enter(self, trigger: Dispatch<'_, K>) -> Result<Vec<u8>> {
        trigger.offer(self).finish()
    }
}

impl<K, F> Entry<K, ()> for F
where
    F: FnOnce(Dispatch<'_, K>) -> Result<Vec<u8>>,
{
    fn enter(self, trigger: Dispatch<'_, K>) -> Result<Vec<u8>> {
        self(trigger)
    }
}

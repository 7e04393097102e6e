//! From a trigger to a handler, and from what it returns to what leaves.

use core::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::message::{decode, encode};
use crate::{
    Context, ContractEvent, Draft, Error, IncomingMessage, Instant, LedgerPosition, Message,
    Result, Submission, SubmissionOutcome, Trigger,
};

/// The kind of a cryptlet that holds one contract's business logic.
#[derive(Clone, Copy, Debug)]
pub enum Contract {}

/// The kind of a cryptlet that answers questions.
#[derive(Clone, Copy, Debug)]
pub enum Utility {}

/// What a handler may take beside the context.
///
/// | type | runs on |
/// |---|---|
/// | a message `T`, in a contract cryptlet | the bound contract's event of that name |
/// | [`Emitted<T>`] | the same, with its place on the ledger |
/// | a message `T`, in a utility cryptlet | a request or message of that name |
/// | [`Sent<T>`] | a message of that name, with its sender |
/// | [`Instant`] | a point of the binding's schedule |
/// | [`SubmissionOutcome`] | the outcome of an earlier submission |
/// | [`Trigger`] | anything |
///
/// A contract cryptlet's bare `T` is never a message that somebody sent, so nobody
/// can pass a message off as an event of the contract.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a handler can take",
    note = "take a #[message] type that owns its fields, Emitted<T>, Sent<T>, Instant, SubmissionOutcome or Trigger"
)]
pub trait Input<K>: Sized {
    /// What an author is told that the handler takes.
    fn expects() -> String;

    /// Whether the handler takes this trigger.
    fn accepts(trigger: &Trigger) -> bool;

    /// Reads the trigger.
    ///
    /// # Errors
    ///
    /// `invalid-message` if the body is not the message its name promises;
    /// `unexpected-trigger` if [`Input::accepts`] would have said no.
    fn read(trigger: Trigger) -> Result<Self>;
}

/// An event of the bound contract and where it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted<T> {
    /// The event.
    pub event: T,
    /// The transaction that emitted it.
    pub at: LedgerPosition,
    /// The event's index among all logs of its block.
    pub log_index: u32,
}

/// A message and who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent<T> {
    /// The sender, as the host authenticated them.
    pub sender: String,
    /// The message.
    pub body: T,
}

impl<T: Message + DeserializeOwned> Input<Contract> for T {
    fn expects() -> String {
        Emitted::<T>::expects()
    }

    fn accepts(trigger: &Trigger) -> bool {
        Emitted::<T>::accepts(trigger)
    }

    fn read(trigger: Trigger) -> Result<Self> {
        Emitted::<T>::read(trigger).map(|emitted| emitted.event)
    }
}

impl<T: Message + DeserializeOwned> Input<Utility> for T {
    fn expects() -> String {
        <Sent<T> as Input<Utility>>::expects()
    }

    fn accepts(trigger: &Trigger) -> bool {
        <Sent<T> as Input<Utility>>::accepts(trigger)
    }

    fn read(trigger: Trigger) -> Result<Self> {
        <Sent<T> as Input<Utility>>::read(trigger).map(|sent| sent.body)
    }
}

impl<T: Message + DeserializeOwned> Input<Contract> for Emitted<T> {
    fn expects() -> String {
        format!("contract event `{}`", T::NAME)
    }

    fn accepts(trigger: &Trigger) -> bool {
        matches!(trigger, Trigger::ContractEvent(event) if event.name == T::NAME)
    }

    fn read(trigger: Trigger) -> Result<Self> {
        match trigger {
            Trigger::ContractEvent(ContractEvent {
                name,
                fields,
                at,
                log_index,
            }) if name == T::NAME => Ok(Self {
                event: decode(&fields)?,
                at,
                log_index,
            }),
            other => Err(unexpected(&other, &[Self::expects()])),
        }
    }
}

impl<K, T: Message + DeserializeOwned> Input<K> for Sent<T> {
    fn expects() -> String {
        format!("message `{}`", T::NAME)
    }

    fn accepts(trigger: &Trigger) -> bool {
        matches!(trigger, Trigger::Message(message) if message.topic == T::NAME)
    }

    fn read(trigger: Trigger) -> Result<Self> {
        match trigger {
            Trigger::Message(IncomingMessage {
                sender,
                topic,
                body,
            }) if topic == T::NAME => Ok(Self {
                sender,
                body: decode(&body)?,
            }),
            other => Err(unexpected(&other, &[<Self as Input<K>>::expects()])),
        }
    }
}

impl<K> Input<K> for Instant {
    fn expects() -> String {
        "schedule".to_owned()
    }

    fn accepts(trigger: &Trigger) -> bool {
        matches!(trigger, Trigger::Schedule(_))
    }

    fn read(trigger: Trigger) -> Result<Self> {
        match trigger {
            Trigger::Schedule(instant) => Ok(instant),
            other => Err(unexpected(&other, &[<Self as Input<K>>::expects()])),
        }
    }
}

impl<K> Input<K> for SubmissionOutcome {
    fn expects() -> String {
        "receipt of a submission".to_owned()
    }

    fn accepts(trigger: &Trigger) -> bool {
        matches!(trigger, Trigger::Receipt(_))
    }

    fn read(trigger: Trigger) -> Result<Self> {
        match trigger {
            Trigger::Receipt(outcome) => Ok(outcome),
            other => Err(unexpected(&other, &[<Self as Input<K>>::expects()])),
        }
    }
}

impl<K> Input<K> for Trigger {
    fn expects() -> String {
        "any trigger".to_owned()
    }

    fn accepts(_: &Trigger) -> bool {
        true
    }

    fn read(trigger: Trigger) -> Result<Self> {
        Ok(trigger)
    }
}

fn unexpected(trigger: &Trigger, expected: &[String]) -> Error {
    let expected = expected.join(", ");
    Error::new(
        "unexpected-trigger",
        format!("got {trigger}; this cryptlet takes {expected}"),
    )
}

/// What a handler may return inside its `Result`.
///
/// | type | what happens |
/// |---|---|
/// | a message, from a contract cryptlet | built and submitted as that action of the bound contract |
/// | a message, from a utility cryptlet | the reply |
/// | [`Draft`] | submitted |
/// | [`Submission`] | nothing more: it was submitted by hand |
/// | `()` | nothing |
/// | `Option`, `Vec`, pairs and triples of these (contract cryptlets) | each in order |
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a handler can return",
    note = "return a #[message] type, Draft, Submission, (), or an Option, Vec or tuple of these"
)]
pub trait Output<K>: Sized {
    /// Does what the value asks for and gives the run's reply in JSON, `null` if it
    /// has none.
    ///
    /// # Errors
    ///
    /// Those of [`Context::build`], or `invalid-message`.
    fn finish(self, context: &mut Context) -> Result<Vec<u8>>;
}

const NO_REPLY: &[u8] = b"null";

impl<T: Message> Output<Contract> for T {
    fn finish(self, context: &mut Context) -> Result<Vec<u8>> {
        context.build(&self)?.finish(context)
    }
}

impl<T: Message> Output<Utility> for T {
    fn finish(self, _: &mut Context) -> Result<Vec<u8>> {
        encode(&self)
    }
}

impl Output<Contract> for Draft {
    fn finish(self, context: &mut Context) -> Result<Vec<u8>> {
        context.submit(self).finish(context)
    }
}

impl Output<Contract> for Submission {
    fn finish(self, _: &mut Context) -> Result<Vec<u8>> {
        Ok(NO_REPLY.to_vec())
    }
}

impl<K> Output<K> for () {
    fn finish(self, _: &mut Context) -> Result<Vec<u8>> {
        Ok(NO_REPLY.to_vec())
    }
}

impl<T: Output<Contract>> Output<Contract> for Option<T> {
    fn finish(self, context: &mut Context) -> Result<Vec<u8>> {
        match self {
            Some(output) => output.finish(context),
            None => Ok(NO_REPLY.to_vec()),
        }
    }
}

impl<T: Output<Contract>> Output<Contract> for Vec<T> {
    fn finish(self, context: &mut Context) -> Result<Vec<u8>> {
        for output in self {
            output.finish(context)?;
        }
        Ok(NO_REPLY.to_vec())
    }
}

impl<A: Output<Contract>, B: Output<Contract>> Output<Contract> for (A, B) {
    fn finish(self, context: &mut Context) -> Result<Vec<u8>> {
        self.0.finish(context)?;
        self.1.finish(context)
    }
}

impl<A: Output<Contract>, B: Output<Contract>, C: Output<Contract>> Output<Contract> for (A, B, C) {
    fn finish(self, context: &mut Context) -> Result<Vec<u8>> {
        (self.0, self.1).finish(context)?;
        self.2.finish(context)
    }
}

/// One trigger on its way past a cryptlet's handlers; the first that takes it runs.
/// [`contract`](crate::contract) and [`utility`](crate::utility) write the calls.
pub struct Dispatch<'context, K> {
    context: &'context mut Context,
    progress: Progress,
    kind: PhantomData<K>,
}

enum Progress {
    Looking {
        trigger: Trigger,
        expected: Vec<String>,
    },
    Done(Result<Vec<u8>>),
}

impl<'context, K> Dispatch<'context, K> {
    pub(crate) fn new(context: &'context mut Context, trigger: Trigger) -> Self {
        let progress = Progress::Looking {
            trigger,
            expected: Vec::new(),
        };
        Self {
            context,
            progress,
            kind: PhantomData,
        }
    }

    /// Offers the trigger to a handler.
    #[must_use]
    pub fn offer<I: Input<K>, O: Output<K>>(
        mut self,
        handler: impl FnOnce(&mut Context, I) -> Result<O>,
    ) -> Self {
        self.progress = match self.progress {
            Progress::Looking { trigger, .. } if I::accepts(&trigger) => Progress::Done(
                I::read(trigger)
                    .and_then(|input| handler(self.context, input))
                    .and_then(|output| output.finish(self.context)),
            ),
            Progress::Looking {
                trigger,
                mut expected,
            } => {
                expected.push(I::expects());
                Progress::Looking { trigger, expected }
            }
            done => done,
        };
        self
    }

    /// The reply.
    ///
    /// # Errors
    ///
    /// The handler's own; `unexpected-trigger` if no handler took it.
    pub fn finish(self) -> Result<Vec<u8>> {
        match self.progress {
            Progress::Done(reply) => reply,
            Progress::Looking { trigger, expected } => Err(unexpected(&trigger, &expected)),
        }
    }
}

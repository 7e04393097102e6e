//! `source`: a utility cryptlet answers in a sandbox of its own, with a run of its own.

use std::sync::Arc;
use std::time::Instant;

use cryptlet_attest::{Outcome, digest};
use cryptlet_schema::{Kind, Limits, Message};
use minicbor::bytes::ByteVec;

use super::Guest;
use crate::bindings::cryptlet::fabric::source;
use crate::execution::{self, Ended, Purpose, Task, effective_limits};
use crate::grants::Source;
use crate::invocation::{Invocation, Trigger};
use crate::receipt_size;
use crate::run::{Child, Run, State};
use crate::tally::Stop;
use crate::transcript::{AskError, Failure, Record};

/// Code of the failure that an asker hears when its question does not fit the source's schema.
const REQUEST_SCHEMA: &str = "request-schema";
/// Code of the failure that an asker hears when its source trapped.
const TRAP: &str = "trap";

impl source::Host for Guest {
    fn ask(
        &mut self,
        name: String,
        request: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, source::AskError>> {
        self.tally.host_call()?;
        let (answer, transcript, kept) = match self.prepare(&name, &request) {
            Err(refusal) => (Err(refusal), None, 0),
            Ok((source, topic)) => {
                if self.chain.depth_left < 2 {
                    return Err(self.tally.call_depth());
                }
                self.tally.receipt(receipt_size::SOURCE)?;
                match self.outside.answered(&name, &request) {
                    // A shadow run is stopped where a run that had to ask would be.
                    Some(before) => (before.answer, None, before.kept),
                    None => self.ask_source(&name, source, topic, &request)?,
                }
            }
        };
        let record = Record::Ask {
            source: name,
            request,
            answer: answer.clone().map(ByteVec::from),
            transcript,
        };
        self.record_beside(record, kept)?;
        Ok(answer.map_err(Into::into))
    }
}

/// What a source said, its transcript if it ran, and what is kept beside that.
type Answered = (Result<Vec<u8>, AskError>, Option<Vec<u8>>, u64);

impl Guest {
    fn ask_source(
        &mut self,
        name: &str,
        source: Source,
        topic: String,
        request: &[u8],
    ) -> wasmtime::Result<Answered> {
        let (child, kept) = self.run_source(name, source, topic, request.to_vec())?;
        let answer = answer_of(&child.run);
        let transcript = child.run.transcript.to_bytes();
        let interrupted = match &child.run.outcome {
            Outcome::Interrupted { which } => Some(which.clone()),
            _ => None,
        };
        self.staged.children.push(child);
        if let Some(which) = interrupted {
            // What a machine decided about the source, it decided about its asker.
            return Err(self.tally.stop(Stop::Interrupted(which)));
        }
        Ok((answer, Some(transcript), kept))
    }

    /// The source and the topic of the question, if it may be asked like this.
    fn prepare(&self, name: &str, request: &[u8]) -> Result<(Source, String), AskError> {
        let asked = &self.cryptlet.manifest().capabilities.sources;
        let source = self
            .grants
            .sources
            .get(name)
            .filter(|_| asked.iter().any(|asked| asked == name))
            .filter(|source| source.cryptlet.manifest().cryptlet.kind == Kind::Utility)
            .ok_or_else(|| AskError::UnknownSource(name.to_owned()))?;
        let refuse = |message: String| {
            AskError::Failed(Failure {
                code: REQUEST_SCHEMA.to_owned(),
                message,
            })
        };
        let schema: &Message = source
            .cryptlet
            .manifest()
            .messages
            .request
            .as_ref()
            .ok_or_else(|| refuse(format!("source {name} declares no request")))?;
        schema
            .check(request)
            .map_err(|error| refuse(format!("request of {name}: {error}")))?;
        Ok((source.clone(), schema.name().to_owned()))
    }

    fn run_source(
        &mut self,
        name: &str,
        source: Source,
        topic: String,
        request: Vec<u8>,
    ) -> wasmtime::Result<(Child, u64)> {
        let ordinal = self.chain.next_ordinal();
        let seed = *digest(
            "cryptlet source seed v1",
            &[&self.seed, &ordinal.to_be_bytes(), name.as_bytes()],
        )
        .as_bytes();
        let invocation = Invocation {
            binding: self.invocation.binding.clone(),
            number: self.invocation.number,
            instant: self.invocation.instant,
            trigger: Trigger::Message {
                sender: self.invocation.binding.clone(),
                topic,
                body: request,
            },
        };
        let limits = effective_limits(&source.cryptlet, &source.grants, &self.chain.host_limits());
        let task = Task {
            limits,
            begun: Instant::now(),
            chain: self.chain.deeper(),
            cryptlet: source.cryptlet.clone(),
            outside: self
                .outside
                .for_source(self.transcript.records().len(), name, &source.grants),
            grants: Arc::new(source.grants),
            invocation: Arc::new(invocation.clone()),
            seed,
            state: Arc::new(State::new()),
            deadline: self.deadline,
            purpose: Purpose::Handle,
        };
        let ended =
            on_own_stack(task).map_err(|reason| self.tally.stop(Stop::Interrupted(reason)))?;
        let child = Child {
            source: name.to_owned(),
            ordinal,
            invocation,
            seed,
            cryptlet: source.cryptlet,
            run: ended.run,
        };
        Ok((child, ended.kept))
    }
}

/// Runs the source on a thread of its own: guests are measured against a stack of known size, and a
/// chain of them would not fit into one.
fn on_own_stack(task: Task) -> Result<Ended, String> {
    std::thread::Builder::new()
        .name("cryptlet-source".to_owned())
        .stack_size(execution::STACK_BYTES)
        .spawn(move || execution::execute(task))
        .map_err(|error| format!("no thread for a source: {error}"))?
        .join()
        .map_err(|_| "the host failed while a source ran".to_owned())
}

fn answer_of(run: &Run) -> Result<Vec<u8>, AskError> {
    match &run.outcome {
        Outcome::Ok => Ok(run.reply.clone().unwrap_or_default()),
        Outcome::Failure { code } => {
            Err(AskError::Failed(run.failure.clone().unwrap_or_else(|| {
                Failure {
                    code: code.clone(),
                    message: String::new(),
                }
            })))
        }
        Outcome::Limit { which, .. } => Err(AskError::Limit(which.clone())),
        Outcome::Trap { kind } => Err(AskError::Failed(Failure {
            code: TRAP.to_owned(),
            message: kind.clone(),
        })),
        Outcome::Interrupted { which } => Err(AskError::Limit(which.clone())),
    }
}

impl From<AskError> for source::AskError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::UnknownSource(name) => Self::UnknownSource(name),
            AskError::Failed(failure) => Self::Failed(failure.into()),
            AskError::Limit(which) => Self::Limit(which),
        }
    }
}

/// How many cryptlets a chain can have that starts with these grants.
pub(crate) fn chain_length(sources: &crate::Grants, limits: &Limits) -> u32 {
    fn longest(grants: &crate::Grants, at_most: u32) -> u32 {
        if at_most <= 1 {
            return at_most;
        }
        let below = grants
            .sources
            .values()
            .map(|source| longest(&source.grants, at_most - 1))
            .max();
        1 + below.unwrap_or(0)
    }
    let at_most = u32::try_from(limits.call_depth).unwrap_or(u32::MAX);
    longest(sources, at_most).max(1)
}

//! The invocation as the guest reads it, lent: what a run is asked is written into the guest's memory
//! from where it stands, without a copy on the way.

use wasmtime::component::{ComponentType, Lower};

use crate::bindings::cryptlet::fabric::types;
use crate::invocation::{Invocation, Position, Trigger};

/// What `handle` gives back.
pub(crate) type Answer = (Result<Vec<u8>, types::Failure>,);

/// What `handle` takes: `invocation` of `wit/fabric.wit`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Question<'a> {
    binding: &'a str,
    number: u64,
    instant: u64,
    trigger: Reason<'a>,
}

/// `trigger` of `wit/fabric.wit`.
#[derive(ComponentType, Lower)]
#[component(variant)]
pub(crate) enum Reason<'a> {
    #[component(name = "message")]
    Message(Message<'a>),
    #[component(name = "contract-event")]
    ContractEvent(ContractEvent<'a>),
    #[component(name = "schedule")]
    Schedule(u64),
    #[component(name = "receipt")]
    Receipt(types::SubmissionOutcome),
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Message<'a> {
    sender: &'a str,
    topic: &'a str,
    body: &'a [u8],
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct ContractEvent<'a> {
    name: &'a str,
    fields: &'a [u8],
    at: Place<'a>,
    #[component(name = "log-index")]
    log_index: u32,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Place<'a> {
    chain: &'a str,
    block: u64,
    #[component(name = "block-hash")]
    block_hash: &'a [u8],
    transaction: &'a [u8],
}

impl<'a> Question<'a> {
    pub(crate) fn of(invocation: &'a Invocation) -> Question<'a> {
        Question {
            binding: &invocation.binding,
            number: invocation.number,
            instant: invocation.instant,
            trigger: Reason::of(&invocation.trigger),
        }
    }
}

impl<'a> Reason<'a> {
    fn of(trigger: &'a Trigger) -> Reason<'a> {
        match trigger {
            Trigger::Message {
                sender,
                topic,
                body,
            } => Reason::Message(Message {
                sender,
                topic,
                body,
            }),
            Trigger::ContractEvent {
                name,
                fields,
                position,
                log_index,
            } => Reason::ContractEvent(ContractEvent {
                name,
                fields,
                at: Place::of(position),
                log_index: *log_index,
            }),
            Trigger::Schedule { instant } => Reason::Schedule(*instant),
            Trigger::Receipt { submission, status } => Reason::Receipt(types::SubmissionOutcome {
                submission: *submission,
                status: status.clone().into(),
            }),
        }
    }
}

impl<'a> Place<'a> {
    fn of(position: &'a Position) -> Place<'a> {
        Place {
            chain: &position.chain,
            block: position.block,
            block_hash: &position.block_hash,
            transaction: &position.transaction,
        }
    }
}

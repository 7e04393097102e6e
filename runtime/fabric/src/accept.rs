//! What wakes a cryptlet, taken in: messages of callers, events of the chain, triggers run again.

mod events;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cryptlet_attest::{Accepted, BindingId, LogEntry, Outcome, TriggerStatement};
use cryptlet_container::{Invocation, Trigger};

use crate::error::FabricError;
use crate::execution::{salt_of, trigger_statement};
use crate::fabric::Fabric;
use crate::journal::{
    Acceptance, BindingRow, Earlier, JournalError, NewInvocation, Occurred, Writing,
};
use crate::seams::Step;
use crate::shares::{Backlog, Full};

/// A message from a caller that the host has authenticated.
#[derive(Clone, Debug)]
pub struct Message {
    /// Who sent it.
    pub sender: String,
    /// Name of one of the binding's messages.
    pub topic: String,
    /// Its fields as JSON.
    pub body: Vec<u8>,
    /// The same key twice is the same message.
    pub idempotency_key: String,
}

impl Fabric {
    /// Accepts a message for a binding; it runs at the next [`Fabric::execute_accepted`].
    ///
    /// Returns the invocation's number; the same for the same sender and idempotency key, even when the
    /// binding takes nothing new.
    ///
    /// # Errors
    ///
    /// If there is no such binding, it takes no such message or nothing new, too many of its invocations
    /// wait, the sender has used the key for another message, or the chain is ahead of this journal.
    pub async fn send(&self, binding: &str, message: Message) -> Result<u64, FabricError> {
        let row = self.binding(binding)?;
        self.refuse_overtaken(&row)?;
        let refusal = refuse_paused(&row).and_then(|()| refuse_unfit(&row, &message));
        // The length keeps one sender's keys apart from another's.
        let occurrence = format!(
            "message/{}/{}/{}",
            message.sender.len(),
            message.sender,
            message.idempotency_key
        );
        let trigger = Trigger::Message {
            sender: message.sender,
            topic: message.topic,
            body: message.body,
        };
        if let Err(refusal) = refusal {
            // Whoever did not hear the answer asks again, and the binding may have changed meanwhile.
            return match self.journal.accepted_before(&row.id, &occurrence)? {
                Some(earlier) => self.admitted(binding, Admission::repeated(&earlier, &trigger)),
                None => Err(refusal),
            };
        }
        let accepting = self.accepting(&row, trigger, occurrence)?;
        let (limit, backlog) = (self.queue_limit(), Arc::clone(&self.backlog));
        let turn = self.turns.of(&row.id);
        let _accepting = turn.accepting.read().await;
        let admission = self
            .journal
            .commit_checked(move |writing| accepting.admit(writing, limit, &backlog))
            .await?;
        self.admitted(binding, admission)
    }

    /// The number of a message that was taken in, now or before.
    fn admitted(&self, binding: &str, admission: Admission) -> Result<u64, FabricError> {
        match admission {
            Admission::Accepted(accepted) => {
                self.reached_accepted(binding, accepted);
                Ok(accepted.number)
            }
            Admission::Full { waiting } => Err(FabricError::QueueFull {
                binding: binding.into(),
                waiting,
                limit: self.queue_limit(),
            }),
            Admission::AllFull(Full { waiting, limit }) => {
                Err(FabricError::AllQueuesFull { waiting, limit })
            }
            Admission::OtherMessage { number } => Err(FabricError::OtherMessage {
                binding: binding.into(),
                number,
            }),
        }
    }

    /// Runs the trigger of an invocation that did not succeed once more, as a new invocation with
    /// an instant and a seed of its own: both runs stay in the log.
    ///
    /// # Errors
    ///
    /// If there is no such invocation, it has not run yet, it succeeded, or it is being run again
    /// already.
    pub async fn run_again(&self, binding: &str, number: u64) -> Result<u64, FabricError> {
        let row = self.binding(binding)?;
        self.refuse_overtaken(&row)?;
        refuse_paused(&row)?;
        let refused = |reason: &str| FabricError::NotAgain {
            binding: binding.into(),
            number,
            reason: reason.into(),
        };
        let (input, outcome) = self
            .journal
            .ended(&row.id, number)?
            .ok_or_else(|| refused("it has not run"))?;
        if outcome == Outcome::Ok.to_string() {
            return Err(refused("it succeeded"));
        }
        let earlier = read_input(binding, number, &input)?;
        let occurrence = again(&earlier.trigger, number);
        let mut accepting = self.accepting(&row, earlier.trigger, occurrence)?;
        accepting.new.again = Some(number);
        let turn = self.turns.of(&row.id);
        let _accepting = turn.accepting.read().await;
        let accepted = self
            .journal
            .commit(move |writing| accepting.write(writing))
            .await?;
        if !accepted.is_new {
            return Err(refused("it is run again already"));
        }
        self.reached_accepted(binding, accepted);
        Ok(accepted.number)
    }

    /// Goes on past a contract event whose run failed, without an answer to it.
    ///
    /// # Errors
    ///
    /// If it is not what holds the binding up.
    pub async fn pass_over(&self, binding: &str, number: u64) -> Result<(), FabricError> {
        let row = self.binding(binding)?;
        let id = row.id;
        let held_by = self.journal.held_by(&id)?.map(|held| held.number);
        if held_by != Some(number) {
            let reason = if self.journal.invocation(&id, number)?.is_none() {
                "there is no such invocation".to_owned()
            } else if let Some(held_by) = held_by {
                format!("invocation {held_by} holds up the binding, not this one")
            } else {
                "it does not hold up the binding; nothing does".to_owned()
            };
            return Err(FabricError::NotPassedOver {
                binding: binding.into(),
                number,
                reason,
            });
        }
        self.journal
            .commit(move |writing| writing.pass_over(&id, number))
            .await?;
        tracing::warn!(binding, number, "a failed run was passed over");
        Ok(())
    }

    fn reached_accepted(&self, binding: &str, accepted: Acceptance) {
        if accepted.is_new {
            self.backlog.came();
            self.reached(Step::Accepted, binding, accepted.number);
        }
    }

    /// Fixes instant, seed and salt. The commit adds the version that is active then; from there on
    /// the host cannot choose any more.
    fn accepting(
        &self,
        row: &BindingRow,
        trigger: Trigger,
        occurrence: String,
    ) -> Result<Accepting, FabricError> {
        let new = NewInvocation {
            binding: row.id,
            binding_version: row.version,
            paused_by: row.paused_by,
            occurrence,
            again: None,
            instant: self.seams.clock.now(),
            seed: self.seams.randomness.draw()?,
            salt: self.seams.randomness.draw()?,
        };
        Ok(Accepting::new(new, trigger)?)
    }
}

/// Refuses what is new while the binding waits for another document.
fn refuse_paused(row: &BindingRow) -> Result<(), FabricError> {
    row.paused_by.map_or(Ok(()), |change| {
        Err(FabricError::Paused {
            binding: row.document.binding.name.clone(),
            change,
        })
    })
}

/// Refuses a message that the document in force does not take.
fn refuse_unfit(row: &BindingRow, message: &Message) -> Result<(), FabricError> {
    let taken = &row.document.triggers.messages;
    let refused = |reason| FabricError::Message {
        binding: row.document.binding.name.clone(),
        reason,
    };
    let schema = taken.iter().find(|schema| schema.name() == message.topic);
    let schema = schema.ok_or_else(|| {
        let names: Vec<&str> = taken.iter().map(|schema| schema.name()).collect();
        refused(format!(
            "{} is not among triggers.messages; it takes {}",
            message.topic,
            if names.is_empty() {
                "no messages".to_owned()
            } else {
                names.join(", ")
            }
        ))
    })?;
    schema
        .check(&message.body)
        .map_err(|error| refused(error.to_string()))
}

/// An invocation on its way into the journal.
pub(crate) struct Accepting {
    pub(crate) new: NewInvocation,
    trigger: Trigger,
    /// What the log says of the trigger; made before everybody waits for the one writer.
    statement: TriggerStatement,
}

impl Accepting {
    /// # Errors
    ///
    /// If the trigger is none that the log can state.
    pub(crate) fn new(new: NewInvocation, trigger: Trigger) -> Result<Self, JournalError> {
        let salt = salt_of(&new.salt, 0);
        let statement = trigger_statement(
            &mut |field, value| salt.digest(field, value),
            &trigger,
            false,
        )?;
        Ok(Self {
            new,
            trigger,
            statement,
        })
    }

    pub(crate) fn write(self, writing: &mut Writing<'_>) -> Result<Acceptance, JournalError> {
        let (occurred, _) = self.occur(writing)?;
        Ok(match occurred {
            Occurred::Now(number) => Acceptance {
                number,
                is_new: true,
            },
            Occurred::Before(Earlier { number, .. }) => Acceptance {
                number,
                is_new: false,
            },
        })
    }

    /// Gives the trigger back with what became of it.
    fn occur(self, writing: &mut Writing<'_>) -> Result<(Occurred, Trigger), JournalError> {
        let salt = salt_of(&self.new.salt, 0);
        let binding: BindingId = self.new.binding;
        let (instant, seed) = (self.new.instant, self.new.seed);
        let statement = self.statement;
        let mut invocation = Invocation {
            binding: binding.to_string(),
            number: 0,
            instant,
            trigger: self.trigger,
        };
        let occurred = writing.accept(
            &self.new,
            |number| {
                invocation.number = number;
                invocation.input_bytes()
            },
            |number, input, measurement| {
                LogEntry::Accepted(Accepted {
                    binding,
                    number,
                    trigger: statement,
                    input: salt.digest("input", input),
                    instant,
                    seed,
                    measurement,
                })
            },
        )?;
        Ok((occurred, invocation.trigger))
    }

    /// Writes a caller's message, if there is room for it and its key is not used for another.
    fn admit(
        self,
        writing: &mut Writing<'_>,
        limit: u64,
        backlog: &Backlog,
    ) -> Result<Admission, JournalError> {
        let waiting = writing.accepted_and_waiting(&self.new.binding)?;
        let refusal = if waiting >= limit {
            Some(Admission::Full { waiting })
        } else {
            backlog.full().map(Admission::AllFull)
        };
        if let Some(refusal) = refusal {
            // Who asks again is answered even so.
            let earlier = writing.accepted_before(&self.new.binding, &self.new.occurrence)?;
            return Ok(earlier.map_or(refusal, |earlier| {
                Admission::repeated(&earlier, &self.trigger)
            }));
        }
        let (occurred, trigger) = self.occur(writing)?;
        Ok(match occurred {
            Occurred::Now(number) => Admission::Accepted(Acceptance {
                number,
                is_new: true,
            }),
            Occurred::Before(earlier) => Admission::repeated(&earlier, &trigger),
        })
    }
}

/// What becomes of a caller's message.
#[derive(Debug)]
enum Admission {
    /// It has a number, now or from before.
    Accepted(Acceptance),
    /// Too many wait already.
    Full { waiting: u64 },
    /// Too many of all bindings wait already.
    AllFull(Full),
    /// Its key stands for another message.
    OtherMessage { number: u64 },
}

impl Admission {
    /// What a key is answered that was used before.
    fn repeated(earlier: &Earlier, trigger: &Trigger) -> Self {
        let number = earlier.number;
        let is_same = Invocation::from_input_bytes(&earlier.input)
            .is_ok_and(|earlier| earlier.trigger == *trigger);
        if is_same {
            Self::Accepted(Acceptance {
                number,
                is_new: false,
            })
        } else {
            Self::OtherMessage { number }
        }
    }
}

/// What keeps a trigger from being run again twice. Events keep their place in the order of an
/// ordered binding; a caller's message that failed again holds up nobody.
fn again(trigger: &Trigger, number: u64) -> String {
    match trigger {
        Trigger::Message { .. } => format!("message-again/{number}"),
        _ => format!("event-again/{number}"),
    }
}

pub(crate) fn read_input(
    binding: &str,
    number: u64,
    input: &[u8],
) -> Result<Invocation, FabricError> {
    Invocation::from_input_bytes(input).map_err(|error| FabricError::Input {
        binding: binding.into(),
        number,
        reason: error.to_string(),
    })
}

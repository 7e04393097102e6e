//! One step further for everything that can go on: events in, runs, deliveries out.

use std::sync::Arc;

use cryptlet_attest::{Accepted, BindingId, LogEntry, Outcome};
use cryptlet_container::{Invocation, Job, Position, Trigger};
use cryptlet_ledger::{ContractEvent, EvmLedger};

use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{Acceptance, AcceptedRow, BindingRow, JournalError, NewInvocation};
use crate::sealing::{Sealing, salt_of, trigger_statement};
use crate::seams::Step;
use crate::services::LiveServices;

/// What one pass over all bindings did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Invocations accepted.
    pub accepted: usize,
    /// Invocations executed.
    pub executed: usize,
    /// Deliveries that came nearer to their end.
    pub moved: usize,
    /// What could not go on, and why; it is tried again at the next pass.
    pub waiting: Vec<Waiting>,
}

/// Something that cannot go on now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The binding's name.
    pub binding: String,
    /// The delivery, if it is one.
    pub delivery: Option<u64>,
    /// Why.
    pub reason: String,
}

impl Progress {
    /// Whether another pass right away would find nothing new to do.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.accepted == 0 && self.executed == 0 && self.moved == 0
    }
}

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
    /// Takes every binding as far as it can go without waiting.
    ///
    /// A binding whose node is away or whose delivery is refused does not hold up the others; the
    /// reason is in [`Progress::waiting`].
    ///
    /// # Errors
    ///
    /// If the journal fails: then nothing can be promised, and nothing more is done.
    pub async fn advance(&self) -> Result<Progress, FabricError> {
        let mut progress = Progress::default();
        for row in self.journal.bindings()? {
            if let Err(error) = self.advance_binding(&row, &mut progress).await {
                if error.is_fatal() {
                    return Err(error);
                }
                let binding = row.document.binding.name.clone();
                tracing::warn!(binding, %error, "a binding cannot go on now");
                progress.waiting.push(Waiting {
                    binding,
                    delivery: None,
                    reason: error.to_string(),
                });
            }
        }
        Ok(progress)
    }

    /// Accepts a message for a binding; it runs at the next [`Fabric::advance`].
    ///
    /// Returns the invocation's number; the same for the same sender and idempotency key.
    ///
    /// # Errors
    ///
    /// If there is no such binding, or it takes no such message.
    pub async fn send(&self, binding: &str, message: Message) -> Result<u64, FabricError> {
        let row = self.binding(binding)?;
        let refused = |reason| FabricError::Message {
            binding: binding.into(),
            reason,
        };
        let schema = row
            .document
            .triggers
            .messages
            .iter()
            .find(|schema| schema.name() == message.topic)
            .ok_or_else(|| refused(format!("{} is not among triggers.messages", message.topic)))?;
        schema
            .check(&message.body)
            .map_err(|error| refused(error.to_string()))?;
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
        let accepting = self.accepting(&row, trigger, occurrence)?;
        let accepted = self
            .journal
            .commit(move |writing| accepting.write(writing))
            .await?;
        self.reached_accepted(binding, accepted);
        Ok(accepted.number)
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
        let refused = |reason: &str| FabricError::NotAgain {
            binding: binding.into(),
            number,
            reason: reason.into(),
        };
        let (input, outcome) = self
            .journal
            .ended(&row.document.id(), number)?
            .ok_or_else(|| refused("it has not run"))?;
        if outcome == Outcome::Ok.to_string() {
            return Err(refused("it succeeded"));
        }
        let earlier = read_input(binding, number, &input)?;
        let occurrence = again(&earlier.trigger, number);
        let accepting = self.accepting(&row, earlier.trigger, occurrence)?;
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
        let id = row.document.id();
        if self.journal.held_by(&id)?.map(|held| held.number) != Some(number) {
            return Err(FabricError::NotAgain {
                binding: binding.into(),
                number,
                reason: "it does not hold up the binding".into(),
            });
        }
        self.journal
            .commit(move |writing| writing.pass_over(&id, number))
            .await?;
        tracing::warn!(binding, number, "a failed run was passed over");
        Ok(())
    }

    async fn advance_binding(
        &self,
        row: &BindingRow,
        progress: &mut Progress,
    ) -> Result<(), FabricError> {
        // What is already accepted or sealed goes on even if the node has no new events to give.
        let read = self.read_events(row, progress).await;
        let id = row.document.id();
        while let Some(accepted) = self.journal.next_accepted(&id)? {
            if row.document.contract.ordered
                && !accepted.is_again
                && let Some(held) = self.journal.held_by(&id)?
            {
                // A later answer would overtake the missing one, and the contract refuse it for ever.
                progress.waiting.push(Waiting {
                    binding: row.document.binding.name.clone(),
                    delivery: None,
                    reason: held.reason(),
                });
                break;
            }
            self.execute(row, accepted).await?;
            progress.executed += 1;
        }
        let delivered = self.deliver(&row.document, progress).await;
        read.and(delivered)
    }

    /// Accepts every final event that wakes the binding, in one commit with the place read up to.
    async fn read_events(
        &self,
        row: &BindingRow,
        progress: &mut Progress,
    ) -> Result<(), FabricError> {
        let binding = &row.document;
        let wanted: Vec<_> = binding
            .contract
            .events
            .iter()
            .filter(|event| {
                let name = event.name();
                binding
                    .triggers
                    .contract_events
                    .iter()
                    .any(|wanted| wanted == name)
            })
            .cloned()
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let ledger: &EvmLedger = self.ledger(binding)?;
        let scan = ledger
            .events(binding.contract.consumer, &wanted, row.next_block)
            .await?;
        if scan.events.is_empty() && scan.next_block < row.next_block.saturating_add(QUIET_BLOCKS) {
            return Ok(());
        }
        let mut accepting = Vec::with_capacity(scan.events.len());
        for event in scan.events {
            let occurrence = format!(
                "event/{}/{}/{}",
                event.position.chain, event.position.transaction, event.log_index
            );
            accepting.push(self.accepting(row, trigger(event)?, occurrence)?);
        }
        let id = binding.id();
        let numbers = self
            .journal
            .commit(move |writing| {
                let numbers = accepting
                    .into_iter()
                    .map(|accepting| accepting.write(writing))
                    .collect::<Result<Vec<_>, _>>()?;
                writing.read_up_to(&id, scan.next_block)?;
                Ok(numbers)
            })
            .await?;
        for accepted in numbers {
            self.reached_accepted(&binding.binding.name, accepted);
            progress.accepted += usize::from(accepted.is_new);
        }
        Ok(())
    }

    fn reached_accepted(&self, binding: &str, accepted: Acceptance) {
        if accepted.is_new {
            self.seams
                .steps
                .reached(Step::Accepted, binding, accepted.number);
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
        Ok(Accepting {
            new: NewInvocation {
                binding: row.document.id(),
                cryptlet: row.document.binding.cryptlet.clone(),
                occurrence,
                instant: self.seams.clock.now(),
                seed: self.seams.randomness.draw()?,
                salt: self.seams.randomness.draw()?,
            },
            trigger,
        })
    }

    /// Runs one accepted invocation and makes everything about it durable in one commit.
    async fn execute(&self, row: &BindingRow, accepted: AcceptedRow) -> Result<(), FabricError> {
        let binding = Arc::new(row.document.clone());
        let name = binding.binding.name.clone();
        let id = binding.id();
        let number = accepted.number;
        let invocation = read_input(&name, number, &accepted.input)?;
        let cryptlet = self.cryptlet(&accepted.measurement).await?;
        let grants = self.grants(&binding).await?;
        let state = Arc::new(self.journal.state(&id)?);
        let services = Arc::new(LiveServices {
            binding: Arc::clone(&binding),
            id,
            next_submission: self.journal.next_submission(&id)?,
            journal: Arc::clone(&self.journal),
            delegate: self.delegate.clone(),
            web: Arc::clone(&self.seams.web),
        });
        let container = Arc::clone(&self.container);
        let (run, invocation, cryptlet) = tokio::task::spawn_blocking(move || {
            let run = container.run(Job {
                cryptlet: &cryptlet,
                grants: &grants,
                invocation: invocation.clone(),
                seed: accepted.seed,
                state,
                services,
            });
            (run, invocation, cryptlet)
        })
        .await?;
        tracing::info!(
            binding = name,
            number,
            version = %cryptlet.manifest().cryptlet.version,
            outcome = %run.outcome,
            fuel = run.meter.fuel,
            "executed"
        );
        self.seams.steps.reached(Step::Ran, &name, number);
        let sealing = Sealing {
            binding,
            accepted,
            invocation,
            cryptlet,
            run,
            host: Arc::clone(&self.host),
        };
        self.journal
            .commit(move |writing| sealing.write(writing))
            .await?;
        self.seams.steps.reached(Step::Executed, &name, number);
        Ok(())
    }
}

/// How many blocks without an event are read again after a restart rather than remembered: a
/// durable commit for each empty block would cost more than reading it twice.
const QUIET_BLOCKS: u64 = 1_000;

/// An invocation on its way into the journal.
struct Accepting {
    new: NewInvocation,
    trigger: Trigger,
}

impl Accepting {
    fn write(self, writing: &mut crate::journal::Writing<'_>) -> Result<Acceptance, JournalError> {
        let salt = salt_of(&self.new.salt, 0);
        let statement = trigger_statement(&salt, &self.trigger, false)?;
        let binding: BindingId = self.new.binding;
        let (instant, seed) = (self.new.instant, self.new.seed);
        let trigger = self.trigger;
        writing.accept(
            &self.new,
            |number| {
                let invocation = Invocation {
                    binding: binding.to_string(),
                    number,
                    instant,
                    trigger,
                };
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
        )
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

fn read_input(binding: &str, number: u64, input: &[u8]) -> Result<Invocation, FabricError> {
    Invocation::from_input_bytes(input).map_err(|error| FabricError::Input {
        binding: binding.into(),
        number,
        reason: error.to_string(),
    })
}

fn trigger(event: ContractEvent) -> Result<Trigger, FabricError> {
    let log_index = u32::try_from(event.log_index).map_err(|_| {
        JournalError::Conflict(format!(
            "log index {} is beyond what a block holds",
            event.log_index
        ))
    })?;
    Ok(Trigger::ContractEvent {
        name: event.name,
        fields: event.fields,
        position: Position {
            chain: event.position.chain,
            block: event.position.block,
            block_hash: event.position.block_hash.to_vec(),
            transaction: event.position.transaction.to_vec(),
        },
        log_index,
    })
}

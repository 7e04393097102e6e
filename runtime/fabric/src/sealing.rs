//! From a run to its receipts: what the fabric says about it, in the order in which the log gets it.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use cryptlet_attest::{BindingId, Digest, EncodedEntry, Host, LeafHash};
use cryptlet_container::{Cryptlet, Invocation, Run, Trigger};

use crate::binding::Binding;
use crate::execution::{Agreed, Part, States, empty_state, salt_of};
use crate::journal::{
    AcceptedRow, DeliveryRow, DeliveryStatus, JournalError, NewExecution, Queued, Standing, Writing,
};
use crate::versions::VersionMove;

/// What is the same in every receipt of this process.
#[derive(Clone, Debug)]
pub(crate) struct HostFacts {
    pub(crate) operator_costs: Digest,
    /// Without the receipt before.
    pub(crate) part: Host,
}

/// A finished run.
pub(crate) struct Finished {
    pub(crate) id: BindingId,
    pub(crate) binding: Arc<Binding>,
    pub(crate) accepted: AcceptedRow,
    pub(crate) invocation: Arc<Invocation>,
    pub(crate) cryptlet: Cryptlet,
    pub(crate) run: Run,
    pub(crate) host: Arc<HostFacts>,
}

/// A finished run with its receipts, on its way into the journal: everybody waits for the one
/// writer, and nobody for the thread that ran it.
pub(crate) struct Sealing {
    finished: Finished,
    /// On what its receipts build: true as long as the run's turn is held.
    before: Standing,
    after: Standing,
    /// In the order of the log: the sources that were asked, and the bound cryptlet last.
    executions: Vec<Sealed>,
    deliveries: Vec<DeliveryRow>,
}

/// One execution: what the log gets of it, and what the journal keeps.
struct Sealed {
    entry: EncodedEntry,
    row: NewExecution,
}

impl Finished {
    fn root(&self) -> Part<'_> {
        Part {
            source: None,
            ordinal: 0,
            seed: self.accepted.seed,
            invocation: &self.invocation,
            cryptlet: &self.cryptlet,
            run: &self.run,
        }
    }

    /// Writes the receipts of a run of a binding that stands at `before`.
    ///
    /// # Errors
    ///
    /// If its trigger is none that a receipt can state, or a receipt cannot be read back.
    pub(crate) fn seal(self, before: Standing) -> Result<Sealing, JournalError> {
        let salt = salt_of(&self.accepted.salt, 0);
        let states = States::of(
            &self.run,
            before.state.unwrap_or_else(empty_state),
            &mut |field, value| salt.digest(field, value),
        );
        let numbers: Vec<u64> = (before.next_delivery..)
            .take(self.run.submissions.len())
            .collect();
        let mut executions = Vec::with_capacity(1 + self.run.children.len());
        let sealer = Sealer {
            salt: self.accepted.salt,
            host: &self.host,
            agreed: Agreed {
                binding: self.id,
                version: self.accepted.binding_version,
                chain: self.binding.contract.chain.to_string(),
                operator_costs: self.host.operator_costs,
            },
        };
        let statement = sealer.seal(
            &self.root(),
            &states,
            &numbers,
            before.receipt,
            &mut executions,
        )?;
        let after = Standing {
            receipt: Some(statement.receipt),
            next_delivery: before.next_delivery + numbers.len() as u64,
            state: if states.before == states.after {
                before.state
            } else {
                Some(states.after)
            },
        };
        let deliveries = self.deliveries(&numbers, &sealer.agreed, &statement);
        Ok(Sealing {
            deliveries,
            finished: self,
            before,
            after,
            executions,
        })
    }

    /// Whether an ordered binding must not go past it: a contract event has no good answer.
    pub(crate) fn holds(&self) -> bool {
        let is_message = matches!(self.invocation.trigger, Trigger::Message { .. });
        !self.run.outcome.is_ok() && !is_message
    }

    fn deliveries(
        &self,
        numbers: &[u64],
        agreed: &Agreed,
        sealed: &SealedHashes,
    ) -> Vec<DeliveryRow> {
        let Some(execution_hash) = sealed.execution else {
            return Vec::new();
        };
        let submissions = self.run.submissions.iter().zip(numbers);
        submissions
            .map(|(submission, delivery)| DeliveryRow {
                binding: agreed.binding,
                ledger: self.binding.contract.ledger.clone(),
                delivery: *delivery,
                number: self.accepted.number,
                submission: submission.number,
                action: submission.action.clone(),
                call: submission.call.bytes.clone(),
                binding_version: agreed.version,
                measurement: self.cryptlet.measurement(),
                execution_hash,
                receipt_hash: sealed.receipt,
                status: DeliveryStatus::Sealed,
                given_up: false,
                refusal: None,
                block: None,
                block_hash: None,
                gas_used: None,
            })
            .collect()
    }
}

/// What all receipts of a run share.
struct Sealer<'a> {
    salt: [u8; 32],
    host: &'a HostFacts,
    agreed: Agreed,
}

/// What others name one receipt by.
struct SealedHashes {
    receipt: LeafHash,
    /// Only of a run that delivers: nothing else names it.
    execution: Option<Digest>,
}

impl Sealer<'_> {
    /// Seals one execution after the sources that it asked.
    fn seal(
        &self,
        part: &Part<'_>,
        states: &States,
        deliveries: &[u64],
        previous: Option<LeafHash>,
        sealed: &mut Vec<Sealed>,
    ) -> Result<SealedHashes, JournalError> {
        let mut children = Vec::with_capacity(part.run.children.len());
        for child in &part.run.children {
            let asked = self.seal(&Part::from(child), &States::none(), &[], None, sealed)?;
            children.push(asked.receipt);
        }
        let salt = salt_of(&self.salt, part.ordinal);
        let input = part.invocation.input_bytes();
        let transcript = part.run.transcript.to_bytes();
        let digests = part.digests(&input, &transcript, &mut |field, value| {
            salt.digest(field, value)
        })?;
        let statement = part.execution(&self.agreed, &digests, states, deliveries, children);
        let execution = (!deliveries.is_empty()).then(|| statement.hash());
        let entry =
            EncodedEntry::receipt(&statement, &self.host.part, previous).map_err(|error| {
                JournalError::Conflict(format!("a receipt cannot be logged: {error}"))
            })?;
        let receipt = entry.leaf_hash();
        sealed.push(Sealed {
            entry,
            row: row(part, input, transcript),
        });
        Ok(SealedHashes { receipt, execution })
    }
}

fn row(part: &Part<'_>, input: Vec<u8>, transcript: Vec<u8>) -> NewExecution {
    let run = part.run;
    let events = run.events.iter();
    NewExecution {
        ordinal: part.ordinal,
        cryptlet: part.cryptlet.manifest().cryptlet.name.clone(),
        version: part.cryptlet.version().to_owned(),
        input,
        transcript,
        reply: run.reply.clone(),
        outcome: run.outcome.to_string(),
        explanation: explanation(run),
        fuel: run.meter.fuel,
        peak_memory: run.meter.peak_memory,
        host_calls: run.meter.host_calls,
        events: events
            .map(|event| (event.topic.clone(), event.body.clone()))
            .collect(),
    }
}

impl Sealing {
    /// The run.
    pub(crate) fn finished(&self) -> &Finished {
        &self.finished
    }

    /// Bytes of recordings and outputs that it holds until it is durable.
    pub(crate) fn bytes(&self) -> usize {
        let rows = self.executions.iter().map(|sealed| &sealed.row);
        rows.map(|row| {
            let reply = row.reply.as_ref().map_or(0, Vec::len);
            let events = row.events.iter().map(|(_, body)| body.len());
            row.input.len() + row.transcript.len() + reply + events.sum::<usize>()
        })
        .sum()
    }

    /// Where the binding stands once this is durable.
    pub(crate) fn after(&self) -> Standing {
        self.after
    }

    fn queued(&self) -> Queued {
        let accepted = &self.finished.accepted;
        Queued {
            number: accepted.number,
            is_again: accepted.is_again,
        }
    }

    fn write(&self, writing: &mut Writing<'_>, id: &BindingId) -> Result<(), JournalError> {
        let number = self.finished.accepted.number;
        if self.finished.holds() {
            writing.hold(id, number)?;
        }
        let mut leaf = 0;
        for sealed in &self.executions {
            leaf = writing.append_encoded(&sealed.entry)?;
            writing.record_execution(id, number, leaf, &sealed.row)?;
        }
        for delivery in &self.deliveries {
            writing.record_delivery(delivery)?;
        }
        if self.before.state != self.after.state {
            writing.change_state(id, leaf, &self.finished.run.state_changes)?;
        }
        Ok(())
    }
}

/// Writes receipts, recordings, outputs and state of runs of one binding, each of which builds on the
/// one before it: all that must be durable before anybody may see any of it. If they were the last
/// that their version had to do, that is retained, at the instant `at`; such moves come back.
///
/// # Errors
///
/// If the binding does not stand any more where the first of them began, or the journal fails.
pub(crate) fn write(
    runs: &[Sealing],
    writing: &mut Writing<'_>,
    at: u64,
) -> Result<Vec<VersionMove>, JournalError> {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else {
        return Ok(Vec::new());
    };
    let id = first.finished.id;
    writing.stands_at(&id, &first.before)?;
    let queued: Vec<Queued> = runs.iter().map(Sealing::queued).collect();
    writing.mark_executed(&id, &queued)?;
    writing.go_on_to(&id, &last.after, runs.len())?;
    for run in runs {
        run.write(writing, &id)?;
    }
    let cryptlet = &first.finished.binding.binding.cryptlet;
    writing.retain_drained(&id, cryptlet, at)
}

fn explanation(run: &Run) -> Option<String> {
    let said = run.failure.as_ref().map(|failure| failure.message.clone());
    said.or_else(|| run.diagnostic.clone())
}

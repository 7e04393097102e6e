//! From a run to its receipts: what the fabric says about it, in the order in which the log gets it.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use cryptlet_attest::{Digest, Host, LeafHash, LogEntry, Statement};
use cryptlet_container::{Cryptlet, Invocation, Run};

use crate::binding::Binding;
use crate::execution::{Agreed, Part, States, empty_state, salt_of};
use crate::journal::{
    AcceptedRow, DeliveryRow, DeliveryStatus, JournalError, NewExecution, Writing,
};

/// What is the same in every receipt of this process.
#[derive(Clone, Debug)]
pub(crate) struct HostFacts {
    pub(crate) fabric_version: String,
    pub(crate) executable: Digest,
    pub(crate) engine_configuration: Digest,
    pub(crate) operator_costs: Digest,
    pub(crate) wasmtime: String,
    pub(crate) key: String,
}

/// A finished run on its way into the journal.
pub(crate) struct Sealing {
    pub(crate) binding: Arc<Binding>,
    pub(crate) accepted: AcceptedRow,
    pub(crate) invocation: Invocation,
    pub(crate) cryptlet: Cryptlet,
    pub(crate) run: Run,
    pub(crate) host: Arc<HostFacts>,
}

impl Sealing {
    /// Writes receipts, recordings, outputs and state of the run: all that must be durable before
    /// anybody may see any of it.
    pub(crate) fn write(&self, writing: &mut Writing<'_>) -> Result<(), JournalError> {
        let id = self.binding.id();
        writing.mark_executed(&id, self.accepted.number)?;
        let previous = writing.last_receipt(&id)?;
        let root = Part {
            source: None,
            ordinal: 0,
            seed: self.accepted.seed,
            invocation: &self.invocation,
            cryptlet: &self.cryptlet,
            run: &self.run,
        };
        let numbers = self
            .run
            .submissions
            .iter()
            .map(|_| writing.take_delivery_number(&id))
            .collect::<Result<Vec<_>, _>>()?;
        let before = writing.state_digest(&id)?.unwrap_or_else(empty_state);
        let salt = salt_of(&self.accepted.salt, 0);
        let states = States::of(&self.run, before, &mut |field, value| {
            salt.digest(field, value)
        });
        let (statement, leaf) = self.write_part(writing, &root, &numbers, previous, &states)?;
        let receipt_hash = statement.leaf_hash();
        for (submission, delivery) in self.run.submissions.iter().zip(numbers) {
            writing.record_delivery(&DeliveryRow {
                binding: id,
                ledger: self.binding.contract.ledger.clone(),
                delivery,
                number: self.accepted.number,
                submission: submission.number,
                action: submission.action.clone(),
                call: submission.call.bytes.clone(),
                binding_version: self.binding.version(),
                measurement: self.cryptlet.measurement(),
                execution_hash: statement.execution_hash(),
                receipt_hash,
                status: DeliveryStatus::Sealed,
                given_up: false,
                refusal: None,
                block: None,
                block_hash: None,
                gas_used: None,
            })?;
        }
        if states.before != states.after {
            writing.change_state(&id, leaf, &self.run.state_changes, &states.after)?;
        }
        writing.set_last_receipt(&id, &receipt_hash)
    }

    /// Logs one execution's receipt after those of the sources it asked. Gives its position too.
    fn write_part(
        &self,
        writing: &mut Writing<'_>,
        part: &Part<'_>,
        deliveries: &[u64],
        previous: Option<LeafHash>,
        states: &States,
    ) -> Result<(Statement, u64), JournalError> {
        let mut children = Vec::with_capacity(part.run.children.len());
        for child in &part.run.children {
            let asked = Part::from(child);
            let (statement, _) = self.write_part(writing, &asked, &[], None, &States::none())?;
            children.push(statement.leaf_hash());
        }
        let statement = self.statement(part, deliveries, children, previous, states)?;
        let (leaf, _) = writing.append(&LogEntry::Receipt(statement.clone()))?;
        writing.record_execution(
            &self.binding.id(),
            self.accepted.number,
            &NewExecution {
                ordinal: part.ordinal,
                cryptlet: part.cryptlet.manifest().cryptlet.name.clone(),
                version: part.cryptlet.manifest().cryptlet.version.to_string(),
                leaf,
                input: part.invocation.input_bytes(),
                transcript: part.run.transcript.to_bytes(),
                reply: part.run.reply.clone(),
                outcome: part.run.outcome.to_string(),
                explanation: explanation(part.run),
                fuel: part.run.meter.fuel,
                peak_memory: part.run.meter.peak_memory,
                host_calls: part.run.meter.host_calls,
                events: part
                    .run
                    .events
                    .iter()
                    .map(|event| (event.topic.clone(), event.body.clone()))
                    .collect(),
            },
        )?;
        Ok((statement, leaf))
    }

    fn statement(
        &self,
        part: &Part<'_>,
        deliveries: &[u64],
        children: Vec<LeafHash>,
        previous: Option<LeafHash>,
        states: &States,
    ) -> Result<Statement, JournalError> {
        let salt = salt_of(&self.accepted.salt, part.ordinal);
        let agreed = Agreed {
            binding: self.binding.id(),
            version: self.binding.version(),
            chain: self.binding.contract.chain.to_string(),
            operator_costs: self.host.operator_costs,
        };
        Ok(Statement {
            execution: part.execution(
                &agreed,
                &mut |field, value| salt.digest(field, value),
                states,
                deliveries,
                children,
            )?,
            host: Host {
                fabric_version: self.host.fabric_version.clone(),
                executable: self.host.executable,
                engine_configuration: self.host.engine_configuration,
                wasmtime: self.host.wasmtime.clone(),
                key: self.host.key.clone(),
                previous,
            },
        })
    }
}

fn explanation(run: &Run) -> Option<String> {
    let said = run.failure.as_ref().map(|failure| failure.message.clone());
    said.or_else(|| run.diagnostic.clone())
}

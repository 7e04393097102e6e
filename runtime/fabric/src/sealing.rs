//! From a run to its receipts: what the fabric says about it, in the order in which the log gets it.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use cryptlet_attest::{
    Digest, Execution, Host, LeafHash, LedgerPosition, LogEntry, Output, Salt, Statement,
    TriggerKind, TriggerStatement, digest,
};
use cryptlet_container::{Child, Cryptlet, Invocation, Run, State, Trigger, state_root};

use crate::binding::Binding;
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

/// One execution of the chain: the bound cryptlet's or a source's.
struct Part<'a> {
    source: Option<&'a str>,
    ordinal: u32,
    seed: [u8; 32],
    invocation: &'a Invocation,
    cryptlet: &'a Cryptlet,
    run: &'a Run,
}

/// What a receipt says about the binding's state.
struct States {
    before: Digest,
    after: Digest,
}

impl States {
    /// Of what was asked: it keeps no state.
    fn none() -> Self {
        Self {
            before: empty_state(),
            after: empty_state(),
        }
    }
}

/// What receipts say about a state that was never written: nothing that would need a salt.
fn empty_state() -> Digest {
    state_root(&State::new())
}

/// The salt of one execution of an invocation; sources get their own, so that one receipt can be
/// opened without the others.
pub(crate) fn salt_of(salt: &[u8; 32], ordinal: u32) -> Salt {
    if ordinal == 0 {
        return Salt::from_bytes(*salt);
    }
    let derived = digest("source salt", &[salt, &ordinal.to_be_bytes()]);
    Salt::from_bytes(*derived.as_bytes())
}

/// What a receipt and the log say about why a cryptlet ran.
pub(crate) fn trigger_statement(
    salt: &Salt,
    trigger: &Trigger,
    asked: bool,
) -> Result<TriggerStatement, JournalError> {
    let (kind, bytes, position) = match trigger {
        Trigger::Message { body, .. } if asked => (TriggerKind::Ask, body.clone(), None),
        Trigger::Message { body, .. } => (TriggerKind::Message, body.clone(), None),
        Trigger::ContractEvent {
            fields,
            position,
            log_index,
            ..
        } => {
            let hash = |bytes: &[u8]| {
                <[u8; 32]>::try_from(bytes).map_err(|_| {
                    JournalError::Conflict(
                        "a block or transaction hash is not 32 bytes long".into(),
                    )
                })
            };
            let position = LedgerPosition {
                chain: position.chain.clone(),
                block: position.block,
                block_hash: hash(&position.block_hash)?,
                transaction: hash(&position.transaction)?,
                log_index: Some(*log_index),
            };
            (TriggerKind::ContractEvent, fields.clone(), Some(position))
        }
        Trigger::Schedule { instant } => {
            (TriggerKind::Schedule, instant.to_be_bytes().to_vec(), None)
        }
        Trigger::Receipt { submission, .. } => (
            TriggerKind::Receipt,
            submission.to_be_bytes().to_vec(),
            None,
        ),
    };
    Ok(TriggerStatement {
        kind,
        digest: salt.digest("trigger", &bytes),
        position,
    })
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
        let states = self.states(before);
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

    /// What the receipt says about the state, if its binding's newest one ends with `before`.
    fn states(&self, before: Digest) -> States {
        let run = &self.run;
        let after = if run.state_after == run.state_before {
            before
        } else {
            salt_of(&self.accepted.salt, 0).digest("state", run.state_after.as_bytes())
        };
        States { before, after }
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
        let run = part.run;
        let identity = &part.cryptlet.manifest().cryptlet;
        let delivered = run
            .submissions
            .iter()
            .zip(deliveries)
            .map(|(submission, delivery)| Output::Delivery {
                ledger: self.binding.contract.chain.to_string(),
                delivery: *delivery,
                output_hash: submission.call.digest,
            });
        // A field each: opening one event must not help to guess another.
        let published = run
            .events
            .iter()
            .enumerate()
            .map(|(position, event)| Output::Event {
                topic: event.topic.clone(),
                digest: salt.digest(&format!("event/{position}"), &event.body),
            });
        Ok(Statement {
            execution: Execution {
                binding: self.binding.id(),
                binding_version: self.binding.version(),
                source: part.source.map(str::to_owned),
                ordinal: part.ordinal,
                cryptlet: identity.name.clone(),
                version: identity.version.to_string(),
                measurement: part.cryptlet.measurement(),
                sha256: part.cryptlet.sha256(),
                invocation: part.invocation.number,
                trigger: trigger_statement(&salt, &part.invocation.trigger, part.source.is_some())?,
                instant: part.invocation.instant,
                seed: part.seed,
                input: salt.digest("input", &part.invocation.input_bytes()),
                transcript: salt.digest("transcript", &run.transcript.to_bytes()),
                reply: run.reply.as_ref().map(|reply| salt.digest("reply", reply)),
                outputs: delivered.chain(published).collect(),
                state_before: states.before,
                state_after: states.after,
                limits: run.limits.entries().into_iter().collect(),
                operator_costs: self.host.operator_costs,
                children,
                fuel: run.meter.fuel,
                peak_memory: run.meter.peak_memory,
                host_calls: run.meter.host_calls,
                outcome: run.outcome.clone(),
            },
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

impl<'a> From<&'a Child> for Part<'a> {
    fn from(child: &'a Child) -> Self {
        Self {
            source: Some(&child.source),
            ordinal: child.ordinal,
            seed: child.seed,
            invocation: &child.invocation,
            cryptlet: &child.cryptlet,
            run: &child.run,
        }
    }
}

fn explanation(run: &Run) -> Option<String> {
    let said = run.failure.as_ref().map(|failure| failure.message.clone());
    said.or_else(|| run.diagnostic.clone())
}

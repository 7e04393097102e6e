//! From a run to its receipts: what the fabric says about it, in the order in which the log gets it.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use cryptlet_attest::{Digest, Host, LeafHash, LogEntry, Statement};
use cryptlet_container::{Cryptlet, Invocation, Run};

use crate::binding::Binding;
use crate::execution::{Agreed, Digests, Part, States, empty_state, salt_of};
use crate::journal::{
    AcceptedRow, DeliveryRow, DeliveryStatus, JournalError, NewExecution, Writing, check_entry,
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

/// A finished run.
pub(crate) struct Finished {
    pub(crate) binding: Arc<Binding>,
    pub(crate) accepted: AcceptedRow,
    pub(crate) invocation: Invocation,
    pub(crate) cryptlet: Cryptlet,
    pub(crate) run: Run,
    pub(crate) host: Arc<HostFacts>,
}

/// A finished run on its way into the journal: encoded and digested, because everybody waits for
/// the one writer, and nobody for the thread that ran it.
pub(crate) struct Sealing {
    finished: Finished,
    agreed: Agreed,
    prepared: Prepared,
}

/// What is known of an execution before the log says where its receipt will stand.
struct Prepared {
    input: Vec<u8>,
    transcript: Vec<u8>,
    digests: Digests,
    children: Vec<Prepared>,
}

impl Prepared {
    fn of(part: &Part<'_>, salt: &[u8; 32]) -> Result<Self, JournalError> {
        let salt_here = salt_of(salt, part.ordinal);
        let input = part.invocation.input_bytes();
        let transcript = part.run.transcript.to_bytes();
        let digests = part.digests(&input, &transcript, &mut |field, value| {
            salt_here.digest(field, value)
        })?;
        let children = part.run.children.iter();
        Ok(Self {
            input,
            transcript,
            digests,
            children: children
                .map(|child| Self::of(&Part::from(child), salt))
                .collect::<Result<_, _>>()?,
        })
    }
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

    /// Does everything that needs no commit.
    ///
    /// # Errors
    ///
    /// If its trigger is none that a receipt can state.
    pub(crate) fn seal(self) -> Result<Sealing, JournalError> {
        let sealing = Sealing {
            agreed: Agreed {
                binding: self.binding.id(),
                version: self.binding.version(),
                chain: self.binding.contract.chain.to_string(),
                operator_costs: self.host.operator_costs,
            },
            prepared: Prepared::of(&self.root(), &self.accepted.salt)?,
            finished: self,
        };
        sealing.check(&sealing.finished.root(), &sealing.prepared)?;
        Ok(sealing)
    }
}

impl Sealing {
    /// The run.
    pub(crate) fn finished(&self) -> &Finished {
        &self.finished
    }

    /// Writes receipts, recordings, outputs and state of the run: all that must be durable before
    /// anybody may see any of it.
    pub(crate) fn write(&self, writing: &mut Writing<'_>) -> Result<(), JournalError> {
        let finished = &self.finished;
        let id = self.agreed.binding;
        writing.mark_executed(&id, finished.accepted.number)?;
        let previous = writing.last_receipt(&id)?;
        let submissions = finished.run.submissions.iter();
        let numbers = submissions
            .clone()
            .map(|_| writing.take_delivery_number(&id))
            .collect::<Result<Vec<_>, _>>()?;
        let before = writing.state_digest(&id)?.unwrap_or_else(empty_state);
        let salt = salt_of(&finished.accepted.salt, 0);
        let states = States::of(&finished.run, before, &mut |field, value| {
            salt.digest(field, value)
        });
        let sealed = self.write_part(
            writing,
            &finished.root(),
            &self.prepared,
            &numbers,
            previous,
            &states,
        )?;
        for (submission, delivery) in submissions.zip(numbers) {
            writing.record_delivery(&DeliveryRow {
                binding: id,
                ledger: finished.binding.contract.ledger.clone(),
                delivery,
                number: finished.accepted.number,
                submission: submission.number,
                action: submission.action.clone(),
                call: submission.call.bytes.clone(),
                binding_version: self.agreed.version,
                measurement: finished.cryptlet.measurement(),
                execution_hash: sealed.execution_hash,
                receipt_hash: sealed.receipt_hash,
                status: DeliveryStatus::Sealed,
                given_up: false,
                refusal: None,
                block: None,
                block_hash: None,
                gas_used: None,
            })?;
        }
        if states.before != states.after {
            writing.change_state(&id, sealed.leaf, &finished.run.state_changes, &states.after)?;
        }
        writing.set_last_receipt(&id, &sealed.receipt_hash)
    }

    /// Reads back each receipt as it will be, but for hashes and numbers that only the commit knows:
    /// in their places stand the longest.
    fn check(&self, part: &Part<'_>, prepared: &Prepared) -> Result<(), JournalError> {
        for (child, prepared) in part.run.children.iter().zip(&prepared.children) {
            self.check(&Part::from(child), prepared)?;
        }
        let any = LeafHash::from_bytes([0xff; 32]);
        let deliveries = vec![u64::MAX; part.run.submissions.len()];
        let children = vec![any; part.run.children.len()];
        check_entry(&LogEntry::Receipt(Statement {
            execution: part.execution(
                &self.agreed,
                &prepared.digests,
                &States::none(),
                &deliveries,
                children,
            ),
            host: self.host(Some(any)),
        }))
    }

    /// Logs one execution's receipt after those of the sources it asked.
    fn write_part(
        &self,
        writing: &mut Writing<'_>,
        part: &Part<'_>,
        prepared: &Prepared,
        deliveries: &[u64],
        previous: Option<LeafHash>,
        states: &States,
    ) -> Result<Sealed, JournalError> {
        let mut children = Vec::with_capacity(part.run.children.len());
        for (child, prepared) in part.run.children.iter().zip(&prepared.children) {
            let asked = Part::from(child);
            let sealed = self.write_part(writing, &asked, prepared, &[], None, &States::none())?;
            children.push(sealed.receipt_hash);
        }
        let execution = part.execution(
            &self.agreed,
            &prepared.digests,
            states,
            deliveries,
            children,
        );
        let statement = Statement {
            execution,
            host: self.host(previous),
        };
        let execution_hash = statement.execution_hash();
        let (leaf, receipt_hash) = writing.append_checked(&LogEntry::Receipt(statement))?;
        writing.record_execution(
            &self.agreed.binding,
            self.finished.accepted.number,
            &NewExecution {
                ordinal: part.ordinal,
                cryptlet: part.cryptlet.manifest().cryptlet.name.clone(),
                version: part.cryptlet.manifest().cryptlet.version.to_string(),
                leaf,
                input: prepared.input.clone(),
                transcript: prepared.transcript.clone(),
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
        Ok(Sealed {
            leaf,
            receipt_hash,
            execution_hash,
        })
    }

    fn host(&self, previous: Option<LeafHash>) -> Host {
        let host = &self.finished.host;
        Host {
            fabric_version: host.fabric_version.clone(),
            executable: host.executable,
            engine_configuration: host.engine_configuration,
            wasmtime: host.wasmtime.clone(),
            key: host.key.clone(),
            previous,
        }
    }
}

/// A receipt that stands in the log.
struct Sealed {
    leaf: u64,
    receipt_hash: LeafHash,
    execution_hash: Digest,
}

fn explanation(run: &Run) -> Option<String> {
    let said = run.failure.as_ref().map(|failure| failure.message.clone());
    said.or_else(|| run.diagnostic.clone())
}

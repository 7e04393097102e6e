//! From one execution to the execution part of its receipt: what a host seals after a run, and what
//! a replay must come to again.

use cryptlet_attest::{
    BindingId, BindingVersion, Digest, Execution, LeafHash, LedgerPosition, Output, Salt,
    TriggerKind, TriggerStatement, digest,
};
use cryptlet_container::{Child, Cryptlet, Invocation, Run, State, Trigger, state_root};

use crate::journal::JournalError;

/// Under what a run happens.
pub(crate) struct Agreed {
    pub(crate) binding: BindingId,
    pub(crate) version: BindingVersion,
    /// CAIP-2 id of the chain that deliveries go to.
    pub(crate) chain: String,
    pub(crate) operator_costs: Digest,
}

/// Gives the salted digest of a field's value, for one execution.
pub(crate) type Salted<'a> = dyn FnMut(&str, &[u8]) -> Digest + 'a;

/// One execution of the chain: the bound cryptlet's or a source's.
pub(crate) struct Part<'a> {
    pub(crate) source: Option<&'a str>,
    pub(crate) ordinal: u32,
    pub(crate) seed: [u8; 32],
    pub(crate) invocation: &'a Invocation,
    pub(crate) cryptlet: &'a Cryptlet,
    pub(crate) run: &'a Run,
}

/// What a receipt says about the binding's state.
pub(crate) struct States {
    pub(crate) before: Digest,
    pub(crate) after: Digest,
}

impl States {
    /// Of a run, if the binding's newest receipt before it ends with `before`.
    pub(crate) fn of(run: &Run, before: Digest, salted: &mut Salted<'_>) -> Self {
        let after = if run.state_after == run.state_before {
            before
        } else {
            salted("state", run.state_after.as_bytes())
        };
        Self { before, after }
    }

    /// Of what was asked: it keeps no state.
    pub(crate) fn none() -> Self {
        Self {
            before: empty_state(),
            after: empty_state(),
        }
    }
}

/// What receipts say about a state that was never written: nothing that would need a salt.
pub(crate) fn empty_state() -> Digest {
    state_root(&State::new())
}

/// What of a receipt follows from one execution alone.
pub(crate) struct Digests {
    trigger: TriggerStatement,
    input: Digest,
    transcript: Digest,
    reply: Option<Digest>,
    events: Vec<Digest>,
}

impl Part<'_> {
    /// Digests what went in and what came out; `input` and `transcript` are in their encodings.
    pub(crate) fn digests(
        &self,
        input: &[u8],
        transcript: &[u8],
        salted: &mut Salted<'_>,
    ) -> Result<Digests, JournalError> {
        let run = self.run;
        let events = run.events.iter().enumerate();
        Ok(Digests {
            trigger: trigger_statement(salted, &self.invocation.trigger, self.source.is_some())?,
            input: salted("input", input),
            transcript: salted("transcript", transcript),
            reply: run.reply.as_ref().map(|reply| salted("reply", reply)),
            // A field each: opening one event must not help to guess another.
            events: events
                .map(|(position, event)| salted(&format!("event/{position}"), &event.body))
                .collect(),
        })
    }

    /// What is the same on every honest host, in the order of the specification.
    pub(crate) fn execution(
        &self,
        agreed: &Agreed,
        digests: &Digests,
        states: &States,
        deliveries: &[u64],
        children: Vec<LeafHash>,
    ) -> Execution {
        let run = self.run;
        let identity = &self.cryptlet.manifest().cryptlet;
        let delivered = run
            .submissions
            .iter()
            .zip(deliveries)
            .map(|(submission, delivery)| Output::Delivery {
                ledger: agreed.chain.clone(),
                delivery: *delivery,
                output_hash: submission.call.digest,
            });
        let published = run
            .events
            .iter()
            .zip(&digests.events)
            .map(|(event, digest)| Output::Event {
                topic: event.topic.clone(),
                digest: *digest,
            });
        Execution {
            binding: agreed.binding,
            binding_version: agreed.version,
            source: self.source.map(str::to_owned),
            ordinal: self.ordinal,
            cryptlet: identity.name.clone(),
            version: self.cryptlet.version().to_owned(),
            measurement: self.cryptlet.measurement(),
            sha256: self.cryptlet.sha256(),
            invocation: self.invocation.number,
            trigger: digests.trigger.clone(),
            instant: self.invocation.instant,
            seed: self.seed,
            input: digests.input,
            transcript: digests.transcript,
            reply: digests.reply,
            outputs: delivered.chain(published).collect(),
            state_before: states.before,
            state_after: states.after,
            limits: run.stated_limits(),
            operator_costs: agreed.operator_costs,
            children,
            fuel: run.meter.fuel,
            peak_memory: run.meter.peak_memory,
            host_calls: run.meter.host_calls,
            outcome: run.outcome.clone(),
        }
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
    salted: &mut Salted<'_>,
    trigger: &Trigger,
    asked: bool,
) -> Result<TriggerStatement, JournalError> {
    let (kind, position) = match trigger {
        Trigger::Message { .. } if asked => (TriggerKind::Ask, None),
        Trigger::Message { .. } => (TriggerKind::Message, None),
        Trigger::ContractEvent {
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
            (TriggerKind::ContractEvent, Some(position))
        }
        Trigger::Schedule { .. } => (TriggerKind::Schedule, None),
        Trigger::Receipt { .. } => (TriggerKind::Receipt, None),
    };
    Ok(TriggerStatement {
        kind,
        digest: salted("trigger", &trigger_value(trigger)),
        position,
    })
}

/// What the digest of a trigger covers.
pub(crate) fn trigger_value(trigger: &Trigger) -> Vec<u8> {
    match trigger {
        Trigger::Message { body, .. } => body.clone(),
        Trigger::ContractEvent { fields, .. } => fields.clone(),
        Trigger::Schedule { instant } => instant.to_be_bytes().to_vec(),
        Trigger::Receipt { submission, .. } => submission.to_be_bytes().to_vec(),
    }
}

//! What was opened, as people read it.

use cryptlet_attest::bundle::BundleVerdict;
use cryptlet_attest::{TriggerKind, TriggerStatement};
use cryptlet_container::{Invocation, Trigger};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::audit::receipt::ShownDoubt;
use crate::terminal::instant;

/// Why a run happened, as the guest was told.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShownInput {
    /// The binding's id.
    pub binding: String,
    /// The run's number.
    pub invocation: u64,
    /// The guest's clock, RFC 3339.
    pub instant: String,
    /// `message`, `contract-event`, `schedule` or `receipt`.
    pub trigger: &'static str,
    /// Who sent the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// The message's or the event's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Value>,
}

/// One value that the bundle shows.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShownOpening {
    /// 0 for the run, else the source's.
    ordinal: u32,
    /// The field.
    field: String,
    /// How long the value is, in bytes.
    length: usize,
    /// The value, if it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<Value>,
}

/// The input, if it is shown; it must be of the run that the receipt is of.
pub fn input(verdict: &BundleVerdict) -> Result<Option<ShownInput>, ShownDoubt> {
    let Some(opening) = verdict.bundle.opening(0, "input") else {
        return Ok(None);
    };
    let doubt = |says: String| ShownDoubt {
        name: "other-value",
        says,
    };
    let invocation =
        Invocation::from_input_bytes(&opening.value).map_err(|error| doubt(error.to_string()))?;
    let execution = &verdict.statement.execution;
    let fits = [
        (
            "binding",
            invocation.binding == execution.binding.to_string(),
        ),
        ("invocation", invocation.number == execution.invocation),
        ("instant", invocation.instant == execution.instant),
        (
            "trigger",
            is_the_trigger(&invocation.trigger, &execution.trigger),
        ),
    ];
    if let Some((field, _)) = fits.into_iter().find(|(_, same)| !same) {
        return Err(doubt(format!(
            "the input that the host recorded states another {field} than its receipt"
        )));
    }
    Ok(Some(ShownInput::from(invocation)))
}

/// Whether a receipt that states `stated` is of a run that was triggered like this.
fn is_the_trigger(opened: &Trigger, stated: &TriggerStatement) -> bool {
    match opened {
        Trigger::Message { .. } => {
            matches!(stated.kind, TriggerKind::Message | TriggerKind::Ask)
        }
        Trigger::ContractEvent {
            position,
            log_index,
            ..
        } => {
            stated.kind == TriggerKind::ContractEvent
                && stated.position.as_ref().is_some_and(|stated| {
                    stated.chain == position.chain
                        && stated.block == position.block
                        && stated.block_hash[..] == position.block_hash[..]
                        && stated.transaction[..] == position.transaction[..]
                        && stated.log_index == Some(*log_index)
                })
        }
        Trigger::Schedule { .. } => stated.kind == TriggerKind::Schedule,
        Trigger::Receipt { .. } => stated.kind == TriggerKind::Receipt,
    }
}

/// All that is shown.
pub fn openings(verdict: &BundleVerdict) -> Vec<ShownOpening> {
    verdict
        .bundle
        .openings
        .iter()
        .map(|opening| ShownOpening {
            ordinal: opening.ordinal,
            field: opening.field.clone(),
            length: opening.value.len(),
            json: serde_json::from_slice(&opening.value).ok(),
        })
        .collect()
}

impl From<Invocation> for ShownInput {
    fn from(invocation: Invocation) -> Self {
        let fields = |bytes: &[u8]| serde_json::from_slice(bytes).ok();
        let (trigger, sender, name, fields) = match &invocation.trigger {
            Trigger::Message {
                sender,
                topic,
                body,
            } => (
                "message",
                Some(sender.clone()),
                Some(topic.clone()),
                fields(body),
            ),
            Trigger::ContractEvent {
                name,
                fields: bytes,
                ..
            } => ("contract-event", None, Some(name.clone()), fields(bytes)),
            Trigger::Schedule { .. } => ("schedule", None, None, None),
            Trigger::Receipt { submission, .. } => (
                "receipt",
                None,
                Some(format!("submission {submission}")),
                None,
            ),
        };
        Self {
            binding: invocation.binding,
            invocation: invocation.number,
            instant: instant(invocation.instant),
            trigger,
            sender,
            name,
            fields,
        }
    }
}

#[cfg(test)]
mod tests {
    use cryptlet_attest::{Digest, LedgerPosition};
    use cryptlet_container::Position;

    use super::*;

    fn event(block: u64) -> Trigger {
        Trigger::ContractEvent {
            name: "PeriodEnded".into(),
            fields: b"{}".to_vec(),
            position: Position {
                chain: "eip155:1".into(),
                block,
                block_hash: vec![1; 32],
                transaction: vec![2; 32],
            },
            log_index: 3,
        }
    }

    fn stated(kind: TriggerKind, position: Option<LedgerPosition>) -> TriggerStatement {
        TriggerStatement {
            kind,
            digest: Digest::from_bytes([4; 32]),
            position,
        }
    }

    #[test]
    fn an_input_that_tells_of_another_trigger_than_the_receipt_does_not_fit() {
        let position = LedgerPosition {
            chain: "eip155:1".into(),
            block: 7,
            block_hash: [1; 32],
            transaction: [2; 32],
            log_index: Some(3),
        };
        let same = stated(TriggerKind::ContractEvent, Some(position.clone()));
        assert!(is_the_trigger(&event(7), &same));
        assert!(!is_the_trigger(&event(8), &same));
        let elsewhere = LedgerPosition {
            transaction: [9; 32],
            ..position
        };
        for other in [
            stated(TriggerKind::ContractEvent, Some(elsewhere)),
            stated(TriggerKind::ContractEvent, None),
            stated(TriggerKind::Message, None),
        ] {
            assert!(!is_the_trigger(&event(7), &other), "{other:?}");
        }
    }
}

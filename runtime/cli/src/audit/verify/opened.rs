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

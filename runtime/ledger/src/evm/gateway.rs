use alloy::primitives::{Address, B256, Bytes, Log, Signature};
use alloy::sol_types::{SolCall, SolEvent};
use cryptlet_contracts::CryptoDelegate;

use super::delivery::Delivery;
use super::revert::revert_reason;
use crate::Callback;

/// What the gateway keeps about a delivery's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// What became of it.
    pub state: DeliveryState,
    /// The receipt that used it: a leaf of the log. Compare it with your own.
    pub receipt_hash: B256,
    /// Whether the record stands in a final block; before that a reorganisation can undo it.
    pub is_final: bool,
}

/// What became of a delivery's number on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// The consumer took the update.
    Succeeded,
    /// The consumer refused it; anybody may retry it until it expires.
    Failed,
    /// The host gave the number up.
    Skipped,
}

/// The call of the gateway that carries a delivery.
pub(super) fn deliver_call(delivery: &Delivery, signature: &Signature) -> Bytes {
    CryptoDelegate::deliverCall {
        result: delivery.signed_result(),
        call: delivery.call.clone(),
        signatures: vec![signature.as_bytes().into()],
    }
    .abi_encode()
    .into()
}

/// What `deliver` answers: whether the consumer's call succeeded.
pub(super) fn deliver_answer(returned: &[u8]) -> Result<bool, String> {
    CryptoDelegate::deliverCall::abi_decode_returns(returned).map_err(|error| error.to_string())
}

/// The consumer of a binding, as `binding(id)` answers it.
pub(super) fn consumer_call(binding: B256) -> Bytes {
    CryptoDelegate::bindingCall { id: binding }
        .abi_encode()
        .into()
}

pub(super) fn consumer_answer(returned: &[u8]) -> Result<Address, String> {
    CryptoDelegate::bindingCall::abi_decode_returns(returned)
        .map(|state| state.consumer)
        .map_err(|error| error.to_string())
}

pub(super) fn record_call(binding: B256, delivery: u64) -> Bytes {
    CryptoDelegate::recordOfCall {
        id: binding,
        delivery,
    }
    .abi_encode()
    .into()
}

pub(super) fn record_answer(returned: &[u8]) -> Result<Option<(DeliveryState, B256)>, String> {
    let answer = CryptoDelegate::recordOfCall::abi_decode_returns(returned)
        .map_err(|error| error.to_string())?;
    let state = match answer.state {
        0 => return Ok(None),
        1 => DeliveryState::Succeeded,
        2 => DeliveryState::Failed,
        3 => DeliveryState::Skipped,
        other => return Err(format!("{other} is no state of a delivery")),
    };
    Ok(Some((state, answer.receiptHash)))
}

pub(super) fn registry_call() -> Bytes {
    CryptoDelegate::registryCall {}.abi_encode().into()
}

pub(super) fn registry_answer(returned: &[u8]) -> Result<Address, String> {
    CryptoDelegate::registryCall::abi_decode_returns(returned).map_err(|error| error.to_string())
}

/// What the gateway's own log says about the consumer's callback, if it recorded a delivery.
pub(super) fn delivered_event<'a>(
    gateway: Address,
    logs: impl IntoIterator<Item = &'a Log>,
) -> Option<Callback> {
    logs.into_iter()
        .filter(|log| log.address == gateway)
        .find_map(|log| CryptoDelegate::Delivered::decode_log(log).ok())
        .map(|event| callback(event.callbackOk, &event.callbackError))
}

fn callback(ok: bool, error: &[u8]) -> Callback {
    if ok {
        Callback::Ok
    } else {
        Callback::Failed {
            reason: revert_reason(error),
        }
    }
}

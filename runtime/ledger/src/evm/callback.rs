use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::state::StateOverridesBuilder;
use alloy::serde::WithOtherFields;

use super::delivery::Delivery;
use super::ledger::EvmLedger;
use super::revert::{revert_data, revert_reason};

impl EvmLedger {
    /// Why the consumer refuses a delivery that the gateway would take.
    ///
    /// The gateway swallows the consumer's words, so the consumer is called alone,
    /// with the gateway as sender. The consumer then asks the gateway whose
    /// delivery this is, which the real one only knows during a delivery: for
    /// this one call, code that answers just that stands in its place. Not every
    /// node can do it, so this explains a refusal and never decides on one.
    pub(super) async fn callback_reason(&self, delivery: &Delivery, consumer: Address) -> String {
        let request = TransactionRequest::default()
            .from(self.settings.gateway)
            .to(consumer)
            .gas_limit(delivery.gas_limit.into())
            .input(delivery.call.clone().into());
        let stand_in = StateOverridesBuilder::default().with_code(
            self.settings.gateway,
            answering([
                delivery.binding,
                delivery.measurement,
                delivery.receipt_hash,
            ]),
        );
        let called = self
            .connection
            .provider
            .call(WithOtherFields::new(request))
            .overrides(stand_in)
            .block(BlockId::latest())
            .await;
        match called {
            Err(error) => match error.as_error_resp().and_then(revert_data) {
                Some(data) => revert_reason(&data),
                None => "this node cannot tell why".to_owned(),
            },
            Ok(_) => "it works alone but not inside the gateway's call".to_owned(),
        }
    }
}

/// EVM code that answers every call with these words.
fn answering(words: [B256; 3]) -> Bytes {
    const PUSH32: u8 = 0x7f;
    const PUSH1: u8 = 0x60;
    const MSTORE: u8 = 0x52;
    const RETURN: u8 = 0xf3;

    let mut code = Vec::new();
    for (offset, word) in [0x00, 0x20, 0x40].into_iter().zip(words) {
        code.push(PUSH32);
        code.extend_from_slice(word.as_slice());
        code.extend_from_slice(&[PUSH1, offset, MSTORE]);
    }
    code.extend_from_slice(&[PUSH1, 0x60, PUSH1, 0x00, RETURN]);
    code.into()
}

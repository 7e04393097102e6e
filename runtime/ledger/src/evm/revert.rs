use alloy::dyn_abi::{DynSolValue, JsonAbiExt};
use alloy::json_abi;
use alloy::primitives::{Bytes, Selector, hex};
use alloy::rpc::json_rpc::ErrorPayload;
use alloy::sol_types::{Panic, Revert, SolError};
use cryptlet_contracts::CollateralToken::CollateralTokenErrors;
use cryptlet_contracts::CryptoDelegate::CryptoDelegateErrors;
use cryptlet_contracts::InterestRateSwap::InterestRateSwapErrors;
use serde_json::Value;

/// The bytes a call reverted with, if the node's error says that it reverted.
///
/// Nodes agree neither on the error's code nor on where the bytes stand.
pub(super) fn revert_data(error: &ErrorPayload) -> Option<Bytes> {
    let said = error.message.to_lowercase();
    // 3 is geth's and anvil's code for a revert; "VM execution error" is what OpenEthereum's heirs say.
    let reverted =
        error.code == 3 || said.contains("revert") || said.contains("vm execution error");
    if !reverted {
        return None;
    }
    let data = error
        .data
        .as_ref()
        .and_then(|data| serde_json::from_str::<Value>(data.get()).ok());
    Some(data.as_ref().and_then(find_bytes).unwrap_or_default())
}

fn find_bytes(value: &Value) -> Option<Bytes> {
    match value {
        Value::String(text) => {
            let text = text.strip_prefix("Reverted ").unwrap_or(text);
            text.starts_with("0x").then(|| text.parse().ok()).flatten()
        }
        Value::Object(fields) => fields
            .get("data")
            .into_iter()
            .chain(fields.get("result"))
            .chain(fields.values())
            .find_map(find_bytes),
        _ => None,
    }
}

/// What a contract of unknown interface means by reverting.
pub(super) fn revert_reason(data: &[u8]) -> String {
    if data.is_empty() {
        return "it gave no reason (out of gas, or no such function)".to_owned();
    }
    if let Ok(revert) = Revert::abi_decode(data) {
        return revert.reason;
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        return panic.to_string();
    }
    let Some((selector, parameters)) = data.split_first_chunk::<4>() else {
        return format!("it answered {}", hex::encode_prefixed(data));
    };
    declared(*selector, parameters).unwrap_or_else(|| match parameters {
        [] => format!("its own error {}", Selector::from(*selector)),
        _ => format!(
            "its own error {} with {}",
            Selector::from(*selector),
            hex::encode_prefixed(parameters)
        ),
    })
}

/// An error that one of the fabric's own contracts declares, OpenZeppelin's ERC-6093 among them:
/// consumers inherit these, and others use the standard ones.
fn declared(selector: [u8; 4], parameters: &[u8]) -> Option<String> {
    let signature = InterestRateSwapErrors::signature_by_selector(selector)
        .or_else(|| CollateralTokenErrors::signature_by_selector(selector))
        .or_else(|| CryptoDelegateErrors::signature_by_selector(selector))?;
    let error = json_abi::Error::parse(signature).ok()?;
    let values = error.abi_decode_input(parameters).ok()?;
    let values: Vec<String> = values.iter().map(plain).collect();
    Some(format!("{}({})", error.name, values.join(", ")))
}

fn plain(value: &DynSolValue) -> String {
    match value {
        DynSolValue::Address(address) => address.to_string(),
        DynSolValue::Bool(value) => value.to_string(),
        DynSolValue::Uint(value, _) => value.to_string(),
        DynSolValue::Int(value, _) => value.to_string(),
        DynSolValue::FixedBytes(word, size) => hex::encode_prefixed(&word[..*size]),
        DynSolValue::Bytes(bytes) => hex::encode_prefixed(bytes),
        DynSolValue::String(text) => format!("{text:?}"),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, U256};
    use cryptlet_contracts::InterestRateSwap;

    use super::*;

    fn node_error(json: &str) -> ErrorPayload {
        serde_json::from_str(json).expect("a JSON-RPC error")
    }

    #[test]
    fn finds_the_reason_where_each_client_puts_it() {
        let expected = Some(Bytes::from_static(&[0x08, 0xc3, 0x79, 0xa0]));
        for (client, json) in [
            (
                "geth, anvil",
                r#"{"code":3,"message":"execution reverted","data":"0x08c379a0"}"#,
            ),
            (
                "besu",
                r#"{"code":-32000,"message":"Execution reverted","data":"0x08c379a0"}"#,
            ),
            (
                "nethermind",
                r#"{"code":-32015,"message":"VM execution error.","data":"Reverted 0x08c379a0"}"#,
            ),
            (
                "hardhat",
                r#"{"code":-32603,"message":"VM Exception while processing transaction: reverted with reason string 'no'","data":{"message":"no","txHash":"0x11","data":"0x08c379a0"}}"#,
            ),
            (
                "ganache",
                r#"{"code":-32000,"message":"VM Exception while processing transaction: revert","data":{"hash":null,"programCounter":5,"result":"0x08c379a0","reason":null}}"#,
            ),
        ] {
            assert_eq!(revert_data(&node_error(json)), expected, "{client}");
        }
        let bare = node_error(r#"{"code":3,"message":"execution reverted"}"#);
        assert_eq!(revert_data(&bare), Some(Bytes::new()));
        let other = node_error(r#"{"code":-32601,"message":"method not found"}"#);
        assert_eq!(revert_data(&other), None);
    }

    #[test]
    fn an_error_of_the_fabrics_own_contracts_is_told_with_its_values() {
        let error = InterestRateSwap::InsufficientCollateral {
            payer: Address::repeat_byte(0xaa),
            available: U256::from(5),
            required: U256::from(7),
        };
        assert_eq!(
            revert_reason(&error.abi_encode()),
            "InsufficientCollateral(0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa, 5, 7)"
        );
        // The gateway's event keeps only the beginning of a long reason.
        let cut = &error.abi_encode()[..40];
        assert!(revert_reason(cut).starts_with("its own error 0x"));
    }

    #[test]
    fn a_strangers_reason_is_told_as_far_as_it_can_be_read() {
        let text = Revert {
            reason: "not today".to_owned(),
        }
        .abi_encode();
        assert_eq!(revert_reason(&text), "not today");
        let panic = Panic {
            code: U256::from(0x11),
        }
        .abi_encode();
        assert!(
            revert_reason(&panic).contains("overflow"),
            "{}",
            revert_reason(&panic)
        );
        assert_eq!(
            revert_reason(&[0xde, 0xad, 0xbe, 0xef]),
            "its own error 0xdeadbeef"
        );
        assert_eq!(
            revert_reason(&[0xde, 0xad, 0xbe, 0xef, 0x01]),
            "its own error 0xdeadbeef with 0x01"
        );
        assert!(revert_reason(&[]).contains("no reason"));
    }
}

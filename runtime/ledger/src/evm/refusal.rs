use alloy::primitives::hex;
use alloy::sol_types::SolInterface;
use cryptlet_contracts::CryptoDelegate::CryptoDelegateErrors as GatewayError;

use super::revert::revert_reason;
use crate::Refusal;

/// The gateway's refusal in words.
pub(super) fn refusal(data: &[u8]) -> Refusal {
    match GatewayError::abi_decode(data) {
        Ok(error) => explained(error),
        Err(_) => Refusal {
            name: "Unknown".to_owned(),
            explanation: format!(
                "the gateway reverted: {}; is it a CryptoDelegate?",
                revert_reason(data)
            ),
            retryable: false,
        },
    }
}

fn explained(error: GatewayError) -> Refusal {
    use GatewayError as E;
    let (retryable, explanation) = match &error {
        E::UnknownBinding(e) => (
            false,
            format!(
                "the gateway has no binding {}; have its counterparties create it",
                e.binding
            ),
        ),
        E::VersionNotAllowed(e) => (
            false,
            format!(
                "the counterparties have not allowed measurement {} for binding version {}, or one of them revoked it; have them sign AllowVersion",
                hex::encode(e.measurement),
                e.bindingVersion
            ),
        ),
        E::VersionNotYetAllowed(e) => (
            true,
            format!(
                "the version is allowed from {} on (the chain's seconds since 1970); wait until then",
                e.usableFrom
            ),
        ),
        E::WrongDelivery(e) if e.given > e.expected => (
            true,
            format!(
                "the gateway takes delivery {} next, not {}; wait until the earlier ones are included",
                e.expected, e.given
            ),
        ),
        E::WrongDelivery(e) => (
            false,
            format!(
                "the gateway has passed delivery {}, it takes {} next; the number must not be used again",
                e.given, e.expected
            ),
        ),
        E::AlreadyDelivered(e) => (
            false,
            format!(
                "delivery {} of binding {} was used before; ask the gateway's record what became of it",
                e.delivery, e.binding
            ),
        ),
        E::SignerNotAdmitted(e) => (
            false,
            format!(
                "the delivery key {} is not admitted for this binding, not any more, or signed for another chain or gateway; have a verifier admit it",
                e.signer
            ),
        ),
        E::SignersNotAscending(e) => (
            false,
            format!(
                "the signature of {} stands before that of {}; signatures ascend by signer, each once",
                e.previous, e.next
            ),
        ),
        E::NotEnoughSigners(e) => (
            false,
            format!("{} admitted keys must sign, {} did", e.required, e.given),
        ),
        E::BadSignature(e) => (
            false,
            format!(
                "signature {} is not 65 bytes of r, s and v with a low s",
                e.position
            ),
        ),
        E::OutputMismatch(e) => (
            false,
            format!(
                "the call hashes to {}, but {} was signed",
                e.found, e.expected
            ),
        ),
        E::MissingReceipt(_) => (
            false,
            "the receipt hash is zero; every delivery names its receipt".to_owned(),
        ),
        E::TooEarly(e) => (
            true,
            format!(
                "it may not arrive before {} (the chain's seconds since 1970); wait until then",
                e.notBefore
            ),
        ),
        E::Expired(e) => (
            false,
            format!(
                "it was valid until {} (the chain's seconds since 1970); sign the same delivery with a new validity",
                e.validUntil
            ),
        ),
        E::FeeTooHigh(e) => (
            true,
            format!(
                "gas costs {} wei, the delivery allows {}; wait, or sign it with a higher limit",
                e.gasPrice, e.maxFee
            ),
        ),
        E::ConsumerHasNoCode(e) => (
            false,
            format!(
                "there is no contract at the consumer's address {}; deploy it, or have the counterparties change the terms",
                e.consumer
            ),
        ),
        E::InsufficientGas(e) => (
            false,
            format!(
                "the transaction must leave {} gas for the consumer's call, {} were left; lower the delivery's gas limit",
                e.required, e.available
            ),
        ),
        E::NothingToRetry(e) => (
            false,
            format!(
                "binding {} has no failed delivery {} with this content",
                e.binding, e.delivery
            ),
        ),
        E::RetryOutOfOrder(e) => (
            false,
            format!(
                "delivery {} came after it; an ordered binding cannot go back",
                e.lastDelivery
            ),
        ),
        E::BindingExists(e) => (
            false,
            format!(
                "the gateway has a binding {} already; its terms change by its counterparties' signatures alone",
                e.binding
            ),
        ),
        E::MissingApproval(e) => (
            false,
            format!(
                "the approval of {} is missing; have them sign",
                e.counterparty
            ),
        ),
        E::BadApproval(e) => (
            false,
            format!(
                "{} signed something else, or for another gateway or chain; have them sign these terms",
                e.counterparty
            ),
        ),
        E::InvalidConsumer(e) => (
            false,
            format!(
                "{} cannot be a consumer; have the counterparties sign for their contract",
                e.consumer
            ),
        ),
        E::DelayTooLong(e) => (
            false,
            format!(
                "a delay of {} seconds is more than {}; have the counterparties sign a shorter one",
                e.given, e.most
            ),
        ),
        E::Reentered(_) => (
            false,
            "the consumer called back into the gateway".to_owned(),
        ),
        _ => (
            false,
            "the counterparties' agreement does not allow it".to_owned(),
        ),
    };
    Refusal {
        name: name(&error),
        explanation,
        retryable,
    }
}

fn name(error: &GatewayError) -> String {
    let signature = GatewayError::signature_by_selector(error.selector()).unwrap_or_default();
    signature.split('(').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256};
    use alloy::sol_types::SolError;
    use cryptlet_contracts::CryptoDelegate;

    use super::*;

    #[test]
    fn a_measurement_nobody_allowed_is_named_with_the_way_out() {
        let error = CryptoDelegate::VersionNotAllowed {
            bindingVersion: B256::repeat_byte(0xb1),
            measurement: B256::repeat_byte(0x3f),
        };
        let refusal = refusal(&error.abi_encode());
        assert_eq!(refusal.name, "VersionNotAllowed");
        assert!(!refusal.retryable);
        assert!(refusal.explanation.contains(&"3f".repeat(32)), "{refusal}");
        assert!(
            refusal.explanation.contains("have them sign AllowVersion"),
            "{refusal}"
        );
    }

    #[test]
    fn only_what_passes_by_itself_is_retryable() {
        let early = CryptoDelegate::WrongDelivery {
            expected: 3,
            given: 5,
        }
        .abi_encode();
        let late = CryptoDelegate::WrongDelivery {
            expected: 5,
            given: 3,
        }
        .abi_encode();
        let signer = CryptoDelegate::SignerNotAdmitted {
            signer: Address::ZERO,
        }
        .abi_encode();
        assert!(refusal(&early).retryable);
        assert!(!refusal(&late).retryable);
        assert!(!refusal(&signer).retryable);
    }

    #[test]
    fn another_contract_at_the_gateways_address_is_suspected() {
        let refusal = refusal(&[0xde, 0xad, 0xbe, 0xef]);
        assert_eq!(refusal.name, "Unknown");
        assert!(refusal.explanation.contains("0xdeadbeef"), "{refusal}");
    }
}

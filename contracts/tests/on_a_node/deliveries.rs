//! What a delivery must be to be taken.

mod signatures;

use alloy::primitives::{Address, B256, Bytes, U256, aliases::U96};
use cryptlet_contracts::CryptoDelegate;

use crate::fixture::*;

const SUCCEEDED: u8 = 1;

#[tokio::test]
async fn takes_a_delivery_and_shows_its_proof_to_the_consumer() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let result = fixture.result(1, &call);

    let receipt = send(fixture.deliver(&result, &call)).await;

    let delivered: CryptoDelegate::Delivered = event(&receipt);
    assert_eq!(
        delivered,
        CryptoDelegate::Delivered {
            binding: result.binding,
            delivery: 1,
            measurement: result.measurement,
            bindingVersion: result.bindingVersion,
            executionHash: result.executionHash,
            receiptHash: result.receiptHash,
            outputHash: result.outputHash,
            callbackOk: true,
            callbackError: Bytes::new(),
        }
    );
    let vouched: CryptoDelegate::Vouched = event(&receipt);
    assert_eq!(vouched.signer, fixture.host.address());
    let noted: ProbeConsumer::Noted = event(&receipt);
    assert_eq!(
        noted,
        ProbeConsumer::Noted {
            value: U256::from(42),
            measurement: result.measurement,
            receiptHash: result.receiptHash,
        }
    );
    let last = fixture.probe.lastReceipt().call().await.unwrap();
    assert_eq!(
        (last.measurement, last.receiptHash),
        (result.measurement, result.receiptHash)
    );
    let record = fixture
        .gateway
        .recordOf(fixture.binding, 1)
        .call()
        .await
        .unwrap();
    assert_eq!(
        (record.state, record.receiptHash),
        (SUCCEEDED, result.receiptHash)
    );
    let current = fixture.gateway.current().call().await.unwrap();
    assert_eq!(
        (current.id, current.measurement, current.receiptHash),
        (B256::ZERO, B256::ZERO, B256::ZERO)
    );
}

#[tokio::test]
async fn anybody_may_carry_what_a_host_signed() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let stranger = fixture.chain.accounts[5];

    send(
        fixture
            .deliver(&fixture.result(1, &call), &call)
            .from(stranger),
    )
    .await;

    assert_eq!(fixture.noted().await, numbers(&[42]));
}

#[tokio::test]
async fn refuses_the_same_delivery_twice() {
    for ordered in [true, false] {
        let fixture = Fixture::with(|terms| terms.ordered = ordered).await;
        let call = note(42);
        let result = fixture.result(1, &call);
        send(fixture.deliver(&result, &call)).await;

        let refused: CryptoDelegate::AlreadyDelivered =
            refusal(fixture.deliver(&result, &call)).await;

        assert_eq!((refused.binding, refused.delivery), (fixture.binding, 1));
        assert_eq!(fixture.noted().await, numbers(&[42]));
    }
}

#[tokio::test]
async fn refuses_another_output_under_a_used_number() {
    let fixture = Fixture::start().await;
    fixture.note(1, 42).await;
    let other = note(43);

    let refused: CryptoDelegate::AlreadyDelivered =
        refusal(fixture.deliver(&fixture.result(1, &other), &other)).await;

    assert_eq!(refused.delivery, 1);
}

#[tokio::test]
async fn an_ordered_binding_takes_the_next_number_only() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let wrong = |number| {
        let result = fixture.result(number, &call);
        refusal::<CryptoDelegate::WrongDelivery>(fixture.deliver(&result, &call))
    };

    let gap = wrong(2).await;
    assert_eq!((gap.expected, gap.given), (1, 2));
    let zero = wrong(0).await;
    assert_eq!((zero.expected, zero.given), (1, 0));

    fixture.note(1, 1).await;
    fixture.note(2, 2).await;
    let gap = wrong(4).await;
    assert_eq!((gap.expected, gap.given), (3, 4));
    let back: CryptoDelegate::AlreadyDelivered =
        refusal(fixture.deliver(&fixture.result(1, &call), &call)).await;
    assert_eq!(back.delivery, 1);
    assert_eq!(fixture.noted().await, numbers(&[1, 2]));
}

#[tokio::test]
async fn an_unordered_binding_takes_each_number_once_in_any_order() {
    let fixture = Fixture::with(|terms| terms.ordered = false).await;
    let numbers_in_order_of_arrival = [300, 1, 255, 256, 2, u64::MAX];
    for number in numbers_in_order_of_arrival {
        fixture.note(number, number).await;
    }

    let call = note(0);
    for number in numbers_in_order_of_arrival {
        let refused: CryptoDelegate::AlreadyDelivered =
            refusal(fixture.deliver(&fixture.result(number, &call), &call)).await;
        assert_eq!(refused.delivery, number);
    }
    let refused: CryptoDelegate::WrongDelivery =
        refusal(fixture.deliver(&fixture.result(0, &call), &call)).await;
    assert_eq!((refused.expected, refused.given), (1, 0));
    assert_eq!(fixture.noted().await, numbers(&numbers_in_order_of_arrival));
    let last = fixture.gateway.lastDelivery(fixture.binding).call().await;
    assert_eq!(last.unwrap(), u64::MAX);
}

#[tokio::test]
async fn refuses_a_call_that_was_not_signed() {
    let fixture = Fixture::start().await;
    let (signed, sent) = (note(42), note(43));
    let result = fixture.result(1, &signed);

    let refused: CryptoDelegate::OutputMismatch = refusal(fixture.deliver(&result, &sent)).await;

    assert_eq!(refused.expected, result.outputHash);
    assert_eq!(refused.found, alloy::primitives::keccak256(&sent));
}

#[tokio::test]
async fn refuses_a_binding_that_nobody_created() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let mut result = fixture.result(1, &call);
    result.binding = hash("no binding");

    let refused: CryptoDelegate::UnknownBinding = refusal(fixture.deliver(&result, &call)).await;

    assert_eq!(refused.binding, hash("no binding"));
}

#[tokio::test]
async fn refuses_a_delivery_without_a_receipt() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let mut result = fixture.result(1, &call);
    result.receiptHash = B256::ZERO;

    refusal::<CryptoDelegate::MissingReceipt>(fixture.deliver(&result, &call)).await;
}

#[tokio::test]
async fn refuses_a_measurement_that_is_not_allowed_with_its_version() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let mut other_cryptlet = fixture.result(1, &call);
    other_cryptlet.measurement = hash("cryptlet 2");
    let mut other_version = fixture.result(1, &call);
    other_version.bindingVersion = hash("binding version 2");

    let refused: CryptoDelegate::VersionNotAllowed =
        refusal(fixture.deliver(&other_cryptlet, &call)).await;
    assert_eq!(
        (refused.bindingVersion, refused.measurement),
        (hash("binding version 1"), hash("cryptlet 2"))
    );
    let refused: CryptoDelegate::VersionNotAllowed =
        refusal(fixture.deliver(&other_version, &call)).await;
    assert_eq!(
        (refused.bindingVersion, refused.measurement),
        (hash("binding version 2"), hash("cryptlet 1"))
    );
}

#[tokio::test]
async fn takes_a_delivery_from_the_first_to_the_last_second_of_its_time() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let mut result = fixture.result(1, &call);
    (result.notBefore, result.validUntil) = (GENESIS + DAY, GENESIS + 2 * DAY);

    fixture.chain.set_time(GENESIS + DAY - 1).await;
    let early: CryptoDelegate::TooEarly = refusal(fixture.deliver(&result, &call)).await;
    assert_eq!(early.notBefore, result.notBefore);
    for inside in [GENESIS + DAY, GENESIS + 2 * DAY] {
        fixture.chain.set_time(inside).await;
        assert!(fixture.deliver(&result, &call).call().await.unwrap());
    }
    fixture.chain.set_time(GENESIS + 2 * DAY + 1).await;
    let late: CryptoDelegate::Expired = refusal(fixture.deliver(&result, &call)).await;
    assert_eq!(late.validUntil, result.validUntil);
}

#[tokio::test]
async fn an_expired_delivery_can_be_signed_again_with_a_new_time() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let mut result = fixture.result(1, &call);
    fixture.chain.set_time(result.validUntil + 1).await;
    refusal::<CryptoDelegate::Expired>(fixture.deliver(&result, &call)).await;

    result.validUntil += DAY;
    send(fixture.deliver(&result, &call)).await;

    assert_eq!(fixture.noted().await, numbers(&[42]));
}

#[tokio::test]
async fn refuses_a_gas_price_above_the_agreed_fee() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let mut result = fixture.result(1, &call);
    result.maxFee = U96::from(5_000_000_000_u64);

    let refused: CryptoDelegate::FeeTooHigh =
        refusal(fixture.deliver(&result, &call).gas_price(5_000_000_001)).await;
    assert_eq!(
        (refused.maxFee, refused.gasPrice),
        (U256::from(5_000_000_000_u64), U256::from(5_000_000_001_u64))
    );

    send(fixture.deliver(&result, &call).gas_price(5_000_000_000)).await;
    assert_eq!(fixture.noted().await, numbers(&[42]));
}

#[tokio::test]
async fn refuses_a_transaction_that_would_starve_the_consumer() {
    let fixture = Fixture::start().await;
    let call = Bytes::from(alloy::sol_types::SolCall::abi_encode(
        &ProbeConsumer::noteGasCall {},
    ));
    // The first delivery fills slots that were empty; the two that are compared cost the same.
    send(fixture.deliver(&fixture.result(1, &call), &call)).await;
    send(
        fixture
            .deliver(&fixture.result(2, &call), &call)
            .gas(5_000_000),
    )
    .await;

    let result = fixture.result(3, &call);
    let (mut too_little, mut enough) = (100_000, 5_000_000);
    while enough - too_little > 1 {
        let gas = u64::midpoint(too_little, enough);
        match fixture.deliver(&result, &call).gas(gas).call().await {
            Ok(callback_ok) => {
                assert!(
                    callback_ok,
                    "{gas} gas consumes the number and fails the consumer"
                );
                enough = gas;
            }
            Err(_) => too_little = gas,
        }
    }
    let refused: CryptoDelegate::InsufficientGas =
        refusal(fixture.deliver(&result, &call).gas(too_little)).await;
    assert!(refused.available < refused.required);
    assert!(refused.required > U256::from(result.gasLimit) * U256::from(64) / U256::from(63));

    send(fixture.deliver(&result, &call).gas(enough)).await;
    let gas = fixture.noted().await;
    assert_eq!(
        gas[1], gas[2],
        "generous and stingy senders give the consumer the same gas"
    );
}

#[tokio::test]
async fn refuses_a_consumer_without_code() {
    let fixture = Fixture::with(|terms| terms.consumer = Address::repeat_byte(7)).await;
    let call = note(42);

    let refused: CryptoDelegate::ConsumerHasNoCode =
        refusal(fixture.deliver(&fixture.result(1, &call), &call)).await;

    assert_eq!(refused.consumer, Address::repeat_byte(7));
}

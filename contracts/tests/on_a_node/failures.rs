//! What happens when a consumer fails, misbehaves, or a host gives up.

use alloy::{
    primitives::{B256, Bytes, U256},
    sol_types::{SolCall, SolError},
};
use cryptlet_contracts::{CryptoDelegate, RevokeVersion, Signable, Skip};

use crate::fixture::*;

const NONE: u8 = 0;
const SUCCEEDED: u8 = 1;
const FAILED: u8 = 2;
const SKIPPED: u8 = 3;

async fn state(fixture: &Fixture, delivery: u64) -> u8 {
    let record = fixture.gateway.recordOf(fixture.binding, delivery);
    record.call().await.expect("the gateway answers").state
}

async fn set_broken(fixture: &Fixture, broken: bool) {
    send(fixture.probe.setBroken(broken)).await;
}

#[tokio::test]
async fn a_failed_call_uses_the_number_and_keeps_its_reason() {
    let fixture = Fixture::start().await;
    set_broken(&fixture, true).await;

    let delivered = fixture.note(1, 42).await;

    assert!(!delivered.callbackOk);
    let reason = ProbeConsumer::Broken::abi_decode(&delivered.callbackError).unwrap();
    assert_eq!(reason.value, U256::from(42));
    assert_eq!(state(&fixture, 1).await, FAILED);
    assert_eq!(fixture.noted().await, numbers(&[]));
    let record = fixture.gateway.recordOf(fixture.binding, 1).call().await;
    assert_eq!(record.unwrap().receiptHash, delivered.receiptHash);
}

#[tokio::test]
async fn anybody_may_retry_a_failed_call_until_it_works() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let result = fixture.result(1, &call);
    set_broken(&fixture, true).await;
    fixture.note(1, 42).await;
    let retry = || {
        fixture
            .gateway
            .retry(result.clone(), call.clone())
            .from(fixture.chain.accounts[5])
    };

    let again: CryptoDelegate::Retried = event(&send(retry()).await);
    assert!(!again.callbackOk);
    assert_eq!(state(&fixture, 1).await, FAILED);

    set_broken(&fixture, false).await;
    let receipt = send(retry()).await;
    let worked: CryptoDelegate::Retried = event(&receipt);
    assert_eq!(
        (worked.delivery, worked.callbackOk, worked.callbackError),
        (1, true, Bytes::new())
    );
    let noted: ProbeConsumer::Noted = event(&receipt);
    assert_eq!(noted.receiptHash, result.receiptHash);
    assert_eq!(state(&fixture, 1).await, SUCCEEDED);

    let refused: CryptoDelegate::NothingToRetry = refusal(retry()).await;
    assert_eq!((refused.binding, refused.delivery), (fixture.binding, 1));
    assert_eq!(fixture.noted().await, numbers(&[42]));
}

#[tokio::test]
async fn refuses_a_retry_after_the_delivery_has_expired() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let result = fixture.result(1, &call);
    set_broken(&fixture, true).await;
    fixture.note(1, 42).await;
    set_broken(&fixture, false).await;

    fixture.chain.set_time(result.validUntil).await;
    assert!(
        fixture
            .gateway
            .retry(result.clone(), call.clone())
            .call()
            .await
            .unwrap()
    );
    fixture.chain.set_time(result.validUntil + 1).await;
    let refused: CryptoDelegate::Expired =
        refusal(fixture.gateway.retry(result.clone(), call)).await;

    assert_eq!(refused.validUntil, result.validUntil);
}

#[tokio::test]
async fn refuses_a_retry_of_anything_but_what_was_delivered() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let result = fixture.result(1, &call);
    refusal::<CryptoDelegate::NothingToRetry>(fixture.gateway.retry(result.clone(), call.clone()))
        .await;
    set_broken(&fixture, true).await;
    fixture.note(1, 42).await;

    let mut longer = result.clone();
    longer.validUntil += 1;
    refusal::<CryptoDelegate::NothingToRetry>(fixture.gateway.retry(longer, call)).await;
    refusal::<CryptoDelegate::OutputMismatch>(fixture.gateway.retry(result, note(43))).await;
}

#[tokio::test]
async fn refuses_a_retry_of_a_revoked_version() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let result = fixture.result(1, &call);
    set_broken(&fixture, true).await;
    fixture.note(1, 42).await;
    let message = RevokeVersion {
        binding: fixture.binding,
        bindingVersion: result.bindingVersion,
        measurement: result.measurement,
        nonce: 0,
    };
    let approval = fixture.approvals(&message).remove(0);
    send(fixture.gateway.revokeVersion(
        message.binding,
        message.bindingVersion,
        message.measurement,
        message.nonce,
        approval,
    ))
    .await;

    let refused: CryptoDelegate::VersionNotAllowed =
        refusal(fixture.gateway.retry(result.clone(), call)).await;

    assert_eq!(refused.measurement, result.measurement);
}

#[tokio::test]
async fn an_ordered_binding_retries_its_last_delivery_only() {
    let fixture = Fixture::start().await;
    let call = note(1);
    set_broken(&fixture, true).await;
    fixture.note(1, 1).await;
    set_broken(&fixture, false).await;
    fixture.note(2, 2).await;

    let refused: CryptoDelegate::RetryOutOfOrder =
        refusal(fixture.gateway.retry(fixture.result(1, &call), call)).await;

    assert_eq!(refused.lastDelivery, 2);
    assert_eq!(fixture.noted().await, numbers(&[2]));
}

#[tokio::test]
async fn an_unordered_binding_retries_whatever_failed() {
    let fixture = Fixture::with(|terms| terms.ordered = false).await;
    let call = note(1);
    set_broken(&fixture, true).await;
    fixture.note(1, 1).await;
    set_broken(&fixture, false).await;
    fixture.note(2, 2).await;

    send(fixture.gateway.retry(fixture.result(1, &call), call)).await;

    assert_eq!(fixture.noted().await, numbers(&[2, 1]));
}

#[tokio::test]
async fn a_retry_must_give_the_consumer_its_gas_too() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let result = fixture.result(1, &call);
    set_broken(&fixture, true).await;
    fixture.note(1, 42).await;

    let refused: CryptoDelegate::InsufficientGas =
        refusal(fixture.gateway.retry(result, call).gas(250_000)).await;

    assert!(refused.available < refused.required);
}

#[tokio::test]
async fn a_consumer_that_burns_its_gas_harms_only_itself() {
    let fixture = Fixture::start().await;
    let call = Bytes::from(ProbeConsumer::burnCall {}.abi_encode());

    let receipt = send(fixture.deliver(&fixture.result(1, &call), &call)).await;

    let delivered: CryptoDelegate::Delivered = event(&receipt);
    assert!(!delivered.callbackOk);
    assert_eq!(state(&fixture, 1).await, FAILED);
    assert!(fixture.note(2, 2).await.callbackOk);
}

#[tokio::test]
async fn a_consumer_cannot_bury_the_gateway_in_return_data() {
    let fixture = Fixture::start().await;
    let size = U256::from(100_000);
    let bomb = Bytes::from(ProbeConsumer::bombCall { size }.abi_encode());
    let flood = Bytes::from(ProbeConsumer::floodCall { size }.abi_encode());

    let receipt = send(fixture.deliver(&fixture.result(1, &bomb), &bomb)).await;
    let delivered: CryptoDelegate::Delivered = event(&receipt);
    assert!(!delivered.callbackOk);
    assert_eq!(delivered.callbackError.len(), 256);

    let receipt = send(fixture.deliver(&fixture.result(2, &flood), &flood)).await;
    let delivered: CryptoDelegate::Delivered = event(&receipt);
    assert!(delivered.callbackOk);
    assert_eq!(delivered.callbackError.len(), 0);
}

#[tokio::test]
async fn a_consumer_cannot_call_back_into_the_gateway() {
    let fixture = Fixture::start().await;
    let inner = note(43);
    let inner_result = fixture.result(2, &inner);
    let call = Bytes::from(
        ProbeConsumer::reenterCall {
            result: ProbeConsumer::Result {
                binding: inner_result.binding,
                bindingVersion: inner_result.bindingVersion,
                delivery: inner_result.delivery,
                measurement: inner_result.measurement,
                executionHash: inner_result.executionHash,
                receiptHash: inner_result.receiptHash,
                outputHash: inner_result.outputHash,
                notBefore: inner_result.notBefore,
                validUntil: inner_result.validUntil,
                gasLimit: 100_000,
                maxFee: inner_result.maxFee,
            },
            call: inner.clone(),
            signatures: fixture.vouch(&inner_result),
        }
        .abi_encode(),
    );

    let receipt = send(fixture.deliver(&fixture.result(1, &call), &call)).await;

    let delivered: CryptoDelegate::Delivered = event(&receipt);
    assert!(delivered.callbackOk);
    let refused: ProbeConsumer::ReentryRefused = event(&receipt);
    let reentered = Bytes::from(CryptoDelegate::Reentered {}.abi_encode());
    assert_eq!(refused.deliver, reentered);
    assert_eq!(refused.retry, reentered);
    assert_eq!(refused.skip, reentered);
    assert_eq!(state(&fixture, 2).await, NONE);
    assert!(fixture.note(2, 2).await.callbackOk);
}

#[tokio::test]
async fn a_host_can_give_a_number_up() {
    let fixture = Fixture::start().await;
    let skip = Skip {
        binding: fixture.binding,
        delivery: 1,
        receiptHash: hash("receipt"),
    };
    let signed = fixture.vouch(&skip);

    let receipt = send(fixture.gateway.skip(
        skip.binding,
        skip.delivery,
        skip.receiptHash,
        signed.clone(),
    ))
    .await;

    let skipped: CryptoDelegate::Skipped = event(&receipt);
    assert_eq!(
        (skipped.binding, skipped.delivery, skipped.receiptHash),
        (fixture.binding, 1, skip.receiptHash)
    );
    assert_eq!(state(&fixture, 1).await, SKIPPED);
    let call = note(42);
    refusal::<CryptoDelegate::AlreadyDelivered>(fixture.deliver(&fixture.result(1, &call), &call))
        .await;
    refusal::<CryptoDelegate::NothingToRetry>(
        fixture.gateway.retry(fixture.result(1, &call), call),
    )
    .await;
    refusal::<CryptoDelegate::AlreadyDelivered>(fixture.gateway.skip(
        skip.binding,
        skip.delivery,
        skip.receiptHash,
        signed,
    ))
    .await;
    assert!(fixture.note(2, 2).await.callbackOk);
}

#[tokio::test]
async fn a_skip_is_checked_like_a_delivery() {
    let fixture = Fixture::start().await;
    let skip = |delivery| Skip {
        binding: fixture.binding,
        delivery,
        receiptHash: hash("receipt"),
    };
    let send_skip = |message: Skip, signatures: Vec<Bytes>| {
        fixture.gateway.skip(
            message.binding,
            message.delivery,
            message.receiptHash,
            signatures,
        )
    };

    let stranger = vouches(&skip(1), &fixture.domain, &[&key("stranger")]);
    let refused: CryptoDelegate::SignerNotAdmitted = refusal(send_skip(skip(1), stranger)).await;
    assert_eq!(refused.signer, key("stranger").address());
    let none: CryptoDelegate::NotEnoughSigners = refusal(send_skip(skip(1), vec![])).await;
    assert_eq!(none.required, U256::from(1));
    let gap: CryptoDelegate::WrongDelivery =
        refusal(send_skip(skip(2), fixture.vouch(&skip(2)))).await;
    assert_eq!((gap.expected, gap.given), (1, 2));
    let mut without_receipt = skip(1);
    without_receipt.receiptHash = B256::ZERO;
    let signed = fixture.vouch(&without_receipt);
    refusal::<CryptoDelegate::MissingReceipt>(send_skip(without_receipt, signed)).await;
    let mut unknown = skip(1);
    unknown.binding = hash("no binding");
    let signed = fixture.vouch(&unknown);
    refusal::<CryptoDelegate::UnknownBinding>(send_skip(unknown, signed)).await;
}

#[tokio::test]
async fn a_delivery_is_no_skip_and_a_skip_no_delivery() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let result = fixture.result(1, &call);
    let skip = Skip {
        binding: fixture.binding,
        delivery: 1,
        receiptHash: result.receiptHash,
    };
    assert_ne!(result.digest(&fixture.domain), skip.digest(&fixture.domain));

    refusal::<CryptoDelegate::SignerNotAdmitted>(fixture.gateway.deliver(
        result.clone(),
        call,
        fixture.vouch(&skip),
    ))
    .await;
    refusal::<CryptoDelegate::SignerNotAdmitted>(fixture.gateway.skip(
        skip.binding,
        skip.delivery,
        skip.receiptHash,
        fixture.vouch(&result),
    ))
    .await;
}

//! Whose signature a delivery must carry, and what it must be of.

use alloy::{
    primitives::{Address, Bytes, Signature, U256, aliases::U96},
    signers::local::PrivateKeySigner,
};
use cryptlet_contracts::{CryptoDelegate, Result, Signable, domain};

use crate::fixture::*;

#[tokio::test]
async fn refuses_a_key_that_is_not_admitted() {
    let fixture = Fixture::start().await;
    let stranger = key("stranger");

    let refused = refused_signer(&fixture, &stranger).await;

    assert_eq!(refused, stranger.address());
}

#[tokio::test]
async fn refuses_a_key_that_is_admitted_for_another_binding() {
    let fixture = Fixture::start().await;
    let other = key("host of another binding");
    fixture.admit(&other, hash("another binding")).await;

    let refused = refused_signer(&fixture, &other).await;

    assert_eq!(refused, other.address());
}

#[tokio::test]
async fn refuses_a_key_whose_admission_is_over() {
    let fixture = Fixture::start().await;
    let host = key("host of an hour");
    let expiry = GENESIS + DAY;
    let admission =
        fixture
            .registry
            .admit(fixture.binding, host.address(), hash("workload"), expiry, 1);
    send(admission.from(fixture.verifier())).await;
    let call = note(42);
    let result = fixture.result(1, &call);
    let delivery = || {
        let signatures = vouches(&result, &fixture.domain, &[&host]);
        fixture
            .gateway
            .deliver(result.clone(), call.clone(), signatures)
    };

    fixture.chain.set_time(expiry - 1).await;
    assert!(delivery().call().await.unwrap());
    fixture.chain.set_time(expiry).await;
    let refused: CryptoDelegate::SignerNotAdmitted = refusal(delivery()).await;

    assert_eq!(refused.signer, host.address());
}

#[tokio::test]
async fn refuses_a_revoked_key_at_once() {
    let fixture = Fixture::start().await;
    fixture.note(1, 42).await;
    let revocation = fixture
        .registry
        .revoke(fixture.binding, fixture.host.address());
    send(revocation.from(fixture.guardian())).await;
    let call = note(43);

    let refused: CryptoDelegate::SignerNotAdmitted =
        refusal(fixture.deliver(&fixture.result(2, &call), &call)).await;

    assert_eq!(refused.signer, fixture.host.address());
}

#[tokio::test]
async fn refuses_what_was_signed_for_another_chain() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let result = fixture.result(1, &call);
    let elsewhere = domain(1, *fixture.gateway.address());
    let signatures = vouches(&result, &elsewhere, &[&fixture.host]);

    let refused: CryptoDelegate::SignerNotAdmitted =
        refusal(fixture.gateway.deliver(result, call, signatures)).await;

    assert_ne!(refused.signer, fixture.host.address());
}

#[tokio::test]
async fn refuses_what_was_signed_for_another_gateway() {
    let fixture = Fixture::start().await;
    let registry = *fixture.registry.address();
    let twin = CryptoDelegate::deploy(fixture.chain.provider.clone(), registry)
        .await
        .unwrap();
    // The same counterparties create the same binding there, and the same key is admitted for it.
    let there = domain(CHAIN, *twin.address());
    let both = [&fixture.parties[0], &fixture.parties[1]];
    let signed = approvals(&fixture.terms, &there, &both);
    send(twin.createBinding(fixture.terms.clone(), signed)).await;
    let call = note(42);
    let result = fixture.result(1, &call);
    let signatures = fixture.vouch(&result);

    let refused: CryptoDelegate::SignerNotAdmitted =
        refusal(twin.deliver(result, call, signatures)).await;

    assert_ne!(refused.signer, fixture.host.address());
}

#[tokio::test]
async fn refuses_a_signature_with_a_high_s() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let result = fixture.result(1, &call);
    let low = Signature::try_from(fixture.vouch(&result)[0].as_ref()).unwrap();
    // n - s with the other parity signs the same digest by the same key.
    let order = U256::from_be_bytes(
        alloy::primitives::b256!(
            "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
        )
        .0,
    );
    let high = Signature::new(low.r(), order - low.s(), !low.v());
    let digest = result.digest(&fixture.domain);
    assert_eq!(
        high.recover_address_from_prehash(&digest).unwrap(),
        fixture.host.address()
    );

    let refused: CryptoDelegate::BadSignature = refusal(fixture.gateway.deliver(
        result,
        call,
        vec![high.as_bytes().into()],
    ))
    .await;

    assert_eq!(refused.position, U256::ZERO);
}

#[tokio::test]
async fn refuses_signatures_of_another_shape() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let result = fixture.result(1, &call);
    let good = fixture.vouch(&result)[0].clone();
    let compact = good.slice(..64);
    let longer = Bytes::from([good.as_ref(), &[0]].concat());
    let empty = Bytes::new();
    let zeros = Bytes::from(vec![0; 65]);

    for shape in [compact, longer, empty, zeros] {
        let delivery = fixture
            .gateway
            .deliver(result.clone(), call.clone(), vec![shape]);
        let refused: CryptoDelegate::BadSignature = refusal(delivery).await;
        assert_eq!(refused.position, U256::ZERO);
    }
}

#[tokio::test]
async fn asks_for_as_many_different_admitted_keys_as_agreed() {
    let fixture = Fixture::with(|terms| terms.signerThreshold = 2).await;
    let second = key("second host");
    fixture.admit(&second, fixture.binding).await;
    let call = note(42);
    let result = fixture.result(1, &call);
    let deliver = |signatures: Vec<Bytes>| {
        fixture
            .gateway
            .deliver(result.clone(), call.clone(), signatures)
    };
    let both = vouches(&result, &fixture.domain, &[&fixture.host, &second]);

    let one: CryptoDelegate::NotEnoughSigners = refusal(deliver(both[..1].to_vec())).await;
    assert_eq!((one.required, one.given), (U256::from(2), U256::from(1)));
    let none: CryptoDelegate::NotEnoughSigners = refusal(deliver(vec![])).await;
    assert_eq!((none.required, none.given), (U256::from(2), U256::ZERO));
    let twice: CryptoDelegate::SignersNotAscending =
        refusal(deliver(vec![both[0].clone(), both[0].clone()])).await;
    assert_eq!(twice.previous, twice.next);
    let unsorted: CryptoDelegate::SignersNotAscending =
        refusal(deliver(vec![both[1].clone(), both[0].clone()])).await;
    assert!(unsorted.previous > unsorted.next);
    let stranger = key("stranger");
    let with_stranger = vouches(&result, &fixture.domain, &[&fixture.host, &stranger]);
    let refused: CryptoDelegate::SignerNotAdmitted = refusal(deliver(with_stranger)).await;
    assert_eq!(refused.signer, stranger.address());

    let receipt = send(deliver(both)).await;
    assert_eq!(events::<CryptoDelegate::Vouched>(&receipt).len(), 2);
    assert_eq!(fixture.noted().await, numbers(&[42]));
}

#[tokio::test]
async fn any_change_of_a_signed_field_is_noticed() {
    let fixture = Fixture::start().await;
    let call = note(42);
    let signed = fixture.result(1, &call);
    let signatures = fixture.vouch(&signed);
    let changes: [fn(&mut Result); 5] = [
        |result| result.executionHash = hash("another execution"),
        |result| result.receiptHash = hash("another receipt"),
        |result| result.validUntil += 1,
        |result| result.gasLimit -= 1,
        |result| result.maxFee = U96::MAX,
    ];

    for change in changes {
        let mut changed = signed.clone();
        change(&mut changed);
        let delivery = fixture
            .gateway
            .deliver(changed, call.clone(), signatures.clone());
        let refused: CryptoDelegate::SignerNotAdmitted = refusal(delivery).await;
        assert_ne!(refused.signer, fixture.host.address());
    }
}

async fn refused_signer(fixture: &Fixture, signer: &PrivateKeySigner) -> Address {
    let call = note(42);
    let result = fixture.result(1, &call);
    let signatures = vouches(&result, &fixture.domain, &[signer]);
    let refused: CryptoDelegate::SignerNotAdmitted =
        refusal(fixture.gateway.deliver(result, call, signatures)).await;
    refused.signer
}

//! Who may call a consumer.

use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolError,
};
use cryptlet_contracts::CryptoDelegate;

use crate::fixture::*;

#[tokio::test]
async fn only_the_gateway_calls_a_consumer() {
    let fixture = Fixture::start().await;
    let stranger = fixture.chain.accounts[5];
    let call = fixture.probe.note(U256::from(42));

    let refused: ProbeConsumer::NotTheGateway = refusal(call.from(stranger)).await;

    assert_eq!(refused.caller, stranger);
}

#[tokio::test]
async fn a_binding_of_others_that_names_the_consumer_does_not_reach_it() {
    let fixture = Fixture::start().await;
    // The same counterparties, but it could be anybody: a consumer is not asked whether it wants to be named.
    let mut terms = fixture.terms.clone();
    terms.salt = hash("salt of an attacker");
    send(
        fixture
            .gateway
            .createBinding(terms.clone(), fixture.approvals(&terms)),
    )
    .await;
    let attacker = cryptlet_contracts::binding_id(&terms.counterparties, terms.salt);
    fixture.admit(&fixture.host, attacker).await;
    let call = note(42);
    let mut result = fixture.result(1, &call);
    result.binding = attacker;

    let receipt = send(fixture.deliver(&result, &call)).await;

    let delivered: CryptoDelegate::Delivered = event(&receipt);
    assert!(!delivered.callbackOk);
    let refused = ProbeConsumer::NotTheBinding::abi_decode(&delivered.callbackError).unwrap();
    assert_eq!(
        (refused.expected, refused.given),
        (fixture.binding, attacker)
    );
    assert_eq!(fixture.noted().await, numbers(&[]));
}

#[tokio::test]
async fn a_consumer_needs_a_gateway_and_a_binding() {
    let fixture = Fixture::start().await;
    let provider = fixture.chain.provider.clone();
    let no_gateway =
        ProbeConsumer::deploy_builder(provider.clone(), Address::repeat_byte(1), fixture.binding);
    let no_binding =
        ProbeConsumer::deploy_builder(provider, *fixture.gateway.address(), B256::ZERO);

    let refused: ProbeConsumer::NoGateway = refusal(no_gateway).await;
    assert_eq!(refused.gateway, Address::repeat_byte(1));
    refusal::<ProbeConsumer::NoBinding>(no_binding).await;
}

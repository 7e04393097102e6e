use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::anvil::ReorgOptions;
use cryptlet_ledger::{ContractEvent, EvmLedger, Finality, LedgerError};
use cryptlet_schema::Message;
use serde_json::Value;

use crate::stage::*;

fn noted() -> Vec<Message> {
    vec![
        "Noted(uint256 value, bytes32 measurement, bytes32 receiptHash)"
            .parse()
            .unwrap(),
    ]
}

fn value(event: &ContractEvent) -> u64 {
    let fields: Value = serde_json::from_slice(&event.fields).unwrap();
    fields["value"].as_str().unwrap().parse().unwrap()
}

async fn deliver(stage: &Stage, ledger: &EvmLedger, delivery: u64, value: u64) {
    let attempt = ledger
        .build(&stage.delivery(delivery, value), DELIVERY_KEY, delivery - 1)
        .await
        .unwrap();
    stage.include(ledger, &attempt).await;
}

#[tokio::test]
async fn events_are_given_when_their_block_is_final_and_not_before() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Depth(2)).await;
    let consumer = *stage.probe.address();
    deliver(&stage, &ledger, 1, 42).await;
    let head = ledger.head().await.unwrap();

    let early = ledger.events(consumer, &noted(), 0).await.unwrap();
    assert_eq!(early.events, []);
    assert_eq!(early.next_block, head.final_number + 1);
    assert_eq!(early.scanned_to(), Some(head.final_number));

    stage.mine(2).await;
    let scan = ledger
        .events(consumer, &noted(), early.next_block)
        .await
        .unwrap();
    let [event] = scan.events.as_slice() else {
        panic!("{scan:?}");
    };
    assert_eq!(event.name, "Noted");
    assert_eq!(value(event), 42);
    assert_eq!(event.position.block, head.number);
    assert_eq!(event.position.block_hash, head.hash);
    assert_eq!(event.position.chain, "eip155:31337");

    let nothing_new = ledger
        .events(consumer, &noted(), scan.next_block)
        .await
        .unwrap();
    assert_eq!(nothing_new.events, []);
    assert_eq!(nothing_new.next_block, scan.next_block);
}

#[tokio::test]
async fn no_event_is_lost_or_doubled_in_small_stretches() {
    let stage = Stage::set().await;
    let mut settings = stage.settings(Finality::Instant);
    settings.blocks_per_request = 1;
    let ledger = stage.connect(settings).await;
    for number in 1..=5 {
        deliver(&stage, &ledger, number, 10 * number).await;
        stage.mine(number).await;
    }

    let scan = ledger
        .events(*stage.probe.address(), &noted(), 0)
        .await
        .unwrap();

    let values: Vec<u64> = scan.events.iter().map(value).collect();
    assert_eq!(values, [10, 20, 30, 40, 50]);
    assert_eq!(scan.next_block, ledger.head().await.unwrap().number + 1);
}

#[tokio::test]
async fn an_event_of_a_replaced_block_is_never_given() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Depth(3)).await;
    let consumer = *stage.probe.address();
    deliver(&stage, &ledger, 1, 1).await;
    stage.mine(1).await;
    let before = ledger.events(consumer, &noted(), 0).await.unwrap();

    stage.hold_blocks().await;
    stage.provider.anvil_drop_all_transactions().await.unwrap();
    let replaced = ReorgOptions {
        depth: 2,
        tx_block_pairs: Vec::new(),
    };
    stage.provider.anvil_reorg(replaced).await.unwrap();
    stage.provider.anvil_drop_all_transactions().await.unwrap();
    stage.mine(6).await;

    let after = ledger
        .events(consumer, &noted(), before.next_block)
        .await
        .unwrap();
    assert_eq!((before.events, after.events), (vec![], vec![]));
    assert!(stage.noted().await.is_empty());
}

#[tokio::test]
async fn only_declared_events_of_the_consumer_are_given() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    deliver(&stage, &ledger, 1, 1).await;

    let other: Vec<Message> = vec!["Other(uint256 value)".parse().unwrap()];
    let scan = ledger
        .events(*stage.probe.address(), &other, 0)
        .await
        .unwrap();
    assert_eq!(scan.events, []);
    let scan = ledger
        .events(stage.contracts.gateway, &noted(), 0)
        .await
        .unwrap();
    assert_eq!(scan.events, []);
    let scan = ledger.events(*stage.probe.address(), &[], 0).await.unwrap();
    assert_eq!(scan.events, []);
}

#[tokio::test]
async fn an_event_that_does_not_fit_its_declaration_is_an_error_and_not_skipped() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    deliver(&stage, &ledger, 1, 1).await;
    let wrong: Vec<Message> = vec![
        "Noted(uint256 indexed value, bytes32 measurement, bytes32 receiptHash)"
            .parse()
            .unwrap(),
    ];

    let error = ledger
        .events(*stage.probe.address(), &wrong, 0)
        .await
        .unwrap_err();

    assert!(
        matches!(error, LedgerError::EventDoesNotFit { .. }),
        "{error}"
    );
    assert!(!error.is_transient());
}

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::U256;
use alloy::providers::ext::AnvilApi;
use cryptlet_ledger::{
    Attempt, Broadcast, Callback, ChainId, DeliveryState, Finality, Following, InclusionStatus,
    LedgerError,
};

use crate::stage::*;

#[tokio::test]
async fn a_delivery_reaches_its_contract_and_becomes_final() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Depth(2)).await;
    let delivery = stage.delivery(1, 42);
    assert_eq!(ledger.delivered(stage.binding, 1).await.unwrap(), None);

    let estimate = ledger.simulate(&delivery, DELIVERY_KEY).await.unwrap();
    let nonce = ledger.pending_nonce().await.unwrap();
    let attempt = ledger.build(&delivery, DELIVERY_KEY, nonce).await.unwrap();
    assert!(
        stage.noted().await.is_empty(),
        "nothing may happen before the broadcast"
    );

    let following = stage.include(&ledger, &attempt).await;
    let Following::Included(inclusion) = &following else {
        panic!("included, not final: {following:?}");
    };
    assert_eq!(inclusion.status, InclusionStatus::Succeeded);
    assert_eq!(inclusion.callback_ok(), Some(true));
    assert_eq!(inclusion.position.chain, "eip155:31337");
    assert_eq!(inclusion.position.transaction, attempt.hash);
    assert!(inclusion.gas_used <= estimate.gas_limit);
    assert_eq!(stage.noted().await, [42]);
    let record = ledger.delivered(stage.binding, 1).await.unwrap().unwrap();
    assert!(!record.is_final);

    stage.mine(2).await;
    let following = ledger.follow(attempt.hash).await.unwrap();
    assert!(
        matches!(following, Following::Finalized(_)),
        "{following:?}"
    );
    let record = ledger.delivered(stage.binding, 1).await.unwrap().unwrap();
    assert_eq!(record.state, DeliveryState::Succeeded);
    assert_eq!(record.receipt_hash, delivery.receipt_hash);
    assert!(record.is_final);
}

#[tokio::test]
async fn the_same_bytes_again_are_as_good_as_accepted() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    let attempt = ledger
        .build(&stage.delivery(1, 7), DELIVERY_KEY, 0)
        .await
        .unwrap();
    stage.hold_blocks().await;

    assert_eq!(
        ledger.broadcast(&attempt).await.unwrap(),
        Broadcast::Accepted
    );
    assert_eq!(
        ledger.follow(attempt.hash).await.unwrap(),
        Following::Pending
    );
    assert_eq!(
        ledger.broadcast(&attempt).await.unwrap(),
        Broadcast::AlreadyKnown
    );

    stage.mine(1).await;
    let stored = Attempt::from_bytes(&attempt.to_bytes()).unwrap();
    assert_eq!(stored, attempt);
    assert_eq!(
        ledger.broadcast(&stored).await.unwrap(),
        Broadcast::AlreadyKnown
    );
    assert_eq!(stage.noted().await, [7], "the contract must be called once");
}

#[tokio::test]
async fn a_nonce_that_another_transaction_took_is_told_apart() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Depth(1)).await;
    let first = ledger
        .build(&stage.delivery(1, 1), DELIVERY_KEY, 0)
        .await
        .unwrap();
    let second = ledger
        .build(&stage.delivery(1, 2), DELIVERY_KEY, 0)
        .await
        .unwrap();
    assert_eq!(ledger.broadcast(&first).await.unwrap(), Broadcast::Accepted);

    let mut answer = ledger.broadcast(&second).await.unwrap();
    // For a moment after the block anvil's pool still holds the first and asks to be outbid.
    while answer == Broadcast::Underpriced {
        tokio::time::sleep(Duration::from_millis(10)).await;
        answer = ledger.broadcast(&second).await.unwrap();
    }
    assert_eq!(answer, Broadcast::NonceTooLow);
    assert!(
        !ledger.is_superseded(&second).await.unwrap(),
        "not before it is final"
    );
    stage.mine(1).await;
    assert!(ledger.is_superseded(&second).await.unwrap());
    assert!(!ledger.is_superseded(&first).await.unwrap());
    assert_eq!(
        ledger.follow(second.hash).await.unwrap(),
        Following::Unknown
    );
}

#[tokio::test]
async fn a_waiting_transaction_can_be_outbid_and_only_one_takes_effect() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    let delivery = stage.delivery(1, 5);
    let first = ledger.build(&delivery, DELIVERY_KEY, 0).await.unwrap();
    stage.hold_blocks().await;
    ledger.broadcast(&first).await.unwrap();

    let second = ledger
        .replace(&delivery, DELIVERY_KEY, &first)
        .await
        .unwrap();

    assert_eq!(second.nonce, first.nonce);
    assert!(second.max_fee_per_gas > first.max_fee_per_gas);
    assert_eq!(
        ledger.broadcast(&second).await.unwrap(),
        Broadcast::Accepted
    );
    stage.mine(1).await;
    assert!(matches!(
        ledger.follow(second.hash).await.unwrap(),
        Following::Finalized(_)
    ));
    assert!(ledger.is_superseded(&first).await.unwrap());
    assert_eq!(stage.noted().await, [5]);
}

#[tokio::test]
async fn a_replacement_that_pays_no_more_is_underpriced() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    let first = ledger
        .build(&stage.delivery(1, 5), DELIVERY_KEY, 0)
        .await
        .unwrap();
    let same_price = ledger
        .build(&stage.delivery(1, 6), DELIVERY_KEY, 0)
        .await
        .unwrap();
    stage.hold_blocks().await;
    ledger.broadcast(&first).await.unwrap();

    assert_eq!(
        ledger.broadcast(&same_price).await.unwrap(),
        Broadcast::Underpriced
    );
}

#[tokio::test]
async fn a_waiting_transaction_can_be_cancelled() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    let attempt = ledger
        .build(&stage.delivery(1, 5), DELIVERY_KEY, 0)
        .await
        .unwrap();
    stage.hold_blocks().await;
    ledger.broadcast(&attempt).await.unwrap();

    let nothing = ledger.cancel(&attempt).await.unwrap();

    assert_eq!(
        ledger.broadcast(&nothing).await.unwrap(),
        Broadcast::Accepted
    );
    stage.mine(1).await;
    let following = ledger.follow(nothing.hash).await.unwrap();
    assert_eq!(following.inclusion().unwrap().callback, None);
    assert!(ledger.is_superseded(&attempt).await.unwrap());
    assert!(stage.noted().await.is_empty());
}

#[tokio::test]
async fn a_consumer_that_refuses_after_all_is_reported_with_its_words() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    let attempt = ledger
        .build(&stage.delivery(1, 5), DELIVERY_KEY, 0)
        .await
        .unwrap();
    stage.break_consumer(true).await;

    let following = stage.include(&ledger, &attempt).await;
    let inclusion = following.inclusion().unwrap();
    assert_eq!(inclusion.status, InclusionStatus::Succeeded);
    assert_eq!(inclusion.callback_ok(), Some(false));
    let Some(Callback::Failed { reason }) = &inclusion.callback else {
        panic!("{inclusion:?}");
    };
    assert!(reason.contains("its own error 0x"), "{reason}");
    let record = ledger.delivered(stage.binding, 1).await.unwrap().unwrap();
    assert_eq!(record.state, DeliveryState::Failed);
}

#[tokio::test]
async fn several_deliveries_wait_in_the_order_of_their_nonces() {
    let stage = Stage::set().await;
    let mut settings = stage.settings(Finality::Instant);
    settings.max_in_flight = 2;
    let ledger = stage.connect(settings).await;
    let first = ledger
        .build(&stage.delivery(1, 1), DELIVERY_KEY, 0)
        .await
        .unwrap();
    ledger
        .build(&stage.delivery(1, 1), DELIVERY_KEY, 1)
        .await
        .unwrap();

    let full = ledger
        .build(&stage.delivery(1, 1), DELIVERY_KEY, 2)
        .await
        .unwrap_err();

    assert!(
        matches!(
            full,
            LedgerError::LaneFull {
                nonce: 2,
                next: 0,
                limit: 2,
                ..
            }
        ),
        "{full}"
    );
    assert!(full.is_transient());
    stage.hold_blocks().await;
    ledger.broadcast(&first).await.unwrap();
    assert_eq!(ledger.pending_nonce().await.unwrap(), 1);
    assert_eq!(ledger.included_nonce().await.unwrap(), 0);
}

#[tokio::test]
async fn fees_are_capped_by_settings_and_by_the_delivery() {
    let stage = Stage::set().await;
    stage
        .provider
        .anvil_set_next_block_base_fee_per_gas(50_000_000_000)
        .await
        .unwrap();
    stage.mine(1).await;

    let mut settings = stage.settings(Finality::Instant);
    settings.max_fee_per_gas = 10_000_000_000;
    let ledger = stage.connect(settings).await;
    let error = ledger
        .simulate(&stage.delivery(1, 1), DELIVERY_KEY)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            LedgerError::FeeAboveCap {
                cap: 10_000_000_000,
                ..
            }
        ) && error.is_transient(),
        "{error}"
    );

    let ledger = stage.ledger(Finality::Instant).await;
    let mut delivery = stage.delivery(1, 1);
    delivery.max_fee = 60_000_000_000;
    let estimate = ledger.simulate(&delivery, DELIVERY_KEY).await.unwrap();
    assert_eq!(estimate.max_fee_per_gas, 60_000_000_000);
    let attempt = ledger.build(&delivery, DELIVERY_KEY, 0).await.unwrap();
    let following = stage.include(&ledger, &attempt).await;
    assert_eq!(following.inclusion().unwrap().callback_ok(), Some(true));
}

#[tokio::test]
async fn an_account_without_money_is_noticed_before_a_nonce_is_taken() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    let attempt = ledger
        .build(&stage.delivery(1, 1), DELIVERY_KEY, 0)
        .await
        .unwrap();
    stage
        .provider
        .anvil_set_balance(ledger.account(), U256::from(1_000))
        .await
        .unwrap();

    let error = ledger
        .simulate(&stage.delivery(1, 1), DELIVERY_KEY)
        .await
        .unwrap_err();

    assert!(
        matches!(error, LedgerError::CannotPay { balance: 1_000, .. }),
        "{error}"
    );
    assert_eq!(
        ledger.broadcast(&attempt).await.unwrap(),
        Broadcast::InsufficientFunds
    );
}

#[tokio::test]
async fn bytes_for_another_chain_are_not_sent() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    let mut attempt = ledger
        .build(&stage.delivery(1, 1), DELIVERY_KEY, 0)
        .await
        .unwrap();
    attempt.chain = ChainId(1);

    let error = ledger.broadcast(&attempt).await.unwrap_err();

    assert!(
        matches!(
            error,
            LedgerError::ForeignAttempt {
                found: ChainId(1),
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn one_ledger_serves_many_tasks() {
    let stage = Stage::set().await;
    let ledger = Arc::new(stage.ledger(Finality::Instant).await);
    // Once one task has delivered, the gateway refuses to let another build the same delivery.
    let all_built = Arc::new(tokio::sync::Barrier::new(8));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (ledger, delivery) = (Arc::clone(&ledger), stage.delivery(1, 1));
            let all_built = Arc::clone(&all_built);
            tokio::spawn(async move {
                let attempt = ledger.build(&delivery, DELIVERY_KEY, 0).await?;
                all_built.wait().await;
                ledger.broadcast(&attempt).await?;
                ledger.follow(attempt.hash).await?;
                ledger.events(ledger.account(), &[], 0).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(
        stage.noted().await,
        [1],
        "the bytes are the same, so is the effect"
    );
}

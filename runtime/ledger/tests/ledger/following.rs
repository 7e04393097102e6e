use alloy::primitives::B256;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::anvil::ReorgOptions;
use cryptlet_ledger::{Broadcast, Finality, Following, InclusionStatus};

use crate::stage::*;

#[tokio::test]
async fn a_transaction_nobody_sent_is_unknown() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    let following = ledger.follow(B256::repeat_byte(9)).await.unwrap();
    assert_eq!(following, Following::Unknown);
}

#[tokio::test]
async fn a_reorganisation_opens_an_included_delivery_again_until_it_is_final() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Depth(4)).await;
    let attempt = ledger
        .build(&stage.delivery(1, 5), DELIVERY_KEY, 0)
        .await
        .unwrap();
    stage.include(&ledger, &attempt).await;
    stage.mine(2).await;
    let before = ledger.follow(attempt.hash).await.unwrap();
    assert!(matches!(before, Following::Included(_)), "{before:?}");

    stage.hold_blocks().await;
    let replaced = ReorgOptions {
        depth: 3,
        tx_block_pairs: Vec::new(),
    };
    stage.provider.anvil_reorg(replaced).await.unwrap();

    let after = ledger.follow(attempt.hash).await.unwrap();
    assert!(
        matches!(after, Following::Unknown | Following::Pending),
        "{after:?}"
    );
    assert!(stage.noted().await.is_empty());
    assert_eq!(ledger.delivered(stage.binding, 1).await.unwrap(), None);

    // The stored bytes are all it takes.
    let again = ledger.broadcast(&attempt).await.unwrap();
    assert!(again.is_on_its_way(), "{again:?}");
    stage.mine(1).await;
    let included = ledger.follow(attempt.hash).await.unwrap();
    assert!(matches!(included, Following::Included(_)), "{included:?}");
    assert_ne!(
        included.inclusion().unwrap().position.block_hash,
        before.inclusion().unwrap().position.block_hash
    );
    stage.mine(4).await;
    let settled = ledger.follow(attempt.hash).await.unwrap();
    assert!(matches!(settled, Following::Finalized(_)), "{settled:?}");
    assert_eq!(stage.noted().await, [5]);
}

#[tokio::test]
async fn a_delivery_that_lost_the_race_is_reverted_and_changes_nothing() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    let first = ledger
        .build(&stage.delivery(1, 1), DELIVERY_KEY, 0)
        .await
        .unwrap();
    let second = ledger
        .build(&stage.delivery(1, 2), DELIVERY_KEY, 1)
        .await
        .unwrap();
    stage.hold_blocks().await;
    assert_eq!(ledger.broadcast(&first).await.unwrap(), Broadcast::Accepted);
    assert_eq!(
        ledger.broadcast(&second).await.unwrap(),
        Broadcast::Accepted
    );

    stage.mine(1).await;

    let following = ledger.follow(second.hash).await.unwrap();
    let inclusion = following.inclusion().unwrap();
    assert_eq!(inclusion.status, InclusionStatus::Reverted);
    assert_eq!(inclusion.callback, None);
    assert_eq!(stage.noted().await, [1]);
}

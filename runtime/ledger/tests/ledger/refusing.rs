use alloy::primitives::{B256, Bytes};
use cryptlet_ledger::{Delivery, EvmLedger, Finality, LedgerError, Refusal, SignerError};

use crate::stage::*;

async fn refusal(ledger: &EvmLedger, delivery: &Delivery, key: &str) -> Refusal {
    match ledger.simulate(delivery, key).await {
        Err(LedgerError::Refused(refusal)) => *refusal,
        other => panic!("must be refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_measurement_that_nobody_allowed_is_refused_with_the_way_out() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    let mut delivery = stage.delivery(1, 1);
    delivery.measurement = B256::repeat_byte(0x3f);

    let refusal = refusal(&ledger, &delivery, DELIVERY_KEY).await;

    assert_eq!(refusal.name, "VersionNotAllowed");
    assert!(!refusal.retryable);
    assert!(refusal.explanation.contains(&"3f".repeat(32)), "{refusal}");
    assert!(
        refusal.explanation.contains("have them sign AllowVersion"),
        "{refusal}"
    );
    let error = ledger.build(&delivery, DELIVERY_KEY, 0).await.unwrap_err();
    assert!(matches!(error, LedgerError::Refused(_)), "{error}");
}

#[tokio::test]
async fn every_check_of_the_gateway_has_words() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    let good = || stage.delivery(1, 1);
    let table: [(&str, bool, Delivery, &str); 7] = [
        (
            "UnknownBinding",
            false,
            Delivery {
                binding: B256::repeat_byte(1),
                ..good()
            },
            DELIVERY_KEY,
        ),
        (
            "WrongDelivery",
            true,
            Delivery {
                delivery: 2,
                ..good()
            },
            DELIVERY_KEY,
        ),
        ("SignerNotAdmitted", false, good(), "stranger"),
        (
            "TooEarly",
            true,
            Delivery {
                not_before: GENESIS + YEAR,
                ..good()
            },
            DELIVERY_KEY,
        ),
        (
            "Expired",
            false,
            Delivery {
                valid_until: GENESIS - 1,
                not_before: 0,
                ..good()
            },
            DELIVERY_KEY,
        ),
        (
            "MissingReceipt",
            false,
            Delivery {
                receipt_hash: B256::ZERO,
                ..good()
            },
            DELIVERY_KEY,
        ),
        (
            "InsufficientGas",
            false,
            Delivery {
                gas_limit: u32::MAX,
                ..good()
            },
            DELIVERY_KEY,
        ),
    ];
    for (name, retryable, delivery, key) in table {
        let refusal = refusal(&ledger, &delivery, key).await;
        assert_eq!(
            (refusal.name.as_str(), refusal.retryable),
            (name, retryable),
            "{refusal}"
        );
    }

    let attempt = ledger.build(&good(), DELIVERY_KEY, 0).await.unwrap();
    stage.include(&ledger, &attempt).await;
    let again = refusal(&ledger, &good(), DELIVERY_KEY).await;
    assert_eq!(again.name, "AlreadyDelivered");
    assert!(!again.retryable);
}

#[tokio::test]
async fn a_callback_that_would_fail_is_reported_before_a_nonce_is_taken() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    stage.break_consumer(true).await;

    let error = ledger
        .simulate(&stage.delivery(1, 0x77), DELIVERY_KEY)
        .await
        .unwrap_err();

    let LedgerError::CallbackWouldFail { consumer, reason } = &error else {
        panic!("{error}");
    };
    assert_eq!(consumer, stage.probe.address());
    // Broken(0x77): the words come from the consumer's body, so it took the call for a delivery.
    assert!(
        reason.starts_with("its own error 0x") && reason.ends_with("77"),
        "{reason}"
    );

    stage.break_consumer(false).await;
    ledger
        .simulate(&stage.delivery(1, 0x77), DELIVERY_KEY)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_call_that_the_consumer_does_not_have_would_fail() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    let mut delivery = stage.delivery(1, 1);
    delivery.call = Bytes::from_static(&[0xde, 0xad, 0xbe, 0xef]);

    let error = ledger.simulate(&delivery, DELIVERY_KEY).await.unwrap_err();

    let LedgerError::CallbackWouldFail { reason, .. } = &error else {
        panic!("{error}");
    };
    assert!(reason.contains("no such function"), "{reason}");
}

#[tokio::test]
async fn a_callback_that_needs_more_gas_than_it_gets_would_fail() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;
    let mut delivery = stage.delivery(1, 1);
    delivery.gas_limit = 20_000;

    let error = ledger.simulate(&delivery, DELIVERY_KEY).await.unwrap_err();

    assert!(
        matches!(error, LedgerError::CallbackWouldFail { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_key_made_for_another_purpose_does_not_sign() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Instant).await;

    let error = ledger
        .simulate(&stage.delivery(1, 1), ACCOUNT)
        .await
        .unwrap_err();

    assert!(
        matches!(error, LedgerError::Signer(SignerError::Refused { .. })),
        "{error}"
    );
    assert!(!error.is_transient());
}

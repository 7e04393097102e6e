use std::time::{Duration, Instant};

use alloy::primitives::Address;
use cryptlet_ledger::{ChainId, EvmLedger, Finality, FinalityTag, LedgerError, SignerError};
use tokio::net::TcpListener;

use crate::stage::*;

#[tokio::test]
async fn a_node_of_another_chain_is_refused_and_both_are_named() {
    let stage = Stage::set().await;
    let mut settings = stage.settings(Finality::Instant);
    settings.chain = ChainId(1);

    let error = EvmLedger::connect(settings, stage.keys.clone())
        .await
        .unwrap_err();

    assert!(!error.is_transient());
    let words = error.to_string();
    assert!(
        words.contains("eip155:1,") && words.contains("eip155:31337"),
        "{words}"
    );
}

#[tokio::test]
async fn contracts_that_are_not_there_are_named() {
    let stage = Stage::set().await;
    let nowhere = Address::repeat_byte(0x99);

    let mut settings = stage.settings(Finality::Instant);
    settings.gateway = nowhere;
    let error = EvmLedger::connect(settings, stage.keys.clone())
        .await
        .unwrap_err();
    assert!(
        matches!(error, LedgerError::NoContract { contract: "CryptoDelegate", address, .. } if address == nowhere),
        "{error}"
    );

    let mut settings = stage.settings(Finality::Instant);
    settings.registry = *stage.probe.address();
    let error = EvmLedger::connect(settings, stage.keys.clone())
        .await
        .unwrap_err();
    assert!(
        matches!(error, LedgerError::WrongRegistry { found, .. } if found == stage.contracts.registry),
        "{error}"
    );
}

#[tokio::test]
async fn an_account_without_a_key_is_refused_before_the_node_is_asked() {
    let stage = Stage::set().await;
    let mut settings = stage.settings(Finality::Instant);
    settings.account = "nobody".to_owned();
    settings.rpc = "http://127.0.0.1:1/".parse().unwrap();

    let error = EvmLedger::connect(settings, stage.keys.clone())
        .await
        .unwrap_err();

    assert!(
        matches!(error, LedgerError::Signer(SignerError::UnknownKey { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn a_node_that_is_gone_is_one_clear_sentence_and_worth_another_try() {
    let stage = Stage::set().await;
    let mut settings = stage.settings(Finality::Instant);
    settings.rpc = format!("{}?key=hunter2", settings.rpc).parse().unwrap();
    let ledger = stage.connect(settings).await;
    let attempt = ledger
        .build(&stage.delivery(1, 7), DELIVERY_KEY, 0)
        .await
        .unwrap();

    drop(stage);

    for error in [
        ledger.head().await.unwrap_err(),
        ledger.broadcast(&attempt).await.unwrap_err(),
        ledger.follow(attempt.hash).await.unwrap_err(),
    ] {
        assert!(matches!(error, LedgerError::Unreachable { .. }), "{error}");
        assert!(error.is_transient());
        let words = format!("{error} {error:?}");
        assert!(
            error
                .to_string()
                .contains("no node answers at http://127.0.0.1:"),
            "{words}"
        );
        assert!(!words.contains("hunter2"), "{words}");
    }
}

#[tokio::test]
async fn a_node_that_says_nothing_is_given_up_in_time() {
    let stage = Stage::set().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = stage.settings(Finality::Instant);
    settings.rpc = format!("http://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    settings.timeout_milliseconds = 200;

    let began = Instant::now();
    let error = EvmLedger::connect(settings, stage.keys.clone())
        .await
        .unwrap_err();

    assert!(
        matches!(
            error,
            LedgerError::Timeout {
                method: "eth_chainId",
                ..
            }
        ),
        "{error}"
    );
    assert!(error.is_transient());
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn tls_needs_no_provider_of_the_process() {
    let stage = Stage::set().await;
    let mut settings = stage.settings(Finality::Instant);
    // The node speaks plain HTTP, so the handshake fails; without a provider it would not begin.
    settings.rpc.set_scheme("https").unwrap();

    let error = EvmLedger::connect(settings, stage.keys.clone())
        .await
        .unwrap_err();

    assert!(matches!(error, LedgerError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn what_is_no_node_is_suspected() {
    let stage = Stage::set().await;
    let mut settings = stage.settings(Finality::Instant);
    settings.rpc = "ftp://127.0.0.1/".parse().unwrap();
    let error = EvmLedger::connect(settings, stage.keys.clone())
        .await
        .unwrap_err();
    assert!(matches!(error, LedgerError::Settings { .. }), "{error}");
}

#[tokio::test]
async fn the_final_head_follows_the_chosen_finality() {
    let stage = Stage::set().await;
    stage.mine(20).await;
    let number = stage
        .ledger(Finality::Instant)
        .await
        .head()
        .await
        .unwrap()
        .number;

    for (finality, behind) in [
        (Finality::Instant, 0),
        (Finality::Depth(0), 0),
        (Finality::Depth(3), 3),
        (Finality::Depth(1_000), number),
        (Finality::Tag(FinalityTag::Safe), 4),
        (Finality::Tag(FinalityTag::Finalized), 8),
    ] {
        let head = stage.ledger(finality).await.head().await.unwrap();
        assert_eq!(head.number, number);
        assert_eq!(head.final_number, number - behind, "{finality}");
        assert!(head.final_timestamp <= head.timestamp);
        let validity = head.validity(60);
        assert_eq!(validity.not_before, head.final_timestamp);
        assert_eq!(validity.valid_until, head.timestamp + 60);
    }
}

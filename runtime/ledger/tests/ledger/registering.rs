//! Bindings at the gateway: asked about, created, refused.

use alloy::primitives::{B256, keccak256};
use cryptlet_contracts::Terms;
use cryptlet_ledger::{Finality, LedgerError};

use crate::stage::{Stage, approvals, terms};

#[tokio::test]
async fn a_binding_is_known_with_its_terms_once_its_block_is_final() {
    let stage = Stage::set().await;
    let agreed = terms(*stage.probe.address(), keccak256("salt"));
    let latest = stage.ledger(Finality::Depth(0)).await;
    let known = latest.registration(&agreed).await.unwrap().unwrap();
    assert_eq!((known.difference, known.is_final), (None, true));

    let deep = stage.ledger(Finality::Depth(50)).await;
    stage.mine(40).await;
    let young = deep.registration(&agreed).await.unwrap().unwrap();
    assert!(!young.is_final);
    stage.mine(50).await;
    assert!(deep.registration(&agreed).await.unwrap().unwrap().is_final);
}

#[tokio::test]
async fn every_term_that_differs_is_named() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Depth(0)).await;
    let agreed = terms(*stage.probe.address(), keccak256("salt"));
    let changed = |change: fn(&mut Terms)| {
        let mut terms = agreed.clone();
        change(&mut terms);
        terms
    };
    for (other, named) in [
        (
            changed(|terms| terms.threshold = 1),
            "threshold is 2 there, and 1 here",
        ),
        (
            changed(|terms| terms.consumer = terms.counterparties[0]),
            "consumer",
        ),
        (
            changed(|terms| terms.signerThreshold = 2),
            "signer-threshold",
        ),
        (
            changed(|terms| terms.ordered = false),
            "ordered is true there",
        ),
        (
            changed(|terms| terms.versionDelay = 9),
            "version-delay-seconds",
        ),
    ] {
        let known = ledger.registration(&other).await.unwrap().unwrap();
        let difference = known.difference.unwrap_or_default();
        assert!(difference.contains(named), "{named}: {difference}");
        assert!(known.is_allowed);
    }
    for other in [
        changed(|terms| terms.measurement = B256::repeat_byte(9)),
        changed(|terms| terms.bindingVersion = B256::repeat_byte(9)),
    ] {
        let known = ledger.registration(&other).await.unwrap().unwrap();
        assert_eq!((known.difference, known.is_allowed), (None, false));
    }
}

#[tokio::test]
async fn an_unknown_binding_is_created_with_its_counterparties_approvals() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Depth(0)).await;
    let terms = terms(*stage.probe.address(), keccak256("another salt"));
    assert_eq!(ledger.registration(&terms).await.unwrap(), None);

    let approvals = approvals(&terms, stage.contracts.gateway);
    let draft = ledger.draft_registration(&terms, &approvals).await.unwrap();
    let attempt = ledger
        .sign(&draft, ledger.pending_nonce().await.unwrap())
        .await
        .unwrap();
    stage.include(&ledger, &attempt).await;
    let known = ledger.registration(&terms).await.unwrap().unwrap();
    assert_eq!((known.difference, known.is_final), (None, true));

    let again = ledger.draft_registration(&terms, &approvals).await;
    assert!(
        matches!(&again, Err(LedgerError::Refused(refusal)) if refusal.name == "BindingExists"),
        "{again:?}"
    );
}

#[tokio::test]
async fn approvals_that_the_gateway_would_not_take_cost_nothing() {
    let stage = Stage::set().await;
    let ledger = stage.ledger(Finality::Depth(0)).await;
    let terms = terms(*stage.probe.address(), keccak256("another salt"));
    let good = approvals(&terms, stage.contracts.gateway);
    let elsewhere = approvals(&terms, stage.contracts.registry);
    for (given, name) in [
        (&good[..1], "MissingApproval"),
        (&elsewhere[..], "BadApproval"),
    ] {
        let refused = ledger.draft_registration(&terms, given).await;
        let Err(LedgerError::Refused(refusal)) = &refused else {
            panic!("{name}: {refused:?}");
        };
        assert_eq!(refusal.name, name);
        assert!(refusal.explanation.contains("have them sign"), "{refusal}");
    }
    assert_eq!(ledger.included_nonce().await.unwrap(), 0);
}

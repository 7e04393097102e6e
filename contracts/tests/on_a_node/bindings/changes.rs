//! How counterparties allow and revoke versions, and change their terms.

use alloy::primitives::{Address, U256};
use cryptlet_contracts::{AllowVersion, ChangeTerms, CryptoDelegate, RevokeVersion};

use crate::fixture::*;

#[tokio::test]
async fn a_new_version_is_usable_after_the_agreed_delay() {
    let fixture = Fixture::with(|terms| terms.versionDelay = DAY).await;
    let version = fixture.second_version(1);
    let receipt = send(fixture.allow(&version, fixture.approvals(&version))).await;
    let allowed: CryptoDelegate::VersionAllowed = event(&receipt);
    let usable_from = fixture.chain.now().await + DAY;
    assert_eq!((allowed.usableFrom, allowed.nonce), (usable_from, 1));
    let call = note(42);
    let mut result = fixture.result(1, &call);
    (result.bindingVersion, result.measurement) = (version.bindingVersion, version.measurement);

    fixture.chain.set_time(usable_from - 1).await;
    assert!(!fixture.is_allowed(&version).await);
    let refused: CryptoDelegate::VersionNotYetAllowed =
        refusal(fixture.deliver(&result, &call)).await;
    assert_eq!(refused.usableFrom, usable_from);

    fixture.chain.set_time(usable_from).await;
    assert!(fixture.is_allowed(&version).await);
    send(fixture.deliver(&result, &call)).await;
    assert_eq!(fixture.noted().await, numbers(&[42]));
}

#[tokio::test]
async fn one_counterparty_revokes_a_version_at_once() {
    let fixture = Fixture::with(|terms| terms.versionDelay = DAY).await;
    let revocation = fixture.first_version_revoked();
    let call = note(42);
    let result = fixture.result(1, &call);
    assert!(fixture.deliver(&result, &call).call().await.unwrap());
    let [by_first, by_second] = fixture.approvals(&revocation).try_into().unwrap();

    let by = by_second.counterparty;
    let receipt = send(fixture.revoke(&revocation, by_second)).await;

    let revoked: CryptoDelegate::VersionRevoked = event(&receipt);
    assert_eq!(
        (revoked.measurement, revoked.by),
        (fixture.terms.measurement, by)
    );
    let refused: CryptoDelegate::VersionNotAllowed = refusal(fixture.deliver(&result, &call)).await;
    assert_eq!(refused.measurement, fixture.terms.measurement);
    refusal::<CryptoDelegate::VersionNotAllowed>(fixture.revoke(&revocation, by_first)).await;
}

#[tokio::test]
async fn a_version_can_be_revoked_before_it_becomes_usable() {
    let fixture = Fixture::with(|terms| terms.versionDelay = DAY).await;
    let version = fixture.second_version(1);
    send(fixture.allow(&version, fixture.approvals(&version))).await;
    let revocation = RevokeVersion {
        binding: version.binding,
        bindingVersion: version.bindingVersion,
        measurement: version.measurement,
        nonce: 1,
    };

    send(fixture.revoke(&revocation, fixture.approvals(&revocation).remove(0))).await;

    fixture.chain.set_time(GENESIS + 2 * DAY).await;
    assert!(!fixture.is_allowed(&version).await);
}

#[tokio::test]
async fn an_old_revocation_does_not_hit_a_version_that_was_allowed_again() {
    let fixture = Fixture::start().await;
    let revocation = fixture.first_version_revoked();
    let signed = fixture.approvals(&revocation).remove(0);
    send(fixture.revoke(&revocation, signed.clone())).await;
    let again = AllowVersion {
        binding: fixture.binding,
        bindingVersion: fixture.terms.bindingVersion,
        measurement: fixture.terms.measurement,
        nonce: 1,
    };
    send(fixture.allow(&again, fixture.approvals(&again))).await;

    let refused: CryptoDelegate::WrongNonce = refusal(fixture.revoke(&revocation, signed)).await;

    assert_eq!((refused.expected, refused.given), (1, 0));
    let allowance = fixture
        .gateway
        .allowance(again.binding, again.bindingVersion, again.measurement)
        .call()
        .await
        .unwrap();
    assert_eq!(allowance.nonce, 1);
}

#[tokio::test]
async fn other_changes_do_not_outrun_a_revocation() {
    let fixture = Fixture::start().await;
    let revocation = fixture.first_version_revoked();
    let signed = fixture.approvals(&revocation).remove(0);
    let version = fixture.second_version(1);
    send(fixture.allow(&version, fixture.approvals(&version))).await;
    let change = fixture.same_terms(2);
    send(fixture.change(&change, fixture.approvals(&change))).await;

    send(fixture.revoke(&revocation, signed)).await;
}

#[tokio::test]
async fn only_a_counterparty_revokes() {
    let fixture = Fixture::start().await;
    let revocation = fixture.first_version_revoked();
    let stranger = key("stranger");
    let by_stranger = approvals(&revocation, &fixture.domain, &[&stranger]).remove(0);
    let mut in_a_counterparty_s_name = by_stranger.clone();
    in_a_counterparty_s_name.counterparty = fixture.parties[0].address();

    let refused: CryptoDelegate::NotACounterparty =
        refusal(fixture.revoke(&revocation, by_stranger)).await;
    assert_eq!(refused.account, stranger.address());
    let refused: CryptoDelegate::BadApproval =
        refusal(fixture.revoke(&revocation, in_a_counterparty_s_name)).await;
    assert_eq!(refused.counterparty, fixture.parties[0].address());
}

#[tokio::test]
async fn a_change_needs_the_agreed_number_of_counterparties() {
    let fixture = Fixture::start().await;
    let version = fixture.second_version(1);
    let both = fixture.approvals(&version);
    let stranger = key("stranger");
    let with_stranger = approvals(
        &version,
        &fixture.domain,
        &[&fixture.parties[0], &fixture.parties[1], &stranger],
    );

    let one: CryptoDelegate::NotEnoughApprovals =
        refusal(fixture.allow(&version, both[..1].to_vec())).await;
    assert_eq!((one.required, one.given), (U256::from(2), U256::from(1)));
    let twice: CryptoDelegate::ApprovalsNotAscending =
        refusal(fixture.allow(&version, vec![both[0].clone(), both[0].clone()])).await;
    assert_eq!(twice.previous, twice.next);
    let unsorted: CryptoDelegate::ApprovalsNotAscending =
        refusal(fixture.allow(&version, vec![both[1].clone(), both[0].clone()])).await;
    assert_eq!(unsorted.next, both[0].counterparty);
    let refused: CryptoDelegate::NotACounterparty =
        refusal(fixture.allow(&version, with_stranger)).await;
    assert_eq!(refused.account, stranger.address());
    let mut unknown = version.clone();
    unknown.binding = hash("no binding");
    let signed = fixture.approvals(&unknown);
    refusal::<CryptoDelegate::UnknownBinding>(fixture.allow(&unknown, signed)).await;

    send(fixture.allow(&version, both)).await;
}

#[tokio::test]
async fn a_threshold_below_all_lets_fewer_counterparties_change_a_binding() {
    let fixture = Fixture::with(|terms| terms.threshold = 1).await;
    let version = fixture.second_version(1);

    send(fixture.allow(&version, fixture.approvals(&version)[1..].to_vec())).await;

    assert!(fixture.is_allowed(&version).await);
}

#[tokio::test]
async fn a_change_counts_once() {
    let fixture = Fixture::start().await;
    let change = fixture.same_terms(1);
    let signed = fixture.approvals(&change);
    send(fixture.change(&change, signed.clone())).await;
    let replayed: CryptoDelegate::WrongNonce = refusal(fixture.change(&change, signed)).await;
    assert_eq!((replayed.expected, replayed.given), (2, 1));

    let version = fixture.second_version(2);
    let signed = fixture.approvals(&version);
    send(fixture.allow(&version, signed.clone())).await;
    let replayed: CryptoDelegate::WrongNonce = refusal(fixture.allow(&version, signed)).await;
    assert_eq!((replayed.expected, replayed.given), (3, 2));
    let again = fixture.second_version(3);
    let refused: CryptoDelegate::VersionAlreadyAllowed =
        refusal(fixture.allow(&again, fixture.approvals(&again))).await;
    assert_eq!(refused.measurement, version.measurement);
    let future = fixture.same_terms(9);
    let refused: CryptoDelegate::WrongNonce =
        refusal(fixture.change(&future, fixture.approvals(&future))).await;
    assert_eq!((refused.expected, refused.given), (3, 9));
}

#[tokio::test]
async fn changed_terms_count_after_the_delay() {
    let fixture = Fixture::with(|terms| terms.versionDelay = DAY).await;
    let mut change = fixture.same_terms(1);
    (change.signerThreshold, change.ordered) = (2, false);
    let receipt = send(fixture.change(&change, fixture.approvals(&change))).await;
    let changed: CryptoDelegate::TermsChanged = event(&receipt);
    let effective_from = fixture.chain.now().await + DAY;
    assert_eq!(changed.effectiveFrom, effective_from);
    let pending = fixture.gateway.pendingTerms(fixture.binding);
    assert_eq!(pending.call().await.unwrap().effectiveFrom, effective_from);
    fixture.chain.set_time(effective_from - HOUR).await;
    fixture.note(1, 1).await;

    fixture.chain.set_time(effective_from).await;
    let state = fixture
        .gateway
        .binding(fixture.binding)
        .call()
        .await
        .unwrap();
    assert_eq!((state.signerThreshold, state.ordered), (2, false));
    let call = note(2);
    let result = fixture.result(5, &call);
    let one: CryptoDelegate::NotEnoughSigners = refusal(fixture.deliver(&result, &call)).await;
    assert_eq!(one.required, U256::from(2));

    let second = key("second host");
    fixture.admit(&second, fixture.binding).await;
    let both = vouches(&result, &fixture.domain, &[&fixture.host, &second]);
    send(fixture.gateway.deliver(result, call, both)).await;
    assert_eq!(fixture.noted().await, numbers(&[1, 2]));
    let pending = fixture.gateway.pendingTerms(fixture.binding).call().await;
    assert_eq!(pending.unwrap().effectiveFrom, 0);
}

#[tokio::test]
async fn shortening_the_delay_is_no_way_around_it() {
    let fixture = Fixture::with(|terms| terms.versionDelay = DAY).await;
    let mut change = fixture.same_terms(1);
    change.versionDelay = 0;
    send(fixture.change(&change, fixture.approvals(&change))).await;
    let version = fixture.second_version(2);

    send(fixture.allow(&version, fixture.approvals(&version))).await;

    assert!(!fixture.is_allowed(&version).await);
    fixture
        .chain
        .set_time(fixture.chain.now().await + DAY)
        .await;
    assert!(fixture.is_allowed(&version).await);
}

#[tokio::test]
async fn a_binding_that_becomes_ordered_goes_on_after_its_highest_number() {
    let fixture = Fixture::with(|terms| terms.ordered = false).await;
    fixture.note(3, 3).await;
    let mut change = fixture.same_terms(1);
    change.ordered = true;
    send(fixture.change(&change, fixture.approvals(&change))).await;
    let call = note(2);

    let refused: CryptoDelegate::WrongDelivery =
        refusal(fixture.deliver(&fixture.result(2, &call), &call)).await;

    assert_eq!((refused.expected, refused.given), (4, 2));
    fixture.note(4, 4).await;
}

#[tokio::test]
async fn refuses_changed_terms_that_make_no_sense() {
    let fixture = Fixture::start().await;
    let with = |apply: &dyn Fn(&mut ChangeTerms)| {
        let mut change = fixture.same_terms(1);
        apply(&mut change);
        let signed = fixture.approvals(&change);
        fixture.change(&change, signed)
    };

    refusal::<CryptoDelegate::InvalidConsumer>(with(&|change| change.consumer = Address::ZERO))
        .await;
    refusal::<CryptoDelegate::InvalidThreshold>(with(&|change| change.signerThreshold = 0)).await;
    refusal::<CryptoDelegate::DelayTooLong>(with(&|change| change.versionDelay = u64::MAX)).await;
}

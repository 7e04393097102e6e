//! How counterparties create and change a binding.

use alloy::primitives::{Address, B256, U256};
use cryptlet_contracts::{
    AllowVersion, Approval, ChangeTerms, CryptoDelegate, RevokeVersion, Terms, binding_id,
};

use crate::fixture::*;

impl Fixture {
    /// Terms of a further binding of the same counterparties.
    fn other_terms(&self) -> Terms {
        let addresses = [self.parties[0].address(), self.parties[1].address()];
        terms(&addresses, "other salt", *self.probe.address())
    }

    fn create(&self, terms: &Terms) -> Call<'_, CryptoDelegate::createBindingCall> {
        self.gateway
            .createBinding(terms.clone(), self.approvals(terms))
    }

    fn second_version(&self, nonce: u64) -> AllowVersion {
        AllowVersion {
            binding: self.binding,
            bindingVersion: hash("binding version 2"),
            measurement: hash("cryptlet 2"),
            nonce,
        }
    }

    fn allow(
        &self,
        message: &AllowVersion,
        approvals: Vec<Approval>,
    ) -> Call<'_, CryptoDelegate::allowVersionCall> {
        self.gateway.allowVersion(
            message.binding,
            message.bindingVersion,
            message.measurement,
            message.nonce,
            approvals,
        )
    }

    fn first_version_revoked(&self) -> RevokeVersion {
        RevokeVersion {
            binding: self.binding,
            bindingVersion: self.terms.bindingVersion,
            measurement: self.terms.measurement,
            nonce: 0,
        }
    }

    fn revoke(
        &self,
        message: &RevokeVersion,
        approval: Approval,
    ) -> Call<'_, CryptoDelegate::revokeVersionCall> {
        self.gateway.revokeVersion(
            message.binding,
            message.bindingVersion,
            message.measurement,
            message.nonce,
            approval,
        )
    }

    fn change(
        &self,
        message: &ChangeTerms,
        approvals: Vec<Approval>,
    ) -> Call<'_, CryptoDelegate::changeTermsCall> {
        self.gateway.changeTerms(
            message.binding,
            message.consumer,
            message.signerThreshold,
            message.ordered,
            message.versionDelay,
            message.nonce,
            approvals,
        )
    }

    fn same_terms(&self, nonce: u64) -> ChangeTerms {
        ChangeTerms {
            binding: self.binding,
            consumer: self.terms.consumer,
            signerThreshold: self.terms.signerThreshold,
            ordered: self.terms.ordered,
            versionDelay: self.terms.versionDelay,
            nonce,
        }
    }

    async fn is_allowed(&self, message: &AllowVersion) -> bool {
        self.gateway
            .isAllowed(message.binding, message.bindingVersion, message.measurement)
            .call()
            .await
            .expect("the gateway answers")
    }
}

#[tokio::test]
async fn a_binding_is_what_its_counterparties_signed() {
    let fixture = Fixture::with(|terms| terms.versionDelay = DAY).await;

    let state = fixture
        .gateway
        .binding(fixture.binding)
        .call()
        .await
        .unwrap();

    assert_eq!(state.counterparties, fixture.terms.counterparties);
    assert_eq!(state.consumer, fixture.terms.consumer);
    assert_eq!(
        (state.threshold, state.signerThreshold, state.ordered),
        (2, 1, true)
    );
    assert_eq!(
        (state.versionDelay, state.changeNonce, state.lastDelivery),
        (DAY, 1, 0)
    );
    let separator = fixture.gateway.eip712Domain().call().await.unwrap();
    assert_eq!(separator.name, "CryptoDelegate");
    assert_eq!(separator.version, "1");
    let id = fixture
        .gateway
        .bindingId(fixture.terms.counterparties.clone(), fixture.terms.salt)
        .call()
        .await
        .unwrap();
    assert_eq!(id, fixture.binding);
    let nobody = fixture.gateway.binding(hash("no binding"));
    refusal::<CryptoDelegate::UnknownBinding>(nobody).await;
}

#[tokio::test]
async fn refuses_a_binding_that_one_counterparty_did_not_sign() {
    let fixture = Fixture::start().await;
    let terms = fixture.other_terms();
    let [first, second] = [&fixture.parties[0], &fixture.parties[1]];
    let create = |approvals| fixture.gateway.createBinding(terms.clone(), approvals);
    let both = fixture.approvals(&terms);

    let none: CryptoDelegate::MissingApproval = refusal(create(vec![])).await;
    assert_eq!(none.counterparty, first.address());
    let first_only: CryptoDelegate::MissingApproval = refusal(create(both[..1].to_vec())).await;
    assert_eq!(first_only.counterparty, second.address());
    let second_only: CryptoDelegate::MissingApproval = refusal(create(both[1..].to_vec())).await;
    assert_eq!(second_only.counterparty, first.address());
    let twice: CryptoDelegate::MissingApproval =
        refusal(create(vec![both[0].clone(), both[0].clone()])).await;
    assert_eq!(twice.counterparty, second.address());

    let mut forged = both.clone();
    forged[1].signature = forged[0].signature.clone();
    let forged: CryptoDelegate::BadApproval = refusal(create(forged)).await;
    assert_eq!(forged.counterparty, second.address());

    let mut with_stranger = both.clone();
    with_stranger.push(Approval {
        counterparty: key("stranger").address(),
        signature: both[0].signature.clone(),
    });
    let stranger: CryptoDelegate::NotACounterparty = refusal(create(with_stranger)).await;
    assert_eq!(stranger.account, key("stranger").address());

    send(create(both)).await;
}

#[tokio::test]
async fn refuses_terms_that_differ_from_what_was_signed() {
    let fixture = Fixture::start().await;
    let signed = fixture.other_terms();
    let approvals = fixture.approvals(&signed);
    let changes: [fn(&mut Terms); 7] = [
        |terms| terms.threshold = 1,
        |terms| terms.consumer = Address::repeat_byte(1),
        |terms| terms.signerThreshold = 2,
        |terms| terms.ordered = false,
        |terms| terms.versionDelay = 1,
        |terms| terms.bindingVersion = hash("another version"),
        |terms| terms.measurement = hash("another cryptlet"),
    ];

    for change in changes {
        let mut changed = signed.clone();
        change(&mut changed);
        let refused: CryptoDelegate::BadApproval =
            refusal(fixture.gateway.createBinding(changed, approvals.clone())).await;
        assert_eq!(refused.counterparty, fixture.parties[0].address());
    }
}

#[tokio::test]
async fn refuses_terms_that_make_no_sense() {
    let fixture = Fixture::start().await;
    let [first, second] = [fixture.parties[0].address(), fixture.parties[1].address()];
    let with = |change: &dyn Fn(&mut Terms)| {
        let mut terms = fixture.other_terms();
        change(&mut terms);
        fixture.create(&terms)
    };

    let duplicate: CryptoDelegate::CounterpartiesNotAscending =
        refusal(with(&|terms| terms.counterparties = vec![first, first])).await;
    assert_eq!((duplicate.previous, duplicate.next), (first, first));
    let unsorted: CryptoDelegate::CounterpartiesNotAscending =
        refusal(with(&|terms| terms.counterparties = vec![second, first])).await;
    assert_eq!((unsorted.previous, unsorted.next), (second, first));
    let zero: CryptoDelegate::CounterpartiesNotAscending = refusal(with(&|terms| {
        terms.counterparties = vec![Address::ZERO, first]
    }))
    .await;
    assert_eq!(zero.next, Address::ZERO);
    let nobody: CryptoDelegate::WrongNumberOfCounterparties =
        refusal(with(&|terms| terms.counterparties.clear())).await;
    assert_eq!(nobody.given, U256::ZERO);
    for threshold in [0, 3] {
        let refused: CryptoDelegate::InvalidThreshold =
            refusal(with(&|terms| terms.threshold = threshold)).await;
        assert_eq!(
            (refused.given, refused.most),
            (U256::from(threshold), U256::from(2))
        );
    }
    let no_signers: CryptoDelegate::InvalidThreshold =
        refusal(with(&|terms| terms.signerThreshold = 0)).await;
    assert_eq!(no_signers.given, U256::ZERO);
    for consumer in [Address::ZERO, *fixture.gateway.address()] {
        let refused: CryptoDelegate::InvalidConsumer =
            refusal(with(&|terms| terms.consumer = consumer)).await;
        assert_eq!(refused.consumer, consumer);
    }
    let too_long: CryptoDelegate::DelayTooLong =
        refusal(with(&|terms| terms.versionDelay = 365 * DAY + 1)).await;
    assert_eq!(too_long.most, 365 * DAY);
    refusal::<CryptoDelegate::EmptyVersion>(with(&|terms| terms.measurement = B256::ZERO)).await;
    refusal::<CryptoDelegate::EmptyVersion>(with(&|terms| terms.bindingVersion = B256::ZERO)).await;
}

#[tokio::test]
async fn a_binding_is_created_once() {
    let fixture = Fixture::start().await;

    let refused: CryptoDelegate::BindingExists = refusal(fixture.create(&fixture.terms)).await;

    assert_eq!(refused.binding, fixture.binding);
}

#[tokio::test]
async fn a_counterparty_can_be_an_erc_1271_wallet() {
    let fixture = Fixture::start().await;
    let owner = key("owner of the wallet");
    let wallet = TestWallet::deploy(fixture.chain.provider.clone(), owner.address())
        .await
        .unwrap();
    let person = &fixture.parties[0];
    let mut addresses = vec![person.address(), *wallet.address()];
    addresses.sort();
    let terms = terms(&addresses, "wallet", *fixture.probe.address());
    let approvals_by = |wallet_key| {
        let mut approvals = approvals(&terms, &fixture.domain, &[person, wallet_key]);
        for approval in &mut approvals {
            if approval.counterparty != person.address() {
                approval.counterparty = *wallet.address();
            }
        }
        approvals.sort_by_key(|approval| approval.counterparty);
        approvals
    };

    let stranger = key("stranger");
    let refused: CryptoDelegate::BadApproval = refusal(
        fixture
            .gateway
            .createBinding(terms.clone(), approvals_by(&stranger)),
    )
    .await;
    assert_eq!(refused.counterparty, *wallet.address());

    let receipt = send(
        fixture
            .gateway
            .createBinding(terms.clone(), approvals_by(&owner)),
    )
    .await;
    let created: CryptoDelegate::BindingCreated = event(&receipt);
    assert_eq!(created.binding, binding_id(&addresses, terms.salt));
}

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

#[tokio::test]
async fn what_was_signed_for_another_gateway_creates_nothing() {
    let fixture = Fixture::start().await;
    let registry = *fixture.registry.address();
    let twin = CryptoDelegate::deploy(fixture.chain.provider.clone(), registry)
        .await
        .unwrap();

    let refused: CryptoDelegate::BadApproval =
        refusal(twin.createBinding(fixture.terms.clone(), fixture.approvals(&fixture.terms))).await;

    assert_eq!(refused.counterparty, fixture.parties[0].address());
}

//! How counterparties create and change a binding.

mod changes;

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

//! Who may admit keys, and who may take them away.

use alloy::primitives::{Address, B256};
use cryptlet_contracts::{CryptoDelegate, SignerRegistry};

use crate::fixture::*;

async fn is_admitted(fixture: &Fixture, signer: Address) -> bool {
    fixture
        .registry
        .isAdmitted(fixture.binding, signer)
        .call()
        .await
        .expect("the registry answers")
}

#[tokio::test]
async fn an_admission_names_its_verifier_and_what_its_word_rests_on() {
    let fixture = Fixture::start().await;
    let signer = key("new host").address();
    let expiry = GENESIS + 30 * DAY;
    let admission = fixture
        .registry
        .admit(fixture.binding, signer, hash("workload"), expiry, 7);

    let receipt = send(admission.from(fixture.verifier())).await;

    let admitted: SignerRegistry::Admitted = event(&receipt);
    assert_eq!(
        admitted,
        SignerRegistry::Admitted {
            binding: fixture.binding,
            signer,
            verifier: fixture.verifier(),
            tier: 0,
            workload: hash("workload"),
            expiry,
            epoch: 7,
        }
    );
    let known = fixture
        .registry
        .admission(fixture.binding, signer)
        .call()
        .await
        .unwrap();
    assert_eq!(
        (known.verifier, known.expiry, known.epoch, known.revoked),
        (fixture.verifier(), expiry, 7, false)
    );
    assert!(is_admitted(&fixture, signer).await);
    let elsewhere = fixture.registry.isAdmitted(hash("another binding"), signer);
    assert!(!elsewhere.call().await.unwrap());
}

#[tokio::test]
async fn only_a_verifier_admits() {
    let fixture = Fixture::start().await;
    for caller in [fixture.guardian(), fixture.chain.accounts[0]] {
        let admission = fixture.registry.admit(
            fixture.binding,
            key("new host").address(),
            hash("workload"),
            GENESIS + 30 * DAY,
            1,
        );
        let refused: SignerRegistry::NotAVerifier = refusal(admission.from(caller)).await;
        assert_eq!(refused.caller, caller);
    }
}

#[tokio::test]
async fn epochs_only_rise() {
    let fixture = Fixture::start().await;
    let signer = key("new host").address();
    let admit = |epoch, expiry| {
        fixture
            .registry
            .admit(fixture.binding, signer, hash("workload"), expiry, epoch)
            .from(fixture.verifier())
    };
    let zero: SignerRegistry::StaleEpoch = refusal(admit(0, GENESIS + DAY)).await;
    assert_eq!((zero.current, zero.given), (0, 0));
    send(admit(5, GENESIS + 2 * DAY)).await;

    for stale in [5, 4] {
        let refused: SignerRegistry::StaleEpoch = refusal(admit(stale, GENESIS + 9 * DAY)).await;
        assert_eq!((refused.current, refused.given), (5, stale));
    }

    send(admit(6, GENESIS + DAY)).await;
    fixture.chain.set_time(GENESIS + DAY).await;
    assert!(!is_admitted(&fixture, signer).await);
}

#[tokio::test]
async fn a_revoked_key_stays_revoked_for_its_binding() {
    let fixture = Fixture::start().await;
    let signer = fixture.host.address();
    let revocation = fixture.registry.revoke(fixture.binding, signer);

    let receipt = send(revocation.from(fixture.guardian())).await;

    let revoked: SignerRegistry::Revoked = event(&receipt);
    assert_eq!((revoked.signer, revoked.by), (signer, fixture.guardian()));
    assert!(!is_admitted(&fixture, signer).await);
    let again = fixture.registry.admit(
        fixture.binding,
        signer,
        hash("workload"),
        GENESIS + 30 * DAY,
        u64::MAX,
    );
    let refused: SignerRegistry::SignerRevoked = refusal(again.from(fixture.verifier())).await;
    assert_eq!((refused.binding, refused.signer), (fixture.binding, signer));
    let twice = fixture.registry.revoke(fixture.binding, signer);
    refusal::<SignerRegistry::SignerRevoked>(twice.from(fixture.guardian())).await;
}

#[tokio::test]
async fn a_verifier_revokes_what_it_admitted_and_nobody_else_does() {
    let chain = Chain::start().await;
    let (guardian, first, second) = (chain.accounts[7], chain.accounts[8], chain.accounts[9]);
    let listed = |verifier, tier| SignerRegistry::Verifier { verifier, tier };
    let verifiers = vec![listed(first, 0), listed(second, 2)];
    let registry = SignerRegistry::deploy(chain.provider.clone(), guardian, verifiers)
        .await
        .unwrap();
    let signer = key("host").address();
    let admission = registry.admit(hash("binding"), signer, hash("workload"), GENESIS + DAY, 1);
    send(admission.from(first)).await;

    for caller in [second, chain.accounts[0], signer] {
        let revocation = registry.revoke(hash("binding"), signer);
        let refused: SignerRegistry::MayNotRevoke = refusal(revocation.from(caller)).await;
        assert_eq!(refused.caller, caller);
    }

    send(registry.revoke(hash("binding"), signer).from(first)).await;
    let unknown = key("leaked key that nobody admitted yet").address();
    send(registry.revoke(hash("binding"), unknown).from(guardian)).await;
    let tier = registry.verifierTier(second).call().await.unwrap();
    assert_eq!((tier.listed, tier.tier), (true, 2));
    let no_verifier = registry.verifierTier(guardian).call().await.unwrap();
    assert!(!no_verifier.listed);
}

#[tokio::test]
async fn refuses_admissions_that_make_no_sense() {
    let fixture = Fixture::start().await;
    let signer = key("new host").address();
    let now = fixture.chain.now().await;
    let admit = |binding, signer, expiry| {
        fixture
            .registry
            .admit(binding, signer, hash("workload"), expiry, 1)
            .from(fixture.verifier())
    };

    refusal::<SignerRegistry::ZeroBinding>(admit(B256::ZERO, signer, now + DAY)).await;
    refusal::<SignerRegistry::ZeroAddress>(admit(fixture.binding, Address::ZERO, now + DAY)).await;
    let past: SignerRegistry::AlreadyExpired = refusal(admit(fixture.binding, signer, now)).await;
    assert_eq!(past.expiry, now);
}

#[tokio::test]
async fn refuses_to_be_deployed_without_a_guardian_or_verifiers() {
    let chain = Chain::start().await;
    let (guardian, verifier) = (chain.accounts[8], chain.accounts[9]);
    let listed = SignerRegistry::Verifier { verifier, tier: 0 };
    let nobody = SignerRegistry::Verifier {
        verifier: Address::ZERO,
        tier: 0,
    };
    let deploy = |guardian, verifiers| {
        SignerRegistry::deploy_builder(chain.provider.clone(), guardian, verifiers)
    };

    refusal::<SignerRegistry::ZeroAddress>(deploy(Address::ZERO, vec![listed.clone()])).await;
    refusal::<SignerRegistry::NoVerifiers>(deploy(guardian, vec![])).await;
    refusal::<SignerRegistry::ZeroAddress>(deploy(guardian, vec![nobody])).await;
    let duplicate: SignerRegistry::DuplicateVerifier =
        refusal(deploy(guardian, vec![listed.clone(), listed])).await;
    assert_eq!(duplicate.verifier, verifier);
    let gateway = CryptoDelegate::deploy_builder(chain.provider.clone(), Address::repeat_byte(1));
    let refused: CryptoDelegate::NoRegistry = refusal(gateway).await;
    assert_eq!(refused.registry, Address::repeat_byte(1));
}

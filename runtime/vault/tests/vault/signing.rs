use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use alloy_primitives::{Address, B256, Signature, U256, keccak256};
use cryptlet_vault::{
    Algorithm, Cost, KeyInfo, Purpose, RecoverableSignature, SecretKey, SigningError, guest_message,
};
use ed25519_dalek::{Verifier, VerifyingKey};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::{Fixture, name, passphrase};

const BINDING: [u8; 32] = [0xb1; 32];

fn recovered(signature: &RecoverableSignature, digest: &[u8; 32]) -> Address {
    Signature::from_scalars_and_parity(signature.r.into(), signature.s.into(), signature.y_parity)
        .recover_address_from_prehash(&B256::from(*digest))
        .unwrap()
}

#[test]
fn ecdsa_signatures_are_those_of_rfc_6979_on_secp256k1() {
    // RFC 6979 has no vectors for this curve; these are the ones that Bitcoin
    // libraries share.
    for (secret, message, signature) in [
        (
            "0000000000000000000000000000000000000000000000000000000000000001",
            "Satoshi Nakamoto",
            "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8\
             2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5",
        ),
        (
            "0000000000000000000000000000000000000000000000000000000000000001",
            "All those moments will be lost in time, like tears in rain. Time to die...",
            "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b\
             547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21",
        ),
    ] {
        let fixture = Fixture::new();
        fixture.imported("acme", Algorithm::Secp256k1, Purpose::Account, secret);
        let digest = Sha256::digest(message).into();
        let made = fixture
            .vault
            .delegate()
            .sign_digest("acme", Purpose::Account, &digest)
            .unwrap();
        assert_eq!(hex::encode(&made.to_bytes()[..64]), signature);
    }
}

#[test]
fn ed25519_signatures_are_those_of_rfc_8032() {
    let fixture = Fixture::new();
    // Section 7.1, test 1.
    fixture.imported(
        "log",
        Algorithm::Ed25519,
        Purpose::Attestation,
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    );
    let delegate = fixture.vault.delegate();
    assert_eq!(
        hex::encode(delegate.info("log").unwrap().public),
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    );
    assert_eq!(
        hex::encode(delegate.attest("log", b"").unwrap()),
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555\
         fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    );
}

#[test]
fn alloy_recovers_the_address_that_the_vault_states() {
    let fixture = Fixture::new();
    let info = fixture.unlocked("acme", Purpose::Delivery);
    let delegate = fixture.vault.delegate();
    for seed in 0..50_u8 {
        let digest = Sha256::digest([seed]).into();
        let signature = delegate
            .sign_digest("acme", Purpose::Delivery, &digest)
            .unwrap();
        assert_eq!(
            recovered(&signature, &digest),
            Address::from(info.address.unwrap().to_bytes())
        );
        let compact = Signature::from_raw(&signature.to_bytes()).unwrap();
        assert_eq!(compact.v(), signature.y_parity);
        // EIP-2: alloy would have to change a high s.
        assert_eq!(compact.normalize_s(), None);
    }
}

#[test]
fn a_key_signs_for_its_own_purpose_and_no_other() {
    let fixture = Fixture::new();
    for purpose in Purpose::ALL {
        fixture.unlocked(&purpose.to_string(), purpose);
    }
    let delegate = fixture.vault.delegate();
    let digest = [7; 32];
    for key in Purpose::ALL {
        let label = key.to_string();
        let attempts = [
            (Purpose::Attestation, delegate.attest(&label, b"m").err()),
            (Purpose::Witness, delegate.cosign(&label, b"m").err()),
            (
                Purpose::Guest,
                delegate.sign_guest_message(&label, &BINDING, b"m").err(),
            ),
        ]
        .into_iter()
        .chain(
            [Purpose::Delivery, Purpose::Account, Purpose::Counterparty]
                .map(|asked| (asked, delegate.sign_digest(&label, asked, &digest).err())),
        );
        for (asked, refusal) in attempts {
            if asked == key {
                assert_eq!(refusal, None);
            } else {
                let refusal = refusal.unwrap_or_else(|| panic!("{key} signed for {asked}"));
                assert_eq!(
                    refusal,
                    SigningError::WrongPurpose {
                        name: name(&label),
                        purpose: key,
                        asked
                    }
                );
                let shown = refusal.to_string();
                assert!(shown.contains(&format!("is for {key}")), "{shown}");
                assert!(shown.contains(&format!("sign for {asked}")), "{shown}");
            }
        }
        assert_eq!(delegate.signatures(&label), Ok(1));
    }
}

#[test]
fn guests_and_the_log_never_get_a_bare_digest_signed() {
    let fixture = Fixture::new();
    for purpose in [Purpose::Guest, Purpose::Attestation] {
        let key = purpose.to_string();
        fixture.unlocked(&key, purpose);
        assert_eq!(
            fixture
                .vault
                .delegate()
                .sign_digest(&key, purpose, &[7; 32]),
            Err(SigningError::BareDigest {
                name: key,
                asked: purpose
            })
        );
    }
}

#[test]
fn guest_messages_are_signed_under_their_prefix_and_binding() {
    let fixture = Fixture::new();
    let delegate = fixture.vault.delegate();
    let message = b"pay 5 to bob";
    let signed = guest_message(&BINDING, message);
    assert_eq!(
        signed,
        [b"cryptlet guest message v1\n".as_slice(), &BINDING, message].concat()
    );

    let info = fixture.unlocked("ecdsa", Purpose::Guest);
    let signature = delegate
        .sign_guest_message("ecdsa", &BINDING, message)
        .unwrap();
    assert_eq!(
        Signature::from_raw(&signature)
            .unwrap()
            .recover_address_from_prehash(&keccak256(&signed))
            .unwrap(),
        Address::from(info.address.unwrap().to_bytes())
    );

    fixture
        .vault
        .create(
            &name("edwards"),
            Algorithm::Ed25519,
            Purpose::Guest,
            &passphrase(),
            Cost::Light,
        )
        .unwrap();
    fixture
        .vault
        .unlock(&name("edwards"), &passphrase())
        .unwrap();
    let signature = delegate
        .sign_guest_message("edwards", &BINDING, message)
        .unwrap();
    let public = delegate.info("edwards").unwrap().public;
    let key = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
    let signature = ed25519_dalek::Signature::from_slice(&signature).unwrap();
    key.verify(&signed, &signature).unwrap();
    key.verify(message, &signature).unwrap_err();
    key.verify(&guest_message(&[0; 32], message), &signature)
        .unwrap_err();
}

#[test]
fn a_locked_vault_signs_nothing_through_any_delegate() {
    let fixture = Fixture::new();
    let early = fixture.vault.delegate();
    fixture.unlocked("acme", Purpose::Account);
    let late = early.clone();
    assert!(
        early
            .sign_digest("acme", Purpose::Account, &[7; 32])
            .is_ok()
    );
    fixture.vault.lock();
    for delegate in [early, late, fixture.vault.delegate()] {
        assert_eq!(
            delegate.sign_digest("acme", Purpose::Account, &[7; 32]),
            Err(SigningError::NotUnlocked {
                name: "acme".to_owned()
            })
        );
    }
    fixture.vault.unlock(&name("acme"), &passphrase()).unwrap();
    assert_eq!(fixture.vault.delegate().signatures("acme"), Ok(0));
}

#[test]
fn once_lock_returns_no_thread_signs_any_more() {
    let fixture = Fixture::new();
    fixture.unlocked("acme", Purpose::Account);
    let locked = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let delegate = fixture.vault.delegate();
                loop {
                    let was_locked = locked.load(Ordering::SeqCst);
                    let signed = delegate.sign_digest("acme", Purpose::Account, &[7; 32]);
                    match signed {
                        Ok(_) => assert!(!was_locked, "signed although locked"),
                        Err(_) => break,
                    }
                }
            });
        }
        while fixture.vault.delegate().signatures("acme").unwrap() < 20 {
            std::thread::yield_now();
        }
        fixture.vault.lock();
        locked.store(true, Ordering::SeqCst);
    });
}

#[test]
fn unlocking_twice_keeps_the_count_of_signatures() {
    let fixture = Fixture::new();
    fixture.unlocked("acme", Purpose::Account);
    let delegate = fixture.vault.delegate();
    delegate
        .sign_digest("acme", Purpose::Account, &[7; 32])
        .unwrap();
    fixture.vault.unlock(&name("acme"), &passphrase()).unwrap();
    assert_eq!(delegate.signatures("acme"), Ok(1));
}

#[test]
fn debug_output_names_keys_and_no_secrets() {
    let fixture = Fixture::new();
    let secret = "2a".repeat(32);
    fixture.imported("acme", Algorithm::Secp256k1, Purpose::Account, &secret);
    let shown = format!("{:?} {:?}", fixture.vault, fixture.vault.delegate());
    assert!(shown.contains("acme"));
    assert!(
        !shown.contains("2a2a") && !shown.contains("42, 42"),
        "{shown}"
    );
}

#[test]
fn refuses_secrets_outside_the_group() {
    // Zero, and the group's order (SEC 2 section 2.4.1).
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let mut bytes = [0; 32];
    assert!(SecretKey::from_bytes(Algorithm::Secp256k1, &bytes).is_err());
    hex::decode_to_slice(order, &mut bytes).unwrap();
    assert!(SecretKey::from_bytes(Algorithm::Secp256k1, &bytes).is_err());
    bytes[31] -= 1;
    assert!(SecretKey::from_bytes(Algorithm::Secp256k1, &bytes).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_key_and_digest_recover(secret in any::<[u8; 32]>(), digest in any::<[u8; 32]>()) {
        let Ok(key) = SecretKey::from_bytes(Algorithm::Secp256k1, &secret) else {
            return Ok(());
        };
        let address = Address::from(key.address().unwrap().to_bytes());
        let fixture = Fixture::new();
        fixture.imported(
            "acme",
            Algorithm::Secp256k1,
            Purpose::Counterparty,
            &hex::encode(secret),
        );
        let signature = fixture
            .vault
            .delegate()
            .sign_digest("acme", Purpose::Counterparty, &digest)
            .unwrap();
        prop_assert_eq!(recovered(&signature, &digest), address);
        let half_of_order = U256::from_str_radix(
            "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0",
            16,
        )
        .unwrap();
        prop_assert!(U256::from_be_bytes(signature.s) <= half_of_order);
    }
}

#[test]
fn a_key_that_took_the_place_of_another_does_not_attest_in_its_name() {
    let fixture = Fixture::new();
    let delegate = fixture.vault.delegate();
    let attest = |key: &KeyInfo| {
        let public = key.public.as_slice().try_into().unwrap();
        delegate.attest_with("log", public, b"checkpoint")
    };
    let old = fixture.unlocked("log", Purpose::Attestation);
    assert_eq!(attest(&old), delegate.attest("log", b"checkpoint"));

    fixture.vault.lock();
    fs::remove_file(fixture.file("log")).unwrap();
    let new = fixture.unlocked("log", Purpose::Attestation);
    assert_eq!(
        attest(&old),
        Err(SigningError::OtherKey { name: name("log") })
    );
    assert_eq!(delegate.signatures("log"), Ok(0));
    assert_eq!(attest(&new), delegate.attest("log", b"checkpoint"));
}

//! Checkpoints against the C2SP specifications, and against those who alter them.

use crate::scene::{ORIGIN, key, signed_for, signed_text, trusted};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cryptlet_attest::log::{
    CheckpointError, CheckpointKey, Hash, KeyError, SigningError, TrustedKey, cosign,
    open_checkpoint, sign_checkpoint, sign_root,
};
use cryptlet_attest::{Digest, Evidence};
use std::cell::Cell;

fn signed(size: u64) -> String {
    sign_checkpoint(ORIGIN, size, &Hash([7; 32]), &key(1)).unwrap()
}

#[test]
fn a_checkpoint_is_origin_size_root_and_one_signature() {
    let note = signed(3);
    let lines: Vec<&str> = note.split('\n').collect();
    assert_eq!(
        lines[..4],
        [ORIGIN, "3", &BASE64_STANDARD.encode([7; 32]), ""]
    );
    assert!(lines[4].starts_with(&format!("— {ORIGIN} ")), "{note}");
    assert_eq!(lines[5..], [""]);

    let checkpoint = open_checkpoint(&note, &[trusted(ORIGIN, &key(1))]).unwrap();
    assert_eq!(checkpoint.origin, ORIGIN);
    assert_eq!(checkpoint.size, 3);
    assert_eq!(checkpoint.root, Hash([7; 32]));
    assert_eq!(checkpoint.signer, trusted(ORIGIN, &key(1)).identity());
}

/// <https://c2sp.org/signed-note>, section "Verifier keys".
#[test]
fn the_key_of_the_signed_note_specification_has_its_id() {
    let public: [u8; 32] =
        hex::decode("e932791ae6e7a840a46164c904786426d5e7821dd8b29a00d61cae72afdd4da4")
            .unwrap()
            .try_into()
            .unwrap();
    let key = TrustedKey::new("example.com/foo", &public).unwrap();
    assert_eq!(key.identity(), "example.com/foo+530d903a");
    assert_eq!(key.to_string().parse(), Ok(key));
}

/// The note in the tests and documentation of Go's `golang.org/x/mod/sumdb/note`.
#[test]
fn the_note_of_gos_checksum_database_verifies() {
    let key: TrustedKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        .parse()
        .unwrap();
    let text = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n";
    let line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
    let bytes = BASE64_STANDARD.decode(line).unwrap();
    assert_eq!(bytes[..4], key.id().to_be_bytes());
    let signature: [u8; 64] = bytes[4..].try_into().unwrap();
    assert!(key.verifies(text.as_bytes(), &signature));
    assert!(!key.verifies(text.trim_end().as_bytes(), &signature));
}

/// The example of <https://c2sp.org/tlog-witness>: it is read, and its signers are named.
#[test]
fn the_example_of_the_specification_is_read_and_its_signers_are_named() {
    let note = "example.com/behind-the-sofa\n\
                20852163\n\
                CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
                \n\
                — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
                — example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";
    assert_eq!(
        open_checkpoint(note, &[trusted("example.com/behind-the-sofa", &key(1))]),
        Err(CheckpointError::UnknownSigner {
            signers: vec![
                "example.com/behind-the-sofa+033de0ae".to_owned(),
                "example.com/behind-the-sofa+a292ea05".to_owned(),
            ],
        })
    );
}

#[test]
fn extension_lines_are_refused_though_they_are_signed() {
    let note = signed(3);
    let (text, _) = note.split_once("\n\n").unwrap();
    let extended = signed_text(&format!("{text}\nan extension\n"));
    let found = open_checkpoint(&extended, &[trusted(ORIGIN, &key(1))]);
    assert_eq!(found.unwrap_err().name(), "malformed-checkpoint");
    let same = signed_text(&format!("{text}\n"));
    assert!(open_checkpoint(&same, &[trusted(ORIGIN, &key(1))]).is_ok());
}

#[test]
fn a_stranger_is_named_and_not_believed() {
    let stranger = key(2);
    let note = sign_checkpoint(ORIGIN, 3, &Hash([7; 32]), &stranger).unwrap();
    assert_eq!(
        open_checkpoint(&note, &[trusted(ORIGIN, &key(1))]),
        Err(CheckpointError::UnknownSigner {
            signers: vec![trusted(ORIGIN, &stranger).identity()],
        })
    );
    assert!(matches!(
        open_checkpoint(&note, &[]),
        Err(CheckpointError::UnknownSigner { .. })
    ));
}

#[test]
fn an_altered_text_is_a_false_signature() {
    let altered = signed(3).replacen("\n3\n", "\n4\n", 1);
    assert_eq!(
        open_checkpoint(&altered, &[trusted(ORIGIN, &key(1))]),
        Err(CheckpointError::BadSignature {
            key: trusted(ORIGIN, &key(1)).identity(),
        })
    );
}

#[test]
fn a_trusted_key_does_not_speak_for_another_log() {
    let other = "log.example.org/other";
    let trusted = trusted(ORIGIN, &key(1));
    let note = signed_for(other, &signed(3));
    assert_eq!(
        open_checkpoint(&note, std::slice::from_ref(&trusted)),
        Err(CheckpointError::OtherOrigin {
            origin: other.to_owned(),
            key: trusted.identity(),
        })
    );
}

#[test]
fn cosignatures_of_strangers_are_passed_over_and_false_ones_of_friends_are_not() {
    let note = signed(3);
    let cosigned = format!(
        "{note}— witness.example {}\n",
        BASE64_STANDARD.encode([9; 72])
    );
    let log = trusted(ORIGIN, &key(1));
    open_checkpoint(&cosigned, std::slice::from_ref(&log)).unwrap();

    let friend = trusted("friend.example", &key(3));
    let line = [&friend.id().to_be_bytes()[..], &[0; 64]].concat();
    let forged = format!("{note}— friend.example {}\n", BASE64_STANDARD.encode(line));
    assert_eq!(
        open_checkpoint(&forged, &[log, friend.clone()]),
        Err(CheckpointError::BadSignature {
            key: friend.identity(),
        })
    );
}

#[test]
fn text_that_is_not_a_checkpoint_is_malformed() {
    let note = signed(3);
    let trust = [trusted(ORIGIN, &key(1))];
    for text in [
        String::new(),
        "\n".to_owned(),
        note.trim_end().to_owned(),
        format!("{note}\n"),
        note.replacen("\n3\n", "\n03\n", 1),
        note.replace('\n', "\r\n"),
        "x".repeat(100_000),
    ] {
        assert!(
            matches!(
                open_checkpoint(&text, &trust),
                Err(CheckpointError::Malformed { .. })
            ),
            "{text:?}"
        );
    }
}

#[test]
fn a_log_cannot_be_named_so_that_its_checkpoint_reads_differently() {
    for origin in ["", "two words", "a+b", "line\nbreak", "tab\there"] {
        let error = sign_checkpoint(origin, 1, &Hash([0; 32]), &key(1)).unwrap_err();
        assert!(error.to_string().contains("cannot name a key"), "{error}");
    }
}

#[test]
fn a_key_holder_that_signs_wrongly_is_found_out_before_anything_leaves() {
    struct Faulty;
    impl CheckpointKey for Faulty {
        fn public(&self) -> [u8; 32] {
            key(1).public()
        }
        fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningError> {
            key(2).sign(message)
        }
    }
    let error = sign_checkpoint(ORIGIN, 1, &Hash([0; 32]), &Faulty).unwrap_err();
    assert!(error.to_string().contains("does not verify"), "{error}");
}

#[test]
fn a_key_holder_that_changes_its_public_key_signs_for_neither() {
    /// Shows another key from the second time on, and signs with that.
    #[derive(Default)]
    struct Fickle(Cell<u64>);
    impl CheckpointKey for Fickle {
        fn public(&self) -> [u8; 32] {
            let shown = key(1 + self.0.get().min(1) as u8).public();
            self.0.set(self.0.get() + 1);
            shown
        }
        fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningError> {
            key(2).sign(message)
        }
    }
    let root = Hash([0; 32]);
    let note = sign_checkpoint(ORIGIN, 1, &root, &key(1)).unwrap();
    let digest = Digest::from_bytes([0; 32]);
    for signed in [
        sign_checkpoint(ORIGIN, 1, &root, &Fickle::default()).map(drop),
        sign_root(ORIGIN, &root, &Fickle::default()).map(drop),
        cosign(&note, "witness.example", 1, &Fickle::default()).map(drop),
        Evidence::software(&Fickle::default(), digest, digest).map(drop),
    ] {
        let error = signed.unwrap_err();
        assert!(error.to_string().contains("does not verify"), "{error}");
    }
}

#[test]
fn a_mistyped_key_says_what_is_wrong_with_it() {
    let right = trusted(ORIGIN, &key(1)).to_string();
    let (name, rest) = right.split_once('+').unwrap();
    let (id, public) = rest.split_once('+').unwrap();
    let parse = |text: String| text.parse::<TrustedKey>().unwrap_err();
    assert!(matches!(
        parse(format!("{name}x+{id}+{public}")),
        KeyError::Id { .. }
    ));
    assert!(matches!(
        parse(format!("{name}+00000000+{public}")),
        KeyError::Id { .. }
    ));
    assert_eq!(
        parse(format!("{name}+{}+{public}", id.to_uppercase() + "0")),
        KeyError::Format
    );
    assert_eq!(parse(format!("{name}+{id}")), KeyError::Format);
    assert!(matches!(
        parse(format!("+{id}+{public}")),
        KeyError::Name { .. }
    ));
    let cosigner = BASE64_STANDARD.encode([&[4][..], &key(1).public()].concat());
    assert_eq!(
        parse(format!("{name}+{id}+{cosigner}")),
        KeyError::Algorithm { found: 4 }
    );
}

#[test]
fn a_key_under_which_anybody_can_sign_is_refused() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert_eq!(TrustedKey::new(ORIGIN, &neutral), Err(KeyError::Public));
    assert_eq!(TrustedKey::new(ORIGIN, &[0; 32]), Err(KeyError::Public));
}

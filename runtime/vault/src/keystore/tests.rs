use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const PBKDF2_VECTOR: &str = include_str!("../../tests/vectors/pbkdf2.json");
const SCRYPT_VECTOR: &str = include_str!("../../tests/vectors/scrypt.json");
const VECTOR_PASSPHRASE: &str = "testpassword";
const VECTOR_SECRET: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
const VECTOR_ADDRESS: &str = "0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b";

/// Counts upwards, so that a test can foresee what is drawn.
struct Counting(u8);

impl Randomness for Counting {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text).unwrap()
}

fn info(algorithm: Algorithm, purpose: Purpose, secret: &SecretKey) -> KeyInfo {
    KeyInfo {
        name: "acme-one".parse().unwrap(),
        algorithm,
        purpose,
        public: secret.public(),
        address: secret.address(),
    }
}

/// A key under a derivation that costs next to nothing.
fn cheap(algorithm: Algorithm, secret: &[u8; 32]) -> (Keystore, SecretKey) {
    let secret = SecretKey::from_bytes(algorithm, secret).unwrap();
    let derivation = Derivation::scrypt(2, 1, 1, vec![9; 32]).unwrap();
    let keystore = Keystore::encrypt_with(
        info(algorithm, Purpose::Guest, &secret),
        &secret,
        &passphrase("open sesame"),
        derivation,
        &mut Counting(0),
    )
    .unwrap();
    (keystore, secret)
}

fn vector_opens(text: &str) {
    let keystore = Keystore::parse(text.as_bytes()).unwrap();
    assert!(keystore.info().is_none());
    let secret = keystore.open(&passphrase(VECTOR_PASSPHRASE)).unwrap();
    assert_eq!(hex::encode(secret.to_bytes()), VECTOR_SECRET);
    assert_eq!(secret.address().unwrap().to_string(), VECTOR_ADDRESS);
    assert_eq!(
        keystore.open(&passphrase("testpassworD")).unwrap_err(),
        KeystoreError::WrongPassphrase
    );
}

#[test]
fn opens_the_pbkdf2_vector_of_the_specification() {
    vector_opens(PBKDF2_VECTOR);
}

#[test]
fn opens_the_scrypt_vector_of_the_specification() {
    vector_opens(SCRYPT_VECTOR);
}

#[test]
fn writes_the_vectors_back_unchanged() {
    for text in [PBKDF2_VECTOR, SCRYPT_VECTOR] {
        let written = Keystore::parse(text.as_bytes()).unwrap().to_json();
        let (before, after): (Value, Value) = (
            serde_json::from_str(text).unwrap(),
            serde_json::from_str(&written).unwrap(),
        );
        assert_eq!(before, after);
    }
}

#[test]
fn standard_cost_is_what_wallets_use() {
    assert_eq!(
        Derivation::new(Cost::Standard, [0; 32]),
        Derivation::scrypt(1 << 18, 8, 1, vec![0; 32]).unwrap()
    );
}

#[test]
fn writes_the_file_that_the_format_prescribes() {
    let secret = SecretKey::from_bytes(Algorithm::Secp256k1, &[0x11; 32]).unwrap();
    let keystore = Keystore::encrypt(
        "acme-one".parse().unwrap(),
        Purpose::Delivery,
        &secret,
        &passphrase("open sesame"),
        Cost::Light,
        &mut Counting(0),
    )
    .unwrap();
    assert_eq!(
        keystore.to_json(),
        include_str!("../../tests/vectors/written.json")
    );
}

#[test]
fn a_changed_byte_never_yields_another_key_or_description() {
    for algorithm in Algorithm::ALL {
        let (keystore, secret) = cheap(algorithm, &[0x2a; 32]);
        let text = keystore.to_json().into_bytes();
        let (mut refused, mut harmless) = (0, 0);
        for position in 0..text.len() {
            for change in [0x01, 0x02, 0x10, 0x20] {
                let mut changed = text.clone();
                changed[position] ^= change;
                let opened = Keystore::parse(&changed).and_then(|read| {
                    let secret = read.open(&passphrase("open sesame"))?;
                    Ok((read, secret))
                });
                match opened {
                    Err(_) => refused += 1,
                    // The vault takes no file that does not describe its key.
                    Ok((read, _)) if read.info().is_none() => refused += 1,
                    Ok((read, opened)) => {
                        harmless += 1;
                        assert_eq!(opened.to_bytes(), secret.to_bytes());
                        assert_eq!(read.info(), keystore.info());
                    }
                }
            }
        }
        // White space, the case of digits, the file's own id.
        assert!(refused > harmless * 4, "{refused} and {harmless}");
    }
}

#[test]
fn every_word_about_a_key_is_sealed() {
    let (keystore, _) = cheap(Algorithm::Secp256k1, &[0x2a; 32]);
    let (other, _) = cheap(Algorithm::Secp256k1, &[0x2b; 32]);
    let other: Value = serde_json::from_str(&other.to_json()).unwrap();
    let changes: [(&str, Value, &str); 6] = [
        ("/cryptlet/name", json!("acme-two"), "cryptlet"),
        ("/cryptlet/purpose", json!("delivery"), "cryptlet"),
        (
            "/cryptlet/public",
            other["cryptlet"]["public"].clone(),
            "cryptlet",
        ),
        (
            "/cryptlet/seal",
            other["cryptlet"]["seal"].clone(),
            "cryptlet",
        ),
        (
            "/crypto/cipherparams/iv",
            json!("00".repeat(16)),
            "cryptlet",
        ),
        ("/address", other["address"].clone(), "address"),
    ];
    for (pointer, value, member) in changes {
        let mut document: Value = serde_json::from_str(&keystore.to_json()).unwrap();
        *document.pointer_mut(pointer).unwrap() = value;
        let read = Keystore::parse(document.to_string().as_bytes()).unwrap();
        assert_eq!(
            read.open(&passphrase("open sesame")).unwrap_err(),
            KeystoreError::Altered { member },
            "{pointer}"
        );
    }
}

#[test]
fn notices_a_changed_vector_in_a_wallets_file_by_its_address() {
    let (keystore, secret) = cheap(Algorithm::Secp256k1, &[0x2a; 32]);
    let mut document: Value = serde_json::from_str(&keystore.to_json()).unwrap();
    document.as_object_mut().unwrap().remove("cryptlet");
    let parse = |document: &Value| Keystore::parse(document.to_string().as_bytes()).unwrap();
    let opened = parse(&document).open(&passphrase("open sesame")).unwrap();
    assert_eq!(opened.to_bytes(), secret.to_bytes());

    document["crypto"]["cipherparams"]["iv"] = json!("00".repeat(16));
    assert_eq!(
        parse(&document)
            .open(&passphrase("open sesame"))
            .unwrap_err(),
        KeystoreError::Altered { member: "address" }
    );
}

#[test]
fn reads_the_variations_of_other_wallets() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 5] = [
        ("an address with prefix and checksum", |file| {
            file["address"] = json!(VECTOR_ADDRESS);
        }),
        ("members of their own", |file| {
            file["x-ethers"] = json!({"client": "ethers/6"});
            file["crypto"]["kdfparams"]["extra"] = json!(1);
        }),
        ("no id", |file| {
            file.as_object_mut().unwrap().remove("id");
        }),
        ("`Crypto` with a capital", |file| {
            let crypto = file["crypto"].take();
            file.as_object_mut().unwrap().remove("crypto");
            file["Crypto"] = crypto;
        }),
        ("more derived bytes than are used", |file| {
            file["crypto"]["kdfparams"]["dklen"] = json!(64);
        }),
    ];
    for (what, change) in changes {
        let mut file: Value = serde_json::from_str(PBKDF2_VECTOR).unwrap();
        change(&mut file);
        let secret = Keystore::parse(file.to_string().as_bytes())
            .and_then(|keystore| keystore.open(&passphrase(VECTOR_PASSPHRASE)))
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(hex::encode(secret.to_bytes()), VECTOR_SECRET, "{what}");
    }
}

#[test]
fn refuses_malformed_files_and_says_what_is_wrong() {
    let (keystore, _) = cheap(Algorithm::Secp256k1, &[0x2a; 32]);
    let ours = keystore.to_json();
    let cases: [(&str, Value, &str); 21] = [
        ("/version", json!(1), "version 1"),
        ("/version", json!("3"), "invalid type"),
        ("/address", json!("0x12"), "`address` is not 40 hex digits"),
        ("/id", json!("not-an-id"), "not the JSON"),
        ("/crypto", json!(null), "not the JSON"),
        ("/crypto/cipher", json!("aes-128-cbc"), "aes-128-cbc"),
        ("/crypto/cipherparams/iv", json!("00"), "32 hex digits"),
        ("/crypto/ciphertext", json!(""), "64 hex digits"),
        (
            "/crypto/ciphertext",
            json!("zz".repeat(32)),
            "64 hex digits",
        ),
        ("/crypto/mac", json!("00".repeat(31)), "64 hex digits"),
        ("/crypto/kdf", json!("argon2id"), "argon2id"),
        ("/crypto/kdf", json!("pbkdf2"), "crypto.kdfparams.prf"),
        ("/crypto/kdfparams/dklen", json!(16), "at least 32"),
        ("/crypto/kdfparams/n", json!(3), "power of two"),
        ("/crypto/kdfparams/n", json!(1_u64 << 40), "exceeds"),
        ("/crypto/kdfparams/n", json!(-2), "not the JSON"),
        ("/crypto/kdfparams/n", json!(2.5), "not the JSON"),
        ("/crypto/kdfparams/r", json!(null), "crypto.kdfparams.r"),
        ("/crypto/kdfparams/salt", json!("0"), "pairs of hex digits"),
        ("/cryptlet/purpose", json!("attestation"), "cannot use"),
        (
            "/cryptlet/public",
            json!("05".repeat(33)),
            "a point of secp256k1",
        ),
    ];
    for (pointer, value, says) in cases {
        let mut document: Value = serde_json::from_str(&ours).unwrap();
        let shown = value.to_string();
        *document.pointer_mut(pointer).unwrap() = value;
        let error = Keystore::parse(document.to_string().as_bytes()).unwrap_err();
        assert!(
            error.to_string().contains(says),
            "{pointer} = {shown}: {error}"
        );
    }
}

#[test]
fn refuses_texts_that_are_no_documents() {
    let (keystore, _) = cheap(Algorithm::Ed25519, &[0x2a; 32]);
    let ours = keystore.to_json();
    let twice = ours.replacen("\"version\": 3", "\"version\": 3, \"version\": 3", 1);
    let unknown = ours.replacen("\"seal\"", "\"more\": 1, \"seal\"", 1);
    let deep = "[".repeat(10_000);
    let long = " ".repeat(MAX_KEYSTORE_BYTES + 1);
    for text in [
        "",
        "{}",
        "[]",
        "null",
        "\u{feff}{}",
        &twice,
        &unknown,
        &deep,
    ] {
        let error = Keystore::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(error, KeystoreError::Malformed { .. }), "{error}");
    }
    assert_eq!(
        Keystore::parse(long.as_bytes()),
        Err(KeystoreError::TooLong)
    );
    for length in 0..ours.trim_end().len() {
        assert!(Keystore::parse(&ours.as_bytes()[..length]).is_err());
    }
}

#[test]
fn quotes_only_the_beginning_of_a_long_member() {
    let (keystore, _) = cheap(Algorithm::Ed25519, &[0x2a; 32]);
    for pointer in ["/crypto/cipher", "/crypto/kdf", "/version"] {
        let mut document: Value = serde_json::from_str(&keystore.to_json()).unwrap();
        *document.pointer_mut(pointer).unwrap() = json!("x".repeat(50_000));
        let error = Keystore::parse(document.to_string().as_bytes()).unwrap_err();
        assert!(error.to_string().len() < 400, "{pointer}");
    }
}

#[test]
fn debug_output_has_no_secret() {
    let (keystore, secret) = cheap(Algorithm::Secp256k1, &[0x2a; 32]);
    let shown = format!("{keystore:?} {secret:?} {:?}", passphrase("open sesame"));
    assert!(!shown.contains(&"2a".repeat(4)) && !shown.contains("42, 42"));
    assert!(!shown.contains("sesame"));
    assert!(shown.contains("redacted"));
}

proptest! {
    #[test]
    fn opens_what_it_wrote(
        bytes in any::<[u8; 32]>(),
        ed25519 in any::<bool>(),
        text in "[^\r\n]{1,40}",
        seed in any::<u8>(),
    ) {
        let algorithm = if ed25519 { Algorithm::Ed25519 } else { Algorithm::Secp256k1 };
        let Ok(secret) = SecretKey::from_bytes(algorithm, &bytes) else {
            return Ok(());
        };
        let passphrase = passphrase(&text);
        let derivation = Derivation::scrypt(4, 1, 1, vec![seed; 32]).unwrap();
        let written = Keystore::encrypt_with(
            info(algorithm, Purpose::Guest, &secret),
            &secret,
            &passphrase,
            derivation,
            &mut Counting(seed),
        )
        .unwrap();
        let json = written.to_json();
        let read = Keystore::parse(json.as_bytes()).unwrap();
        prop_assert_eq!(&read, &written);
        prop_assert_eq!(read.to_json(), json);
        prop_assert_eq!(read.open(&passphrase).unwrap().to_bytes(), secret.to_bytes());
    }

    #[test]
    fn another_passphrase_does_not_open_it(text in "[a-z ]{1,20}") {
        prop_assume!(text != "open sesame");
        let (keystore, _) = cheap(Algorithm::Ed25519, &[0x2a; 32]);
        prop_assert_eq!(
            keystore.open(&passphrase(&text)).unwrap_err(),
            KeystoreError::WrongPassphrase
        );
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Keystore::parse(&bytes);
    }
}

//! The JSON of a keystore file.

use serde::{Deserialize, Serialize};

use super::{Description, Keystore, KeystoreError, MAX_KEYSTORE_BYTES};
use crate::address::EthereumAddress;
use crate::derivation::Derivation;
use crate::key::{Algorithm, KeyInfo, KeyName, Purpose};

const CIPHER: &str = "aes-128-ctr";
const SCRYPT: &str = "scrypt";
const PBKDF2: &str = "pbkdf2";
const PSEUDO_RANDOM_FUNCTION: &str = "hmac-sha256";
const VERSION: u64 = 3;
const DERIVED_LENGTH: u64 = 32;
const LONGEST_QUOTE: usize = 200;

#[derive(Serialize, Deserialize)]
struct Document {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    // Some early wallets wrote a capital.
    #[serde(alias = "Crypto")]
    crypto: Crypto,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<uuid::Uuid>,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cryptlet: Option<Cryptlet>,
}

#[derive(Serialize, Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParameters,
    ciphertext: String,
    kdf: String,
    kdfparams: DerivationParameters,
    mac: String,
}

#[derive(Serialize, Deserialize)]
struct CipherParameters {
    iv: String,
}

/// The parameters of both functions; which must be there depends on `kdf`.
#[derive(Default, Serialize, Deserialize)]
struct DerivationParameters {
    dklen: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prf: Option<String>,
    salt: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cryptlet {
    name: KeyName,
    algorithm: Algorithm,
    purpose: Purpose,
    public: String,
    seal: String,
}

pub(super) fn parse(text: &[u8]) -> Result<Keystore, KeystoreError> {
    if text.len() > MAX_KEYSTORE_BYTES {
        return Err(KeystoreError::TooLong);
    }
    let document: Document =
        serde_json::from_slice(text).map_err(|error| KeystoreError::Malformed {
            reason: shortened(&error.to_string()),
        })?;
    if document.version != VERSION {
        return Err(KeystoreError::Version {
            found: document.version,
        });
    }
    let crypto = document.crypto;
    if crypto.cipher != CIPHER {
        return Err(KeystoreError::Unsupported {
            member: "crypto.cipher",
            found: shortened(&crypto.cipher),
            supported: CIPHER,
        });
    }
    let address = document.address.map(address).transpose()?;
    Ok(Keystore {
        id: document.id,
        derivation: derivation(&crypto.kdf, crypto.kdfparams)?,
        vector: fixed("crypto.cipherparams.iv", &crypto.cipherparams.iv)?,
        ciphertext: fixed("crypto.ciphertext", &crypto.ciphertext)?,
        mac: fixed("crypto.mac", &crypto.mac)?,
        description: document.cryptlet.map(description).transpose()?,
        address,
    })
}

fn address(text: String) -> Result<EthereumAddress, KeystoreError> {
    text.parse().map_err(|_| KeystoreError::Member {
        member: "address",
        expected: "40 hex digits",
    })
}

fn description(said: Cryptlet) -> Result<Description, KeystoreError> {
    let (purpose, algorithm) = (said.purpose, said.algorithm);
    if !purpose.accepts(algorithm) {
        return Err(KeystoreError::Unsuited { purpose, algorithm });
    }
    let member = "cryptlet.public";
    let (public, address) = match algorithm {
        Algorithm::Ed25519 => (fixed::<32>(member, &said.public)?.to_vec(), None),
        Algorithm::Secp256k1 => {
            let public = fixed::<33>(member, &said.public)?;
            let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(&public).map_err(|_| {
                KeystoreError::Member {
                    member,
                    expected: "a point of secp256k1",
                }
            })?;
            (public.to_vec(), Some(EthereumAddress::of(&key)))
        }
    };
    Ok(Description {
        info: KeyInfo {
            name: said.name,
            algorithm,
            purpose,
            public,
            address,
        },
        seal: fixed("cryptlet.seal", &said.seal)?,
    })
}

fn derivation(
    function: &str,
    parameters: DerivationParameters,
) -> Result<Derivation, KeystoreError> {
    let needs = |member| KeystoreError::Member {
        member,
        expected: "there, as a whole number",
    };
    // More may be derived than is used: the first 32 bytes are the same.
    if parameters.dklen < DERIVED_LENGTH {
        return Err(KeystoreError::Member {
            member: "crypto.kdfparams.dklen",
            expected: "at least 32",
        });
    }
    let salt = hex::decode(&parameters.salt).map_err(|_| KeystoreError::Member {
        member: "crypto.kdfparams.salt",
        expected: "pairs of hex digits",
    })?;
    match function {
        SCRYPT => Derivation::scrypt(
            parameters.n.ok_or_else(|| needs("crypto.kdfparams.n"))?,
            parameters.r.ok_or_else(|| needs("crypto.kdfparams.r"))?,
            parameters.p.ok_or_else(|| needs("crypto.kdfparams.p"))?,
            salt,
        ),
        PBKDF2 => {
            let prf = parameters.prf.unwrap_or_default();
            if prf != PSEUDO_RANDOM_FUNCTION {
                return Err(KeystoreError::Unsupported {
                    member: "crypto.kdfparams.prf",
                    found: shortened(&prf),
                    supported: PSEUDO_RANDOM_FUNCTION,
                });
            }
            let rounds = parameters.c.ok_or_else(|| needs("crypto.kdfparams.c"))?;
            Derivation::pbkdf2(rounds, salt)
        }
        _ => Err(KeystoreError::Unsupported {
            member: "crypto.kdf",
            found: shortened(function),
            supported: "scrypt and pbkdf2",
        }),
    }
}

/// The beginning of a text that a file brought along, enough to recognise it.
fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_QUOTE).collect()
}

fn fixed<const N: usize>(member: &'static str, digits: &str) -> Result<[u8; N], KeystoreError> {
    let expected = match N {
        16 => "32 hex digits",
        32 => "64 hex digits",
        33 => "66 hex digits",
        _ => "hex digits of its length",
    };
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes)
        .map_err(|_| KeystoreError::Member { member, expected })?;
    Ok(bytes)
}

pub(super) fn to_json(keystore: &Keystore) -> String {
    let (kdf, kdfparams) = match &keystore.derivation {
        Derivation::Scrypt { log_n, r, p, salt } => (
            SCRYPT,
            DerivationParameters {
                dklen: DERIVED_LENGTH,
                n: Some(1 << log_n),
                r: Some((*r).into()),
                p: Some((*p).into()),
                salt: hex::encode(salt),
                ..DerivationParameters::default()
            },
        ),
        Derivation::Pbkdf2 { rounds, salt } => (
            PBKDF2,
            DerivationParameters {
                dklen: DERIVED_LENGTH,
                c: Some((*rounds).into()),
                prf: Some(PSEUDO_RANDOM_FUNCTION.to_owned()),
                salt: hex::encode(salt),
                ..DerivationParameters::default()
            },
        ),
    };
    let document = Document {
        // Wallets write the digits alone.
        address: keystore
            .address
            .map(|address| hex::encode(address.to_bytes())),
        crypto: Crypto {
            cipher: CIPHER.to_owned(),
            cipherparams: CipherParameters {
                iv: hex::encode(keystore.vector),
            },
            ciphertext: hex::encode(keystore.ciphertext),
            kdf: kdf.to_owned(),
            kdfparams,
            mac: hex::encode(keystore.mac),
        },
        id: keystore.id,
        version: VERSION,
        cryptlet: keystore.description.as_ref().map(|description| Cryptlet {
            name: description.info.name.clone(),
            algorithm: description.info.algorithm,
            purpose: description.info.purpose,
            public: hex::encode(&description.info.public),
            seal: hex::encode(description.seal),
        }),
    };
    let mut text = serde_json::to_string_pretty(&document)
        .expect("strings and numbers can always be written as JSON");
    text.push('\n');
    text
}

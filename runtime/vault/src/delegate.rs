//! Signing on behalf of keys that stay in the vault.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use sha3::{Digest, Keccak256};

use crate::key::{KeyInfo, KeyName, Purpose};
use crate::secret::SecretKey;
use crate::signature::RecoverableSignature;

/// What every signed guest message begins with. No transaction, EIP-191 or
/// EIP-712 message and no log checkpoint of a fabric begins so.
pub const GUEST_MESSAGE_PREFIX: &[u8] = b"cryptlet guest message v1\n";

/// The bytes that are signed when a guest asks for its message to be signed:
/// [`GUEST_MESSAGE_PREFIX`], then the 32 bytes of the binding's id, then the
/// message. So no guest can sign for another binding, nor anything that means
/// something elsewhere.
pub fn guest_message(binding: &[u8; 32], message: &[u8]) -> Vec<u8> {
    [GUEST_MESSAGE_PREFIX, binding, message].concat()
}

/// The unlocked keys of a vault, shared by all of its delegates.
#[derive(Default)]
pub(crate) struct Keyring(RwLock<BTreeMap<KeyName, UnlockedKey>>);

struct UnlockedKey {
    info: KeyInfo,
    secret: SecretKey,
    signatures: AtomicU64,
}

impl UnlockedKey {
    fn attest(&self, message: &[u8]) -> Result<[u8; 64], SigningError> {
        self.sign(Purpose::Attestation, |secret| {
            secret
                .sign_ed25519(message)
                .expect("keys for attestation are Ed25519 keys, as `Purpose::accepts` ensures")
        })
    }

    fn sign<T>(
        &self,
        asked: Purpose,
        sign: impl FnOnce(&SecretKey) -> T,
    ) -> Result<T, SigningError> {
        if self.info.purpose != asked {
            return Err(SigningError::WrongPurpose {
                name: self.info.name.clone(),
                purpose: self.info.purpose,
                asked,
            });
        }
        let signature = sign(&self.secret);
        self.signatures.fetch_add(1, Ordering::Relaxed);
        Ok(signature)
    }
}

impl Keyring {
    pub(crate) fn insert(&self, info: KeyInfo, secret: SecretKey) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // The same key unlocked again keeps its count.
        if keys.get(&info.name).is_none_or(|known| known.info != info) {
            let unlocked = UnlockedKey {
                info,
                secret,
                signatures: AtomicU64::new(0),
            };
            keys.insert(unlocked.info.name.clone(), unlocked);
        }
    }

    /// Drops all secrets. Waits for signatures that are being made.
    pub(crate) fn clear(&self) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn with_key<T>(
        &self,
        name: &str,
        act: impl FnOnce(&UnlockedKey) -> Result<T, SigningError>,
    ) -> Result<T, SigningError> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match keys.get(name) {
            Some(key) => act(key),
            None => Err(SigningError::NotUnlocked {
                name: name.to_owned(),
            }),
        }
    }
}

/// Signs for keys that it names and nobody holds.
///
/// Clones are cheap and share the keys of one [`Vault`](crate::Vault): what the
/// vault unlocks or locks is unlocked or locked for all of them. Each key signs
/// for its [`Purpose`] alone.
#[derive(Clone)]
pub struct SignatureDelegate {
    keyring: Arc<Keyring>,
}

/// A signature was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// No unlocked key has that name.
    #[error("no key `{name}` is unlocked; unlock it, or look for its name with `cryptlet key ls`")]
    NotUnlocked {
        /// The name asked for.
        name: String,
    },
    /// The key is there, and for something else.
    #[error(
        "key `{name}` is for {purpose} and refuses to sign for {asked}; use a key made for {asked}"
    )]
    WrongPurpose {
        /// The key.
        name: KeyName,
        /// What it was made for.
        purpose: Purpose,
        /// What it was asked to sign for.
        asked: Purpose,
    },
    /// Another key has that name than when it was asked for first.
    #[error(
        "another key is unlocked as `{name}` than before, and it does not sign in its place; start again to sign with it"
    )]
    OtherKey {
        /// The name.
        name: KeyName,
    },
    /// Nothing is signed as a bare digest for that purpose.
    #[error("nothing is signed as a bare digest for {asked}, so key `{name}` was not used")]
    BareDigest {
        /// The key.
        name: String,
        /// What it was asked to sign for.
        asked: Purpose,
    },
}

impl SignatureDelegate {
    pub(crate) fn new(keyring: Arc<Keyring>) -> Self {
        Self { keyring }
    }

    /// Signs a log checkpoint or other attested statement with an Ed25519 key
    /// for [`Purpose::Attestation`]. `message` is signed as it is (RFC 8032),
    /// so the caller gives it a form that cannot be mistaken.
    ///
    /// # Errors
    /// When the key is not unlocked or for another purpose.
    pub fn attest(&self, name: &str, message: &[u8]) -> Result<[u8; 64], SigningError> {
        self.keyring.with_key(name, |key| key.attest(message))
    }

    /// The same with the key whose public half is `public`, and with no other of that name: a vault that is
    /// locked and unlocked again may have another one by then.
    ///
    /// # Errors
    /// As [`attest`](Self::attest), or when another key has the name now.
    pub fn attest_with(
        &self,
        name: &str,
        public: &[u8; 32],
        message: &[u8],
    ) -> Result<[u8; 64], SigningError> {
        self.keyring.with_key(name, |key| {
            if key.info.public != public {
                return Err(SigningError::OtherKey {
                    name: key.info.name.clone(),
                });
            }
            key.attest(message)
        })
    }

    /// Cosigns a checkpoint of somebody else's log with an Ed25519 key for
    /// [`Purpose::Witness`]. `message` is signed as it is (RFC 8032): what
    /// [tlog-cosignature](https://c2sp.org/tlog-cosignature) puts together, which
    /// begins like no checkpoint.
    ///
    /// # Errors
    /// When the key is not unlocked or for another purpose.
    pub fn cosign(&self, name: &str, message: &[u8]) -> Result<[u8; 64], SigningError> {
        self.sign(name, Purpose::Witness, |secret| {
            secret
                .sign_ed25519(message)
                .expect("keys of witnesses are Ed25519 keys, as `Purpose::accepts` ensures")
        })
    }

    /// Signs a digest with a secp256k1 key: deterministic (RFC 6979) and with
    /// the lower of the two values of `s`. `purpose` says what the digest
    /// stands for, and must be the key's own.
    ///
    /// # Errors
    /// When the key is not unlocked, is for another purpose, or `purpose` is
    /// one that signs no bare digests.
    pub fn sign_digest(
        &self,
        name: &str,
        purpose: Purpose,
        digest: &[u8; 32],
    ) -> Result<RecoverableSignature, SigningError> {
        if !purpose.signs_digests() {
            return Err(SigningError::BareDigest {
                name: name.to_owned(),
                asked: purpose,
            });
        }
        self.sign(name, purpose, |secret| {
            secret
                .sign_secp256k1(digest)
                .expect("keys that sign digests are secp256k1 keys, as `Purpose::accepts` ensures")
        })
    }

    /// Signs a message of a guest, under a prefix that keeps it apart from all
    /// else ([`guest_message`]), with a key for [`Purpose::Guest`].
    ///
    /// An Ed25519 key signs those bytes (64 bytes result), a secp256k1 key
    /// their Keccak-256 hash (65 bytes, as [`RecoverableSignature::to_bytes`]).
    ///
    /// # Errors
    /// When the key is not unlocked or for another purpose.
    pub fn sign_guest_message(
        &self,
        name: &str,
        binding: &[u8; 32],
        message: &[u8],
    ) -> Result<Vec<u8>, SigningError> {
        self.sign(name, Purpose::Guest, |secret| {
            let message = guest_message(binding, message);
            match secret.sign_ed25519(&message) {
                Some(signature) => signature.to_vec(),
                None => secret
                    .sign_secp256k1(&Keccak256::digest(&message).into())
                    .expect("a key that is not of Ed25519 is of secp256k1")
                    .to_bytes()
                    .to_vec(),
            }
        })
    }

    /// What is public about an unlocked key.
    ///
    /// # Errors
    /// When no unlocked key has that name.
    pub fn info(&self, name: &str) -> Result<KeyInfo, SigningError> {
        self.keyring.with_key(name, |key| Ok(key.info.clone()))
    }

    /// How many signatures an unlocked key has made since it was unlocked.
    ///
    /// # Errors
    /// When no unlocked key has that name.
    pub fn signatures(&self, name: &str) -> Result<u64, SigningError> {
        self.keyring
            .with_key(name, |key| Ok(key.signatures.load(Ordering::Relaxed)))
    }

    fn sign<T>(
        &self,
        name: &str,
        asked: Purpose,
        sign: impl FnOnce(&SecretKey) -> T,
    ) -> Result<T, SigningError> {
        self.keyring.with_key(name, |key| key.sign(asked, sign))
    }
}

impl fmt::Debug for SignatureDelegate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self
            .keyring
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("SignatureDelegate")
            .field(
                "keys",
                &keys.keys().map(KeyName::as_str).collect::<Vec<_>>(),
            )
            .finish()
    }
}

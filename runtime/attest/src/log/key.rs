//! Keys that sign checkpoints, and keys that an auditor trusts.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Ed25519 in a C2SP signed note.
const ED25519: u8 = 1;

/// Signs checkpoints and evidence. The secret stays wherever it lives: in a vault,
/// in a token, in an enclave.
pub trait CheckpointKey {
    /// The Ed25519 public key.
    fn public(&self) -> [u8; 32];

    /// The Ed25519 signature (RFC 8032, no pre-hashing) of `message`.
    ///
    /// # Errors
    ///
    /// If whoever holds the secret cannot or will not sign.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningError>;

    /// Whether each signature is verified before anybody gets it: yes, unless the key says otherwise.
    ///
    /// A token, an enclave or another process may sign with another key than the one that it shows, or
    /// be faulty in any other way, and nobody here would know: its answers are verified. A secret that
    /// lies in this process, whose public half was computed from it here, can sign falsely only by a fault
    /// of this machine; that is to be found before a checkpoint is put where others find it, which is seldomer
    /// than one is made. Verifying costs more than twice what signing does.
    fn needs_verification(&self) -> bool {
        true
    }
}

impl CheckpointKey for SigningKey {
    fn public(&self) -> [u8; 32] {
        self.verifying_key().to_bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningError> {
        self.try_sign(message)
            .map(|signature| signature.to_bytes())
            .map_err(|error| SigningError::new(error.to_string()))
    }

    /// A `SigningKey` computes its public half itself.
    fn needs_verification(&self) -> bool {
        false
    }
}

/// Why something was not signed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not signed: {reason}")]
pub struct SigningError {
    reason: String,
}

impl SigningError {
    /// The holder of the secret says why.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

/// Signs, and does not let a signature out that nobody could verify under `public`, by which the
/// caller names the signer; see [`CheckpointKey::needs_verification`]. A key that is asked for its public half
/// again may give another one.
pub(crate) fn sign_checked(
    key: &dyn CheckpointKey,
    public: &VerifyingKey,
    message: &[u8],
) -> Result<[u8; 64], SigningError> {
    let signature = key.sign(message)?;
    if !key.needs_verification() || is_signed(public, message, &signature) {
        Ok(signature)
    } else {
        Err(SigningError::new(
            "the signature does not verify with the public key; the key's holder is faulty",
        ))
    }
}

/// Strict verification: no small-order keys, one signature per message and key.
pub(crate) fn is_signed(public: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    public.verify_strict(message, &signature).is_ok()
}

/// A log's key as an auditor holds it. Written `name+id+key`, like every verifier
/// key of [C2SP signed notes](https://c2sp.org/signed-note): the name is the log's
/// origin, the id is derived from name and key.
///
/// ```
/// use cryptlet_attest::TrustedKey;
///
/// let key: TrustedKey =
///     "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse()?;
/// assert_eq!(key.identity(), "PeterNeumann+c74f20a3");
/// # Ok::<(), cryptlet_attest::KeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TrustedKey(NoteKey);

/// Why something is not a key that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Empty, or with white space, control characters or a plus sign in it.
    #[error(
        "`{name}` cannot name a key: a name has at least one character and no white space, control character or `+`"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// Not `name+id+key`.
    #[error(
        "a key is written `name+id+key`: the id in 8 lower-case hexadecimal digits, the key in base64"
    )]
    Format,
    /// The id belongs to another name or key.
    #[error(
        "the id {found} does not belong to this name and key, whose id is {expected}; one of the three was mistyped"
    )]
    Id {
        /// The id as computed.
        expected: String,
        /// The id as written.
        found: String,
    },
    /// The key of another kind of signer, or for another algorithm than Ed25519.
    #[error(
        "the key has signature type {found}, but a log's key has type 1, and a witness' type 4: both Ed25519"
    )]
    Algorithm {
        /// The signature type.
        found: u8,
    },
    /// Not a point of the curve, or one under which anybody can sign.
    #[error("the 32 bytes are not a usable Ed25519 public key")]
    Public,
}

impl TrustedKey {
    /// The key of the log `name`.
    ///
    /// # Errors
    ///
    /// If `name` cannot name a key or `public` is not an Ed25519 public key.
    pub fn new(name: &str, public: &[u8; 32]) -> Result<Self, KeyError> {
        NoteKey::new(name, public, ED25519).map(Self)
    }

    /// The key's name: the origin of the log that it signs.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The id that its signatures carry.
    pub fn id(&self) -> u32 {
        self.0.id
    }

    /// The Ed25519 public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.public.to_bytes()
    }

    /// `name+id`: how a receipt's host part names the key.
    pub fn identity(&self) -> String {
        self.0.identity()
    }

    /// The signature of `message` by `key`, which this is the public half of.
    pub(super) fn sign(
        &self,
        key: &dyn CheckpointKey,
        message: &[u8],
    ) -> Result<[u8; 64], SigningError> {
        sign_checked(key, &self.0.public, message)
    }

    /// Whether `signature` is this key's, of `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verifies(message, signature)
    }
}

impl fmt::Display for TrustedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for TrustedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TrustedKey({self})")
    }
}

impl FromStr for TrustedKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        NoteKey::parse(text, ED25519).map(Self)
    }
}

/// The named public key of one kind of signer.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct NoteKey {
    pub(super) name: String,
    pub(super) id: u32,
    pub(super) public: VerifyingKey,
    algorithm: u8,
}

impl NoteKey {
    pub(super) fn new(name: &str, public: &[u8; 32], algorithm: u8) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name {
                name: name.to_owned(),
            });
        }
        let public = VerifyingKey::from_bytes(public).map_err(|_| KeyError::Public)?;
        if public.is_weak() {
            return Err(KeyError::Public);
        }
        Ok(Self {
            name: name.to_owned(),
            id: signed_note::key_id(name, &typed(algorithm, &public)),
            public,
            algorithm,
        })
    }

    pub(super) fn parse(text: &str, algorithm: u8) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Format)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::Format)?;
        let is_id = id.len() == 8
            && id
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let bytes = BASE64_STANDARD.decode(key).map_err(|_| KeyError::Format)?;
        let (found, public) = bytes.split_first().ok_or(KeyError::Format)?;
        if !is_id {
            return Err(KeyError::Format);
        }
        if *found != algorithm {
            return Err(KeyError::Algorithm { found: *found });
        }
        let public = public.try_into().map_err(|_| KeyError::Public)?;
        let key = Self::new(name, public, algorithm)?;
        let expected = format!("{:08x}", key.id);
        if expected != id {
            return Err(KeyError::Id {
                expected,
                found: id.to_owned(),
            });
        }
        Ok(key)
    }

    pub(super) fn identity(&self) -> String {
        format!("{}+{:08x}", self.name, self.id)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        is_signed(&self.public, message, signature)
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64_STANDARD.encode(typed(self.algorithm, &self.public));
        write!(formatter, "{}+{:08x}+{key}", self.name, self.id)
    }
}

/// The key with its signature type in front, as its id and its text have it.
fn typed(algorithm: u8, public: &VerifyingKey) -> Vec<u8> {
    [&[algorithm][..], public.as_bytes()].concat()
}

fn is_name(name: &str) -> bool {
    signed_note::is_key_name_valid(name) && !name.chars().any(char::is_control)
}

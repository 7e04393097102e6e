//! One keystore file: its text, and opening it.

mod document;

use std::fmt;

use aes::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sha3::{Digest, Keccak256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::address::EthereumAddress;
use crate::derivation::{
    Cost, Derivation, DerivedKey, MAX_PBKDF2_ROUNDS, MAX_SCRYPT_MEMORY, MAX_SCRYPT_WORK,
};
use crate::key::{Algorithm, KeyInfo, KeyName, Purpose};
use crate::passphrase::Passphrase;
use crate::randomness::{Randomness, RandomnessError};
use crate::secret::SecretKey;

/// The longest keystore file that is read, in bytes. Usual files have less
/// than 1,000.
pub const MAX_KEYSTORE_BYTES: usize = 64 * 1024;

const SEAL_DOMAIN: &[u8] = b"cryptlet keystore seal v1\n";

/// A keystore file that was read or is about to be written, its secret
/// encrypted, in the format
/// [Web3 Secret Storage](https://ethereum.org/en/developers/docs/data-structures-and-encoding/web3-secret-storage/)
/// version 3: AES-128-CTR under a key that scrypt or PBKDF2-HMAC-SHA-256 derives
/// from the passphrase, beside a Keccak-256 MAC.
///
/// That MAC covers the ciphertext and, through the derived key, the passphrase
/// and its derivation. It covers neither the initialisation vector, so that a
/// change there would yield another key, nor anything that is said about the
/// key. Files written here therefore have a member `cryptlet`, which wallets
/// pass over: `name`, `algorithm`, `purpose`, `public` (hex digits) and `seal`,
/// the HMAC-SHA-256 under the 32 derived bytes of
///
/// ```text
/// "cryptlet keystore seal v1\n" ‖ initialisation vector ‖ part(name)
///   ‖ part(algorithm) ‖ part(purpose) ‖ part(public key)
/// where part(x) = length of x as 64 bits, big-endian ‖ x
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Keystore {
    id: Option<uuid::Uuid>,
    address: Option<EthereumAddress>,
    derivation: Derivation,
    vector: [u8; 16],
    ciphertext: [u8; 32],
    mac: [u8; 32],
    description: Option<Description>,
}

/// What a file of this vault says about its key.
#[derive(Clone, PartialEq, Eq)]
struct Description {
    info: KeyInfo,
    seal: [u8; 32],
}

/// A keystore file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeystoreError {
    /// More than [`MAX_KEYSTORE_BYTES`].
    #[error("the file is longer than {MAX_KEYSTORE_BYTES} bytes, so it is no keystore file")]
    TooLong,
    /// Not the JSON of a keystore.
    #[error("not the JSON of a Web3 Secret Storage file: {reason}")]
    Malformed {
        /// What the parser said, with line and column.
        reason: String,
    },
    /// Another version of the format.
    #[error("version {found} of Web3 Secret Storage is not supported, only version 3")]
    Version {
        /// The version that the file states.
        found: u64,
    },
    /// A cipher, derivation function or the like that the format does not have.
    #[error("`{member}` is `{found}`, but only {supported} can be read")]
    Unsupported {
        /// The member of the document.
        member: &'static str,
        /// Its value.
        found: String,
        /// The values that are understood.
        supported: &'static str,
    },
    /// A member does not have the form that the format gives it.
    #[error("`{member}` is not {expected}")]
    Member {
        /// The member of the document.
        member: &'static str,
        /// The form it should have.
        expected: &'static str,
    },
    /// Scrypt parameters that define no function.
    #[error(
        "scrypt cannot have n = {n}, r = {r}, p = {p}; n must be a power of two above 1, r and p at least 1"
    )]
    ScryptInvalid {
        /// CPU and memory cost.
        n: u64,
        /// Block size.
        r: u64,
        /// Parallelisation.
        p: u64,
    },
    /// Scrypt parameters beyond [`MAX_SCRYPT_MEMORY`] or [`MAX_SCRYPT_WORK`].
    #[error(
        "scrypt with n = {n}, r = {r}, p = {p} exceeds what a file may ask for ({MAX_SCRYPT_MEMORY} bytes of memory, n * r * p = {MAX_SCRYPT_WORK}); encrypt the key anew with lower parameters"
    )]
    ScryptTooCostly {
        /// CPU and memory cost.
        n: u64,
        /// Block size.
        r: u64,
        /// Parallelisation.
        p: u64,
    },
    /// No rounds at all.
    #[error("PBKDF2 cannot have 0 rounds")]
    Pbkdf2Invalid,
    /// More rounds than [`MAX_PBKDF2_ROUNDS`].
    #[error(
        "PBKDF2 with {rounds} rounds exceeds what a file may ask for ({MAX_PBKDF2_ROUNDS}); encrypt the key anew with fewer"
    )]
    Pbkdf2TooCostly {
        /// The rounds that the file asks for.
        rounds: u64,
    },
    /// The purpose and the algorithm do not go together.
    #[error("a key for {purpose} cannot use {algorithm}")]
    Unsuited {
        /// The stated purpose.
        purpose: Purpose,
        /// The stated algorithm.
        algorithm: Algorithm,
    },
    /// The passphrase does not open the file. Deliberately says no more.
    #[error("the passphrase does not open it")]
    WrongPassphrase,
    /// The passphrase is right, but the file is not as it was written.
    #[error("`{member}` was changed after the file was written; restore the file from a backup")]
    Altered {
        /// The member that does not agree with the secret.
        member: &'static str,
    },
    /// What was encrypted is no key of the algorithm.
    #[error("it holds no secret key for {algorithm}")]
    NotAKey {
        /// The algorithm that the file states, or secp256k1.
        algorithm: Algorithm,
    },
}

impl Keystore {
    /// Encrypts a key under a passphrase.
    ///
    /// # Errors
    /// [`RandomnessError`] when there is no salt to be had.
    pub(crate) fn encrypt(
        name: KeyName,
        purpose: Purpose,
        secret: &SecretKey,
        passphrase: &Passphrase,
        cost: Cost,
        randomness: &mut dyn Randomness,
    ) -> Result<Self, RandomnessError> {
        let mut salt = [0; 32];
        randomness.fill(&mut salt)?;
        let info = KeyInfo {
            name,
            algorithm: secret.algorithm(),
            purpose,
            public: secret.public(),
            address: secret.address(),
        };
        Self::encrypt_with(
            info,
            secret,
            passphrase,
            Derivation::new(cost, salt),
            randomness,
        )
    }

    fn encrypt_with(
        info: KeyInfo,
        secret: &SecretKey,
        passphrase: &Passphrase,
        derivation: Derivation,
        randomness: &mut dyn Randomness,
    ) -> Result<Self, RandomnessError> {
        let (mut vector, mut id) = ([0; 16], [0; 16]);
        randomness.fill(&mut vector)?;
        randomness.fill(&mut id)?;
        let derived = derivation
            .derive(passphrase)
            .expect("the parameters that this crate writes are valid");
        let plain = secret.to_bytes();
        let ciphertext = *apply_keystream(&derived, &vector, &plain);
        Ok(Self {
            id: Some(uuid::Builder::from_random_bytes(id).into_uuid()),
            address: info.address,
            mac: mac(&derived, &ciphertext),
            description: Some(Description {
                seal: seal(&derived, &vector, &info),
                info,
            }),
            derivation,
            vector,
            ciphertext,
        })
    }

    /// Reads a file's text. Files of wallets are read as well as our own;
    /// members that the format does not know are passed over.
    ///
    /// # Errors
    /// When the text is no keystore of version 3, or asks for more work than
    /// is bearable. Nothing costly happens before these checks.
    pub fn parse(text: &[u8]) -> Result<Self, KeystoreError> {
        document::parse(text)
    }

    /// The text of the file: JSON, one member a line.
    pub fn to_json(&self) -> String {
        document::to_json(self)
    }

    /// What the file says about its key; `None` for files of wallets. Needs no
    /// passphrase, so until [`Keystore::open`] it is only a claim.
    pub fn info(&self) -> Option<&KeyInfo> {
        self.description
            .as_ref()
            .map(|description| &description.info)
    }

    /// Decrypts the key and compares it with all that the file says about it.
    /// The key of a wallet's file is taken to be of secp256k1.
    ///
    /// This costs what the file's derivation function costs.
    ///
    /// A wallet's file without `address` gives no means to notice a changed
    /// initialisation vector; that is a limit of the format.
    ///
    /// # Errors
    /// [`KeystoreError::WrongPassphrase`], or [`KeystoreError::Altered`] when
    /// the passphrase is right and the file is not.
    pub fn open(&self, passphrase: &Passphrase) -> Result<SecretKey, KeystoreError> {
        let derived = self.derivation.derive(passphrase)?;
        if !equal(&mac(&derived, &self.ciphertext), &self.mac) {
            return Err(KeystoreError::WrongPassphrase);
        }
        let altered = |member| Err(KeystoreError::Altered { member });
        if let Some(Description { info, seal: found }) = &self.description
            && !equal(&seal(&derived, &self.vector, info), found)
        {
            return altered("cryptlet");
        }
        let algorithm = self
            .info()
            .map_or(Algorithm::Secp256k1, |info| info.algorithm);
        let plain = apply_keystream(&derived, &self.vector, &self.ciphertext);
        let secret = SecretKey::from_bytes(algorithm, &plain)
            .map_err(|_| KeystoreError::NotAKey { algorithm })?;
        if self
            .info()
            .is_some_and(|info| info.public != secret.public())
        {
            return altered("cryptlet.public");
        }
        if self.address.is_some() && self.address != secret.address() {
            return altered("address");
        }
        Ok(secret)
    }
}

impl fmt::Debug for Keystore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keystore")
            .field("info", &self.info())
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

fn equal(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.ct_eq(right).into()
}

fn mac(derived: &DerivedKey, ciphertext: &[u8; 32]) -> [u8; 32] {
    Keccak256::new()
        .chain_update(derived.authentication())
        .chain_update(ciphertext)
        .finalize()
        .into()
}

/// Binds what is said about a key to its secret. Every part has a fixed length
/// or is preceded by its length.
fn seal(derived: &DerivedKey, vector: &[u8; 16], info: &KeyInfo) -> [u8; 32] {
    let mut seal =
        Hmac::<Sha256>::new_from_slice(derived.whole()).expect("HMAC takes keys of every length");
    seal.update(SEAL_DOMAIN);
    seal.update(vector);
    for part in [
        info.name.as_str().as_bytes(),
        info.algorithm.to_string().as_bytes(),
        info.purpose.to_string().as_bytes(),
        &info.public,
    ] {
        let length = u64::try_from(part.len()).expect("a length has at most 64 bits");
        seal.update(&length.to_be_bytes());
        seal.update(part);
    }
    seal.finalize().into_bytes().into()
}

/// Encrypts and decrypts: in counter mode these are the same.
fn apply_keystream(
    derived: &DerivedKey,
    vector: &[u8; 16],
    input: &[u8; 32],
) -> Zeroizing<[u8; 32]> {
    let mut output = Zeroizing::new(*input);
    ctr::Ctr128BE::<aes::Aes128>::new_from_slices(derived.encryption(), vector)
        .expect("key and vector have the lengths of AES-128")
        .apply_keystream(output.as_mut());
    output
}

#[cfg(test)]
mod tests;

//! The vault of a cryptlet fabric: where keys live, and what signs with them.
//!
//! A [`Vault`] is a folder with one file for each key, in the Web3 Secret
//! Storage format (version 3) that Ethereum wallets read. Nobody is handed a
//! secret: a [`SignatureDelegate`] signs on behalf of a key that is named, and
//! only for the [`Purpose`] the key was made for.
//!
//! What it is not: it is no hardware security module. While a key is unlocked
//! its secret is in the memory of this process, and whoever can read that
//! memory has the key. Secrets are wiped when they are dropped as far as this
//! crate holds them; the working memory of the key derivation functions and of
//! the terminal prompt belongs to the libraries that implement them.
//!
//! ```
//! use cryptlet_vault::{Algorithm, Cost, KeyName, Passphrase, Purpose, Vault};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let vault = Vault::open(folder.path().join("keys"))?;
//! let name: KeyName = "acme-delivery".parse()?;
//! let passphrase = Passphrase::new("correct horse battery staple")?;
//! vault.create(&name, Algorithm::Secp256k1, Purpose::Delivery, &passphrase, Cost::Light)?;
//!
//! vault.unlock(&name, &passphrase)?;
//! let delegate = vault.delegate();
//! let signature = delegate.sign_digest("acme-delivery", Purpose::Delivery, &[7; 32])?;
//! assert_eq!(signature.to_bytes().len(), 65);
//! assert!(delegate.sign_digest("acme-delivery", Purpose::Account, &[7; 32]).is_err());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod address;
mod delegate;
mod derivation;
mod folder;
mod key;
mod keystore;
mod passphrase;
mod randomness;
mod secret;
mod signature;
mod vault;

pub use address::EthereumAddress;
pub use delegate::{GUEST_MESSAGE_PREFIX, SignatureDelegate, SigningError, guest_message};
pub use derivation::{Cost, MAX_PBKDF2_ROUNDS, MAX_SCRYPT_MEMORY, MAX_SCRYPT_WORK};
pub use key::{
    Algorithm, KeyInfo, KeyName, KeyNameError, Purpose, UnknownAlgorithm, UnknownPurpose,
};
pub use keystore::{Keystore, KeystoreError, MAX_KEYSTORE_BYTES};
pub use passphrase::{MAX_PASSPHRASE_BYTES, Passphrase, PassphraseError, PassphraseOrigin};
pub use randomness::{OperatingSystem, Randomness, RandomnessError};
pub use secret::{InvalidSecret, SecretKey};
pub use signature::RecoverableSignature;
pub use vault::{Vault, VaultError};

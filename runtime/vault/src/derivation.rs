//! From a passphrase to an encryption key, within bounds.

use sha2::Sha256;
use zeroize::Zeroizing;

use crate::keystore::KeystoreError;
use crate::passphrase::Passphrase;

/// The most memory that reading a file may make scrypt use, in bytes: twice
/// what [`Cost::Standard`] takes. scrypt uses `128 · r · (N + p)` bytes.
pub const MAX_SCRYPT_MEMORY: u64 = 512 * 1024 * 1024;

/// The most work that reading a file may make scrypt do, as the product
/// `N · r · p`: four times what [`Cost::Standard`] takes.
pub const MAX_SCRYPT_WORK: u64 = 1 << 23;

/// The most rounds of PBKDF2 that reading a file may ask for.
pub const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;

/// How dear it is to try a passphrase on a new keystore file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Cost {
    /// scrypt with N = 2^18, r = 8, p = 1: 256 MiB and about a second. For
    /// every key that matters.
    #[default]
    Standard,
    /// scrypt with N = 2^12, r = 8, p = 1: 4 MiB and a few milliseconds. For
    /// throw-away keys of tests and demonstrations only; a weak passphrase is
    /// guessed quickly.
    Light,
}

/// A key derivation function with its parameters, as a keystore file states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Derivation {
    /// RFC 7914, with N = 2^`log_n`.
    Scrypt {
        log_n: u8,
        r: u32,
        p: u32,
        salt: Vec<u8>,
    },
    /// RFC 8018 with HMAC-SHA-256.
    Pbkdf2 { rounds: u32, salt: Vec<u8> },
}

/// The 32 bytes that a passphrase becomes: an encryption key, then a MAC key.
pub(crate) struct DerivedKey(Zeroizing<[u8; 32]>);

impl DerivedKey {
    pub(crate) fn encryption(&self) -> &[u8] {
        &self.0[..16]
    }

    pub(crate) fn authentication(&self) -> &[u8] {
        &self.0[16..]
    }

    pub(crate) fn whole(&self) -> &[u8] {
        self.0.as_ref()
    }
}

impl Derivation {
    pub(crate) fn new(cost: Cost, salt: [u8; 32]) -> Self {
        let log_n = match cost {
            Cost::Standard => 18,
            Cost::Light => 12,
        };
        Self::Scrypt {
            log_n,
            r: 8,
            p: 1,
            salt: salt.to_vec(),
        }
    }

    /// Takes scrypt's parameters from a file, if they are valid and bearable.
    pub(crate) fn scrypt(n: u64, r: u64, p: u64, salt: Vec<u8>) -> Result<Self, KeystoreError> {
        let invalid = KeystoreError::ScryptInvalid { n, r, p };
        let too_costly = KeystoreError::ScryptTooCostly { n, r, p };
        if n < 2 || !n.is_power_of_two() || r == 0 || p == 0 {
            return Err(invalid);
        }
        let memory = n
            .checked_add(p)
            .and_then(|blocks| blocks.checked_mul(r))
            .and_then(|units| units.checked_mul(128));
        let work = n.checked_mul(r).and_then(|units| units.checked_mul(p));
        let bearable = memory.is_some_and(|memory| memory <= MAX_SCRYPT_MEMORY)
            && work.is_some_and(|work| work <= MAX_SCRYPT_WORK);
        match (bearable, u32::try_from(r), u32::try_from(p)) {
            (true, Ok(r), Ok(p)) => Ok(Self::Scrypt {
                // A power of two below 2^64 has an exponent below 64.
                log_n: n.trailing_zeros() as u8,
                r,
                p,
                salt,
            }),
            _ => Err(too_costly),
        }
    }

    /// Takes PBKDF2's parameters from a file, if they are valid and bearable.
    pub(crate) fn pbkdf2(rounds: u64, salt: Vec<u8>) -> Result<Self, KeystoreError> {
        match u32::try_from(rounds) {
            Ok(0) => Err(KeystoreError::Pbkdf2Invalid),
            Ok(rounds) if rounds <= MAX_PBKDF2_ROUNDS => Ok(Self::Pbkdf2 { rounds, salt }),
            _ => Err(KeystoreError::Pbkdf2TooCostly { rounds }),
        }
    }

    pub(crate) fn derive(&self, passphrase: &Passphrase) -> Result<DerivedKey, KeystoreError> {
        let mut derived = Zeroizing::new([0; 32]);
        match self {
            Self::Scrypt { log_n, r, p, salt } => {
                let invalid = || KeystoreError::ScryptInvalid {
                    n: 1 << log_n,
                    r: (*r).into(),
                    p: (*p).into(),
                };
                let parameters = scrypt::Params::new(*log_n, *r, *p).map_err(|_| invalid())?;
                scrypt::scrypt(passphrase.expose(), salt, &parameters, derived.as_mut())
                    .map_err(|_| invalid())?;
            }
            Self::Pbkdf2 { rounds, salt } => {
                pbkdf2::pbkdf2_hmac::<Sha256>(passphrase.expose(), salt, *rounds, derived.as_mut())
            }
        }
        Ok(DerivedKey(derived))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_parameters_that_wallets_write() {
        for (n, r, p) in [
            (262_144, 8, 1), // geth, ours
            (262_144, 1, 8), // the specification's vector
            (131_072, 8, 1), // ethers.js
            (4_096, 8, 6),   // geth's light mode
            (8_192, 8, 1),
            (2, 1, 1),
        ] {
            assert!(Derivation::scrypt(n, r, p, vec![]).is_ok(), "{n}, {r}, {p}");
        }
    }

    #[test]
    fn refuses_parameters_that_would_exhaust_the_machine() {
        let most = u64::MAX;
        for (n, r, p) in [
            (1 << 20, 8, 1), // 1 GiB
            (1 << 63, 1, 1),
            (2, most, 1),
            (2, 1, most),
            (2, most, most),
            (2, 1 << 32, 1),
            (1 << 18, 8, 64), // little memory, much time
            (2, 1, 1 << 23),  // much memory through p alone
        ] {
            assert_eq!(
                Derivation::scrypt(n, r, p, vec![]),
                Err(KeystoreError::ScryptTooCostly { n, r, p })
            );
        }
        for rounds in [u64::from(MAX_PBKDF2_ROUNDS) + 1, most] {
            assert_eq!(
                Derivation::pbkdf2(rounds, vec![]),
                Err(KeystoreError::Pbkdf2TooCostly { rounds })
            );
        }
    }

    #[test]
    fn refuses_parameters_without_meaning() {
        for (n, r, p) in [(0, 8, 1), (1, 8, 1), (3, 8, 1), (4, 0, 1), (4, 8, 0)] {
            assert_eq!(
                Derivation::scrypt(n, r, p, vec![]),
                Err(KeystoreError::ScryptInvalid { n, r, p })
            );
        }
        assert_eq!(
            Derivation::pbkdf2(0, vec![]),
            Err(KeystoreError::Pbkdf2Invalid)
        );
    }
}

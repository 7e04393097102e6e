//! A folder of keys.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::delegate::{Keyring, SignatureDelegate};
use crate::derivation::Cost;
use crate::folder::{self, WriteError};
use crate::key::{Algorithm, KeyInfo, KeyName, Purpose};
use crate::keystore::{Keystore, KeystoreError, MAX_KEYSTORE_BYTES};
use crate::passphrase::Passphrase;
use crate::randomness::{OperatingSystem, Randomness, RandomnessError};
use crate::secret::SecretKey;

const EXTENSION: &str = "json";

/// A folder of keystore files, one for each key, named `<key name>.json`.
///
/// The folder is for its owner alone (mode 0700, files 0600) and is made when
/// the first key is. Files appear whole or not at all, and are never replaced.
pub struct Vault {
    folder: PathBuf,
    keyring: Arc<Keyring>,
    randomness: Mutex<Box<dyn Randomness + Send>>,
}

/// The vault could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    System {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner may enter the folder.
    #[error("the key folder {} is open to others (mode {mode:04o}); run `chmod 700` on it", path.display())]
    OpenToOthers {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A key of that name exists; it is left as it was.
    #[error("there is a key `{name}` in {} already; choose another name", folder.display())]
    Exists {
        /// The name.
        name: KeyName,
        /// The vault's folder.
        folder: PathBuf,
    },
    /// There is no key of that name.
    #[error("there is no key `{name}` in {}; create it with `cryptlet key new {name}`", folder.display())]
    Unknown {
        /// The name.
        name: KeyName,
        /// The vault's folder.
        folder: PathBuf,
    },
    /// A key for that purpose cannot use that algorithm.
    #[error("a key for {purpose} cannot use {algorithm}; use {instead}", instead = purpose.default_algorithm())]
    Unsuited {
        /// The purpose asked for.
        purpose: Purpose,
        /// The algorithm asked for.
        algorithm: Algorithm,
    },
    /// The passphrase does not open the key. Deliberately says no more.
    #[error("the passphrase does not open key `{name}` in {}", folder.display())]
    WrongPassphrase {
        /// The key.
        name: KeyName,
        /// The vault's folder.
        folder: PathBuf,
    },
    /// A keystore file cannot be used.
    #[error("the key file {} cannot be used: {source}", path.display())]
    Keystore {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeystoreError,
    },
    /// A file that some other program wrote.
    #[error("{} was not written by a vault, so nothing says what its key is for; move it out of the key folder", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file's name is not that of its key.
    #[error("{} holds a key named `{name}`; rename it to {name}.json", path.display())]
    Misnamed {
        /// The file.
        path: PathBuf,
        /// The name of the key in it.
        name: KeyName,
    },
    /// No new key can be made.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

impl Vault {
    /// Opens the vault in `folder`, which may not exist yet.
    ///
    /// # Errors
    /// When there is something else at that path, or a folder that is open to
    /// others.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, VaultError> {
        let vault = Self {
            folder: folder.into(),
            keyring: Arc::default(),
            randomness: Mutex::new(Box::new(OperatingSystem)),
        };
        match fs::metadata(&vault.folder) {
            Ok(metadata) if metadata.is_dir() => vault.check_folder()?,
            Ok(_) => {
                return Err(vault.folder_error("open", io::ErrorKind::NotADirectory.into()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(vault.folder_error("open", error)),
        }
        Ok(vault)
    }

    /// Draws secrets, salts and the like from `randomness`, so that a test
    /// decides them.
    #[must_use]
    pub fn with_randomness(mut self, randomness: impl Randomness + Send + 'static) -> Self {
        self.randomness = Mutex::new(Box::new(randomness));
        self
    }

    /// The folder of the keystore files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Says whether a key could be created, before anybody thinks of a
    /// passphrase for it.
    ///
    /// # Errors
    /// When the name is taken or the algorithm does not suit the purpose.
    pub fn check_new(
        &self,
        name: &KeyName,
        algorithm: Algorithm,
        purpose: Purpose,
    ) -> Result<(), VaultError> {
        if !purpose.accepts(algorithm) {
            return Err(VaultError::Unsuited { purpose, algorithm });
        }
        if self.path(name).symlink_metadata().is_ok() {
            return Err(self.exists(name));
        }
        Ok(())
    }

    /// Makes a new key and stores it; it stays locked. With
    /// [`Cost::Standard`] this takes about a second.
    ///
    /// # Errors
    /// When the name is taken, the algorithm does not suit the purpose, or the
    /// file cannot be written.
    pub fn create(
        &self,
        name: &KeyName,
        algorithm: Algorithm,
        purpose: Purpose,
        passphrase: &Passphrase,
        cost: Cost,
    ) -> Result<KeyInfo, VaultError> {
        self.check_new(name, algorithm, purpose)?;
        let secret = SecretKey::generate(algorithm, &mut **self.randomness())?;
        self.store(name, secret, purpose, passphrase, cost)
    }

    /// Stores an existing key; it stays locked.
    ///
    /// # Errors
    /// As [`Vault::create`].
    pub fn import(
        &self,
        name: &KeyName,
        secret: SecretKey,
        purpose: Purpose,
        passphrase: &Passphrase,
        cost: Cost,
    ) -> Result<KeyInfo, VaultError> {
        self.check_new(name, secret.algorithm(), purpose)?;
        self.store(name, secret, purpose, passphrase, cost)
    }

    /// All keys, in the order of their names. Needs no passphrase; what a file
    /// says about its key is checked when the key is unlocked.
    ///
    /// # Errors
    /// When a file of the folder cannot be read or is no key of a vault.
    pub fn list(&self) -> Result<Vec<KeyInfo>, VaultError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.folder_error("list", error)),
        };
        let mut keys = Vec::new();
        for entry in entries {
            let path = entry
                .map_err(|error| self.folder_error("list", error))?
                .path();
            // A file whose writing was cut off ends in `.tmp`.
            if path.extension().is_some_and(|ext| ext == EXTENSION) {
                let (_, info) = read(&path)?;
                keys.push(info);
            }
        }
        keys.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(keys)
    }

    /// Decrypts a key, so that delegates can sign with it.
    ///
    /// # Errors
    /// [`VaultError::WrongPassphrase`], or what is wrong with the file.
    pub fn unlock(&self, name: &KeyName, passphrase: &Passphrase) -> Result<(), VaultError> {
        let path = self.path(name);
        let (keystore, info) = match read(&path) {
            Err(VaultError::System { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(VaultError::Unknown {
                    name: name.clone(),
                    folder: self.folder.clone(),
                });
            }
            other => other?,
        };
        let secret = keystore.open(passphrase).map_err(|source| match source {
            KeystoreError::WrongPassphrase => VaultError::WrongPassphrase {
                name: name.clone(),
                folder: self.folder.clone(),
            },
            source => VaultError::Keystore { path, source },
        })?;
        self.keyring.insert(info, secret);
        Ok(())
    }

    /// Unlocks every key of the folder with one passphrase, and says which.
    ///
    /// # Errors
    /// As [`Vault::list`] and [`Vault::unlock`], at the first key that fails;
    /// those before it stay unlocked.
    pub fn unlock_all(&self, passphrase: &Passphrase) -> Result<Vec<KeyInfo>, VaultError> {
        let keys = self.list()?;
        for key in &keys {
            self.unlock(&key.name, passphrase)?;
        }
        Ok(keys)
    }

    /// Forgets all secrets. No delegate signs any more, until keys are
    /// unlocked again.
    pub fn lock(&self) {
        self.keyring.clear();
    }

    /// What signs with the keys of this vault that are unlocked, now or later.
    pub fn delegate(&self) -> SignatureDelegate {
        SignatureDelegate::new(Arc::clone(&self.keyring))
    }

    fn store(
        &self,
        name: &KeyName,
        secret: SecretKey,
        purpose: Purpose,
        passphrase: &Passphrase,
        cost: Cost,
    ) -> Result<KeyInfo, VaultError> {
        folder::make(&self.folder).map_err(|error| self.folder_error("make", error))?;
        self.check_folder()?;
        let keystore = Keystore::encrypt(
            name.clone(),
            purpose,
            &secret,
            passphrase,
            cost,
            &mut **self.randomness(),
        )?;
        let file = format!("{name}.{EXTENSION}");
        folder::write_new(&self.folder, &file, keystore.to_json().as_bytes()).map_err(|error| {
            match error {
                WriteError::Exists => self.exists(name),
                WriteError::System(source) => VaultError::System {
                    action: "write",
                    path: self.path(name),
                    source,
                },
            }
        })?;
        let info = keystore.info();
        Ok(info
            .expect("a keystore that was just encrypted says what its key is")
            .clone())
    }

    fn check_folder(&self) -> Result<(), VaultError> {
        match folder::open_to_others(&self.folder) {
            Ok(None) => Ok(()),
            Ok(Some(mode)) => Err(VaultError::OpenToOthers {
                path: self.folder.clone(),
                mode,
            }),
            Err(error) => Err(self.folder_error("examine", error)),
        }
    }

    fn path(&self, name: &KeyName) -> PathBuf {
        self.folder.join(format!("{name}.{EXTENSION}"))
    }

    fn randomness(&self) -> std::sync::MutexGuard<'_, Box<dyn Randomness + Send>> {
        self.randomness
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn exists(&self, name: &KeyName) -> VaultError {
        VaultError::Exists {
            name: name.clone(),
            folder: self.folder.clone(),
        }
    }

    fn folder_error(&self, action: &'static str, source: io::Error) -> VaultError {
        VaultError::System {
            action,
            path: self.folder.clone(),
            source,
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Reads a key file of a vault and checks that it is named after its key.
fn read(path: &Path) -> Result<(Keystore, KeyInfo), VaultError> {
    let bytes =
        folder::read_bounded(path, MAX_KEYSTORE_BYTES).map_err(|source| VaultError::System {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
    let keystore = Keystore::parse(&bytes).map_err(|source| VaultError::Keystore {
        path: path.to_owned(),
        source,
    })?;
    let Some(info) = keystore.info().cloned() else {
        return Err(VaultError::Foreign {
            path: path.to_owned(),
        });
    };
    if path
        .file_stem()
        .is_none_or(|stem| stem != info.name.as_str())
    {
        return Err(VaultError::Misnamed {
            path: path.to_owned(),
            name: info.name,
        });
    }
    Ok((keystore, info))
}

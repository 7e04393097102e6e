//! The folder of a witness: its key, the logs that it watches, and what it has cosigned of each.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use cryptlet_attest::log::{self, Leave, WitnessKey, Witnessed, open_checkpoint};
use cryptlet_attest::{KeyError, TrustedKey};
use cryptlet_vault::{
    Algorithm, Cost, KeyName, Passphrase, Purpose, SignatureDelegate, Vault, VaultError,
};

use crate::private_file;

/// The name of a witness' one key in its vault.
pub(super) const KEY_NAME: &str = "witness";
/// Most bytes of a file that says what was cosigned: a key and a checkpoint.
const MOST_BYTES: u64 = 1 << 17;

/// A witness, in its folder:
///
/// ```text
/// witness.key        its key as others trust it, `name+id+key`
/// keys/              the vault with the secret key
/// watched/<digest>   one for each log: its key, an empty line, and the newest cosigned checkpoint
/// lock               held by the process that cosigns
/// ```
///
/// The digest is the BLAKE3 hash of the log's origin: an origin may hold what no file name can.
#[derive(Clone, Debug)]
pub struct Witness {
    folder: PathBuf,
    key: WitnessKey,
}

/// A witness could not be made, or cannot do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// There is one already.
    #[error(
        "{0} is a witness' folder already; name another one, for a second key is a second witness"
    )]
    Exists(PathBuf),
    /// There is none.
    #[error(
        "{0} is not the folder of a witness; make one with `cryptlet witness init --at {0} --name NAME`"
    )]
    Missing(PathBuf),
    /// Another process cosigns with this key.
    #[error("another process works as the witness in {0}; stop it first")]
    InUse(PathBuf),
    /// Its name or public key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Its vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// `witness.key` and the vault do not belong together.
    #[error(
        "{folder}: witness.key and keys/{KEY_NAME}.json are of different keys; put back the one that was replaced"
    )]
    OtherKey {
        /// The witness' folder.
        folder: PathBuf,
    },
    /// `witness.key` does not hold a witness' key.
    #[error("{} does not hold the witness' key: {source}; put back the line that `cryptlet witness init` printed", path.display())]
    DamagedKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// The log is watched already, and what was cosigned of it stands.
    #[error("{folder} watches {origin} already{}", .with.as_ref().map_or_else(String::new, |key| format!(", with the key {key}; whoever has another key under the same name keeps another log, and one of both is false")))]
    Watched {
        /// The witness' folder.
        folder: PathBuf,
        /// The log.
        origin: String,
        /// Its key, if it is another one than was given.
        with: Option<Box<TrustedKey>>,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What was cosigned of a log cannot be read any more. Nothing of that log is cosigned.
    #[error("{} does not say what was cosigned: {reason}; this witness cannot keep its word any more, so make another one with a new key", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The address is taken, or not ours.
    #[error(
        "cannot listen on {address}: {source}; stop what listens there, or name another address with --listen"
    )]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// A log, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Watched {
    pub(super) key: TrustedKey,
    /// Knows of this log only.
    pub(super) rules: log::Witness,
}

impl Watched {
    /// Whether this is the newest that was cosigned of it.
    pub(super) fn has_cosigned(&self, witnessed: &Witnessed) -> bool {
        self.rules.latest().any(|(_, latest)| latest == witnessed)
    }
}

impl Witness {
    /// Makes a new witness called `name`, such as `witness.example.com/w1`, with a key of its own.
    ///
    /// # Errors
    ///
    /// If the folder is one already, `name` cannot name a key, or nothing can be written there.
    pub fn create(
        folder: &Path,
        name: &str,
        passphrase: &Passphrase,
        cost: Cost,
    ) -> Result<Self, WitnessError> {
        Self::check_new(folder, name)?;
        make_folder(&folder.join("watched"))?;
        let vault = Vault::open(folder.join("keys"))?;
        let made = vault.create(
            &key_name(),
            Algorithm::Ed25519,
            Purpose::Witness,
            passphrase,
            cost,
        )?;
        let key = WitnessKey::new(name, &public(&made.public))?;
        // Last: a folder without it is none of a witness.
        let path = folder.join("witness.key");
        private_file::replace(&path, format!("{key}\n").as_bytes())
            .map_err(|source| failed("write", &path, source))?;
        Ok(Self {
            folder: folder.to_owned(),
            key,
        })
    }

    /// Says whether a witness could be made, before anybody thinks of a passphrase for it.
    ///
    /// # Errors
    ///
    /// If the folder is one already, or `name` cannot name a key.
    pub fn check_new(folder: &Path, name: &str) -> Result<(), WitnessError> {
        if folder.join("witness.key").exists() {
            return Err(WitnessError::Exists(folder.to_owned()));
        }
        // The name is looked at first, and nothing but the name is in question.
        if let Err(error @ KeyError::Name { .. }) = WitnessKey::new(name, &[0; 32]) {
            return Err(error.into());
        }
        Ok(())
    }

    /// Opens the folder of a witness.
    ///
    /// # Errors
    ///
    /// If it is none, or its files do not belong together.
    pub fn open(folder: &Path) -> Result<Self, WitnessError> {
        let path = folder.join("witness.key");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(WitnessError::Missing(folder.to_owned()));
            }
            Err(source) => return Err(failed("read", &path, source)),
        };
        let witness = Self {
            folder: folder.to_owned(),
            key: text
                .trim_end()
                .parse()
                .map_err(|source| WitnessError::DamagedKey { path, source })?,
        };
        let keys = witness.vault()?.list()?;
        let is_own = keys.iter().any(|key| {
            key.name == key_name()
                && key.purpose == Purpose::Witness
                && key.public == witness.key.public()
        });
        if !is_own {
            return Err(WitnessError::OtherKey {
                folder: witness.folder,
            });
        }
        Ok(witness)
    }

    /// The key, as whoever relies on this witness trusts it.
    #[must_use]
    pub fn key(&self) -> &WitnessKey {
        &self.key
    }

    /// What cosigns with the secret key.
    ///
    /// # Errors
    ///
    /// If the passphrase does not open it, or the folder of keys is open to others.
    pub fn unlock(&self, passphrase: &Passphrase) -> Result<SignatureDelegate, VaultError> {
        let vault = self.vault()?;
        vault.unlock(&key_name(), passphrase)?;
        Ok(vault.delegate())
    }

    fn vault(&self) -> Result<Vault, VaultError> {
        Vault::open(self.folder.join("keys"))
    }

    /// Watches a log from now on. A witness that runs need not be started again.
    ///
    /// # Errors
    ///
    /// If it is watched already, or nothing can be written.
    pub fn watch(&self, log: &TrustedKey) -> Result<(), WitnessError> {
        let path = self.path(log.name());
        match private_file::create(&path, format!("{log}\n\n").as_bytes()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let known = self.watched(log.name())?.map(|watched| watched.key);
                Err(WitnessError::Watched {
                    folder: self.folder.clone(),
                    origin: log.name().to_owned(),
                    with: known.filter(|known| known != log).map(Box::new),
                })
            }
            Err(source) => Err(failed("write", &path, source)),
        }
    }

    /// The log of this name, unless it is not watched.
    pub(super) fn watched(&self, origin: &str) -> Result<Option<Watched>, WitnessError> {
        let path = self.path(origin);
        let text = match read_bounded(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed("read", &path, source)),
        };
        let damaged = |reason: String| WitnessError::Damaged {
            path: path.clone(),
            reason,
        };
        let (key, note) = text
            .split_once("\n\n")
            .ok_or_else(|| damaged("it has no empty line after the log's key".into()))?;
        let key: TrustedKey = key
            .parse()
            .map_err(|error: KeyError| damaged(error.to_string()))?;
        if key.name() != origin {
            return Err(damaged(format!("it is about the log {}", key.name())));
        }
        let mut rules = log::Witness::default();
        if !note.is_empty() {
            let cosigned = open_checkpoint(note, std::slice::from_ref(&key))
                .map_err(|error| damaged(error.to_string()))?;
            rules.remember(Leave {
                origin: cosigned.origin,
                witnessed: Witnessed {
                    size: cosigned.size,
                    root: cosigned.root,
                },
            });
        }
        Ok(Some(Watched { key, rules }))
    }

    /// Keeps a checkpoint as the newest that is cosigned of its log, durably.
    pub(super) fn keep(&self, log: &TrustedKey, note: &str) -> Result<(), WitnessError> {
        let path = self.path(log.name());
        private_file::replace(&path, format!("{log}\n\n{note}").as_bytes())
            .map_err(|source| failed("write", &path, source))
    }

    /// Takes the folder for this process alone, until the file is closed.
    pub(super) fn lock(&self) -> Result<File, WitnessError> {
        let path = self.folder.join("lock");
        let file = File::create(&path).map_err(|source| failed("open", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => Err(WitnessError::InUse(self.folder.clone())),
            Err(std::fs::TryLockError::Error(source)) => Err(failed("lock", &path, source)),
        }
    }

    fn path(&self, origin: &str) -> PathBuf {
        let digest = blake3::hash(origin.as_bytes()).to_hex();
        self.folder.join("watched").join(digest.as_str())
    }
}

fn key_name() -> KeyName {
    KEY_NAME.parse().expect("it is a label")
}

fn public(bytes: &[u8]) -> [u8; 32] {
    bytes
        .try_into()
        .expect("public keys of Ed25519 have 32 bytes")
}

fn make_folder(folder: &Path) -> Result<(), WitnessError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| failed("make", folder, source))
}

fn read_bounded(path: &Path) -> io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    File::open(path)?
        .take(MOST_BYTES)
        .read_to_string(&mut text)?;
    Ok(text)
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> WitnessError {
    WitnessError::File {
        action,
        path: path.to_owned(),
        source,
    }
}

//! A log in memory, as a witness meets it.

use std::sync::Arc;

use cryptlet_attest::log::{AddCheckpoint, MemoryHashes, prove_consistency, root};
use cryptlet_attest::{CheckpointKey, LeafHash, SigningError, TrustedKey, sign_checkpoint};
use cryptlet_vault::SignatureDelegate;
use ed25519_dalek::SigningKey;

use crate::running::{ATTESTATION_KEY, Tested};

/// Entries, their tree, and the key that signs it.
#[derive(Clone)]
pub struct WatchedLog {
    origin: String,
    key: Arc<dyn CheckpointKey>,
    hashes: MemoryHashes,
}

/// The attestation key of a service that a test runs.
struct HostKey {
    delegate: SignatureDelegate,
    public: [u8; 32],
}

impl CheckpointKey for HostKey {
    fn public(&self) -> [u8; 32] {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningError> {
        self.delegate
            .attest(ATTESTATION_KEY, message)
            .map_err(|error| SigningError::new(error.to_string()))
    }
}

impl WatchedLog {
    /// An empty log with a key made of `seed`.
    pub fn new(origin: &str, seed: u8) -> Self {
        Self {
            origin: origin.to_owned(),
            key: Arc::new(SigningKey::from_bytes(&[seed; 32])),
            hashes: MemoryHashes::default(),
        }
    }

    /// An empty log with the name and the key of a host's.
    pub fn of_host(origin: &str, delegate: &SignatureDelegate) -> Tested<Self> {
        let public = delegate
            .info(ATTESTATION_KEY)?
            .public
            .as_slice()
            .try_into()?;
        Ok(Self {
            origin: origin.to_owned(),
            key: Arc::new(HostKey {
                delegate: delegate.clone(),
                public,
            }),
            hashes: MemoryHashes::default(),
        })
    }

    pub fn trusted(&self) -> Tested<TrustedKey> {
        Ok(TrustedKey::new(&self.origin, &self.key.public())?)
    }

    pub fn size(&self) -> u64 {
        self.hashes.size()
    }

    /// One entry more.
    pub fn add(&mut self, entry: impl AsRef<[u8]>) -> Tested {
        self.hashes.append(&LeafHash::of(entry.as_ref()))?;
        Ok(())
    }

    /// With `count` entries more, each of which begins with `prefix`.
    pub fn grown(mut self, prefix: &str, count: u64) -> Tested<Self> {
        for number in 0..count {
            self.add(format!("{prefix} {number}"))?;
        }
        Ok(self)
    }

    pub fn checkpoint(&self) -> Tested<String> {
        let root = root(self.size(), &self.hashes)?;
        Ok(sign_checkpoint(
            &self.origin,
            self.size(),
            &root,
            self.key.as_ref(),
        )?)
    }

    /// What a witness is asked that cosigned the size `old` last.
    pub fn request(&self, old: u64) -> Tested<AddCheckpoint> {
        let proof = match old {
            0 => Vec::new(),
            old => prove_consistency(old, self.size(), &self.hashes)?,
        };
        Ok(AddCheckpoint {
            old,
            proof,
            checkpoint: self.checkpoint()?,
        })
    }
}

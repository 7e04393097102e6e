//! What a running cryptlet gets from the fabric, and nothing besides.

use std::sync::{Arc, Mutex, PoisonError};

use cryptlet_attest::BindingId;
use cryptlet_container::{
    BuildError, DirectoryEntry, EncodedCall, FileError, FileStatus, HttpError, HttpLimits,
    HttpRequest, HttpResponse, KeyAlgorithm, KeyError, Opened, Position, PublicKey, Services,
    SubmissionStatus,
};
use cryptlet_ledger as ledger;
use cryptlet_schema::Message;
use cryptlet_vault::{Algorithm, SignatureDelegate};

use crate::binding::Binding;
use crate::directories::Directories;
use crate::journal::{DeliveryRow, DeliveryStatus, Journal};
use crate::network::Web;
use crate::scheduler::Slot;

/// The live side of one binding.
pub(crate) struct LiveServices {
    pub(crate) binding: Arc<Binding>,
    pub(crate) id: BindingId,
    /// Taken before the run, so that every answer in it is the same.
    pub(crate) next_submission: u64,
    pub(crate) journal: Arc<Journal>,
    pub(crate) delegate: SignatureDelegate,
    pub(crate) web: Arc<dyn Web>,
    pub(crate) directories: Arc<Directories>,
    /// What the run computes in; another run has it while this one waits for the web or the disk.
    pub(crate) slot: Arc<Mutex<Slot>>,
}

impl Services for LiveServices {
    fn fetch(&self, request: &HttpRequest, limits: &HttpLimits) -> Result<HttpResponse, HttpError> {
        self.aside(|| self.web.fetch(request, limits))
    }

    fn build(&self, action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
        encode_call(&self.binding.contract.actions, action, fields)
    }

    fn submission_status(&self, submission: u64) -> Option<SubmissionStatus> {
        let row = match self.journal.submission(&self.id, submission) {
            Ok(row) => row?,
            Err(error) => {
                tracing::error!(%error, submission, "a submission's status could not be read");
                return None;
            }
        };
        Some(self.status(&row))
    }

    fn next_submission(&self) -> u64 {
        self.next_submission
    }

    fn public_key(&self, key: &str) -> Result<PublicKey, KeyError> {
        let info = self
            .delegate
            .info(key)
            .map_err(|_| KeyError::UnknownKey(key.to_owned()))?;
        Ok(PublicKey {
            algorithm: match info.algorithm {
                Algorithm::Ed25519 => KeyAlgorithm::Ed25519,
                Algorithm::Secp256k1 => KeyAlgorithm::EcdsaSecp256k1,
            },
            bytes: info.public,
        })
    }

    fn sign(&self, key: &str, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.delegate
            .sign_guest_message(key, self.id.as_bytes(), message)
            .map_err(|error| match error {
                cryptlet_vault::SigningError::NotUnlocked { .. } => {
                    KeyError::UnknownKey(key.to_owned())
                }
                other => KeyError::NotGranted(other.to_string()),
            })
    }

    fn open_file(&self, directory: &str, path: &str, most_bytes: u64) -> Result<Opened, FileError> {
        self.aside(|| self.directories.open_file(directory, path, most_bytes))
    }

    fn file_status(&self, directory: &str, path: &str) -> Result<FileStatus, FileError> {
        self.aside(|| self.directories.file_status(directory, path))
    }

    fn list_directory(
        &self,
        directory: &str,
        path: &str,
        most_bytes: u64,
    ) -> Result<Vec<DirectoryEntry>, FileError> {
        self.aside(|| self.directories.list_directory(directory, path, most_bytes))
    }
}

impl LiveServices {
    /// Waits for something outside without keeping others from computing.
    fn aside<T>(&self, wait: impl FnOnce() -> T) -> T {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.aside(wait)
    }

    fn status(&self, row: &DeliveryRow) -> SubmissionStatus {
        let position = match (row.block, row.block_hash) {
            (Some(block), Some(block_hash)) => {
                let attempt = self.journal.newest_attempt(row).ok().flatten();
                attempt.map(|attempt| Position {
                    chain: self.binding.contract.chain.to_string(),
                    block,
                    block_hash: block_hash.to_vec(),
                    transaction: attempt.hash.to_vec(),
                })
            }
            _ => None,
        };
        match (row.status, position) {
            (DeliveryStatus::Included, Some(position)) => SubmissionStatus::Included(position),
            (DeliveryStatus::Finalized, Some(position)) => SubmissionStatus::Finalized(position),
            (DeliveryStatus::CallbackFailed, _) => {
                SubmissionStatus::Reverted("the contract's callback failed".into())
            }
            (DeliveryStatus::Skipped, _) => SubmissionStatus::Skipped,
            // Without a place on the chain that we have seen ourselves we promise nothing.
            _ => SubmissionStatus::Pending,
        }
    }
}

/// Encodes a call as the chain reads it; what is amiss is told as a guest hears it.
///
/// # Errors
///
/// If none of `actions` has this name, or a field does not fit.
pub fn encode_call(
    actions: &[Message],
    action: &str,
    fields: &[u8],
) -> Result<EncodedCall, BuildError> {
    ledger::encode_call(actions, action, fields)
        .map(|call| EncodedCall {
            digest: call.digest.0,
            bytes: call.bytes.to_vec(),
        })
        .map_err(|error| match error {
            ledger::BuildError::UnknownAction { action, .. } => BuildError::UnknownAction(action),
            ledger::BuildError::Fields { source, .. } => {
                let (path, expected, found) = source.into_field();
                BuildError::Field {
                    path,
                    expected,
                    found,
                }
            }
            other => BuildError::NotGranted(other.to_string()),
        })
}

//! Entries as a log takes them.

use crate::encoding::{self, EncodingError};
use crate::entry::{BOUNDS, RECEIPT, write_head};
use crate::statement::write_statement;
use crate::{Execution, Host, LeafHash, LogEntry, log};

/// An entry in its one encoding, which a verifier can read, and its leaf hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedEntry {
    bytes: Vec<u8>,
    leaf_hash: LeafHash,
}

impl EncodedEntry {
    /// The receipt of an execution, as [`LogEntry::encoded`] gives it for a
    /// [`Statement`](crate::Statement) of these parts: whoever seals many receipts has one host part
    /// for all, but for `previous`, which stands in place of the host's own.
    ///
    /// # Errors
    ///
    /// The bound that the receipt breaks.
    pub fn receipt(
        execution: &Execution,
        host: &Host,
        previous: Option<LeafHash>,
    ) -> Result<Self, EncodingError> {
        let bytes = encoding::write_within(&BOUNDS, |writer| {
            write_head(writer, RECEIPT);
            write_statement(execution, host, previous, writer);
        })?;
        Ok(Self::of(bytes))
    }

    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        debug_assert!(LogEntry::from_bytes(&bytes).is_ok(), "it reads back");
        let leaf_hash = log::leaf_hash(&bytes);
        Self { bytes, leaf_hash }
    }

    /// What the log stores and publishes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// RFC 6962 leaf hash of the bytes.
    pub fn leaf_hash(&self) -> LeafHash {
        self.leaf_hash
    }
}

//! Many receipts under one checkpoint.

use crate::log::{self, Checkpoint, Hash, ProvenNodes, TrustedKey};
use crate::verify::{appraise, verify_entry};
use crate::{Doubt, LeafHash, LogEntry, Measurement, Receipt, Statement};

/// Verifies any number of entries under one checkpoint: the signature once, and of each
/// proof what no earlier one has proven.
///
/// It believes exactly what [`verify`](crate::verify()) believes, whatever it was shown
/// before. What it remembers of the tree grows with the entries that it has believed: at
/// most two hashes for each level of the tree and entry.
///
/// ```
/// # use cryptlet_attest::{Doubt, Receipt, TrustedKey, Verifier};
/// fn fuel(receipts: &[Receipt], checkpoint: &str, trust: &[TrustedKey]) -> Result<u64, Doubt> {
///     let mut verifier = Verifier::new(checkpoint, trust)?;
///     let mut fuel = 0;
///     for receipt in receipts {
///         fuel += verifier.verify(receipt, None)?.statement.execution.fuel;
///     }
///     Ok(fuel)
/// }
/// ```
pub struct Verifier {
    note: String,
    trust: Vec<TrustedKey>,
    checkpoint: Checkpoint,
    proven: ProvenNodes,
}

/// A receipt that verified: what it states, and where it stands. Not that it tells the
/// truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What the receipt states.
    pub statement: Statement,
    /// The hash of its log entry; on a chain, the receipt hash.
    pub leaf_hash: LeafHash,
    /// The entry's index in the log.
    pub index: u64,
}

impl Verifier {
    /// Believes a checkpoint that a key in `trust` has signed.
    ///
    /// # Errors
    ///
    /// The first reason for not believing it.
    pub fn new(checkpoint: &str, trust: &[TrustedKey]) -> Result<Self, Doubt> {
        let opened = log::open_checkpoint(checkpoint, trust)?;
        Ok(Self {
            note: checkpoint.to_owned(),
            trust: trust.to_vec(),
            proven: ProvenNodes::new(opened.size, opened.root),
            checkpoint: opened,
        })
    }

    /// The checkpoint, once a trusted key has been found to have signed it.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Verifies the receipt of a run and, if `expect` is given, that this module ran. A
    /// receipt that carries another checkpoint is verified under that one, all by itself.
    ///
    /// # Errors
    ///
    /// The first reason for not believing the receipt.
    pub fn verify(
        &mut self,
        receipt: &Receipt,
        expect: Option<&Measurement>,
    ) -> Result<Verified, Doubt> {
        let leaf_hash = receipt.leaf_hash();
        let statement = if receipt.checkpoint == self.note {
            let entry = LogEntry::from_bytes(&receipt.statement)?;
            self.include(receipt.index, &leaf_hash, &receipt.proof)?;
            appraise(entry, &self.note, &self.checkpoint, &self.trust, expect)?
        } else {
            let (entry, checkpoint) = verify_entry(receipt, &self.trust)?;
            appraise(entry, &receipt.checkpoint, &checkpoint, &self.trust, expect)?
        };
        Ok(Verified {
            statement,
            leaf_hash,
            index: receipt.index,
        })
    }

    /// Verifies that an entry, of whatever kind, stands in the log, and reads it.
    ///
    /// # Errors
    ///
    /// The first reason for not believing it.
    pub fn verify_entry(
        &mut self,
        index: u64,
        entry: &[u8],
        proof: &[[u8; 32]],
    ) -> Result<LogEntry, Doubt> {
        let read = LogEntry::from_bytes(entry)?;
        self.include(index, &LeafHash::of(entry), proof)?;
        Ok(read)
    }

    /// Verifies that the entry with the hash `leaf` stands at `index`.
    ///
    /// # Errors
    ///
    /// [`Doubt::NotInLog`].
    pub fn include(
        &mut self,
        index: u64,
        leaf: &LeafHash,
        proof: &[[u8; 32]],
    ) -> Result<(), Doubt> {
        if self.proven.check(index, &Hash(*leaf.as_bytes()), proof) {
            Ok(())
        } else {
            Err(Doubt::NotInLog {
                index,
                size: self.checkpoint.size,
            })
        }
    }
}

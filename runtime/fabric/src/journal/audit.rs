//! The whole log, checked leaf by leaf: what takes too long at every start and must not be left out
//! before a copy is trusted.

use cryptlet_attest::{LeafHash, TrustedKey, log};

use super::log::damaged;
use super::views::CheckpointRow;
use super::{Journal, JournalError};

/// Leaves that are read at once.
const PAGE: u32 = 1_000;

impl Journal {
    /// Hashes every leaf anew and compares all of it with what is stored, up to the root that the
    /// newest checkpoint signs with the key that the first leaf names. Gives that key and
    /// checkpoint; none for a journal without leaves.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read or the log is damaged.
    pub fn verify_log(&self) -> Result<Option<(TrustedKey, CheckpointRow)>, JournalError> {
        let damaged = |reason: String| damaged(&self.path, reason);
        // What is covered now stays as it is, whoever writes meanwhile.
        let Some(checkpoint) = self.newest_checkpoint()? else {
            return match self.log_size()? {
                0 => Ok(None),
                size => Err(damaged(format!("{size} leaves without a checkpoint"))),
            };
        };
        let mut hashes = log::MemoryHashes::default();
        while hashes.size() < checkpoint.size {
            let page = self.leaves(hashes.size(), PAGE)?;
            if page.is_empty() {
                break;
            }
            for leaf in page {
                let position = hashes.size();
                if position == checkpoint.size {
                    break;
                }
                let hash = LeafHash::of(&leaf.entry);
                if leaf.position != position || leaf.hash != hash {
                    return Err(damaged(format!("leaf {position} is missing or altered")));
                }
                hashes
                    .append(&hash)
                    .map_err(|error| damaged(error.to_string()))?;
            }
        }
        let root = log::root(hashes.size(), &hashes).map_err(|error| damaged(error.to_string()))?;
        if hashes.size() != checkpoint.size || root.0 != checkpoint.root {
            return Err(damaged(
                "the leaves do not hash to the newest checkpoint's root".into(),
            ));
        }
        let key = self
            .trusted_key()?
            .ok_or_else(|| damaged("it names no key".into()))?;
        let signed = log::open_checkpoint(&checkpoint.note, std::slice::from_ref(&key))
            .map_err(|error| damaged(format!("checkpoint {}: {error}", checkpoint.size)))?;
        if signed.size != checkpoint.size || signed.root != root {
            return Err(damaged(format!(
                "checkpoint {} signs another tree",
                checkpoint.size
            )));
        }
        self.compare_stored(&hashes, checkpoint.size)?;
        Ok(Some((key, checkpoint)))
    }

    /// Proofs are made from stored hashes: a false one among them would spoil them.
    fn compare_stored(&self, hashes: &log::MemoryHashes, size: u64) -> Result<(), JournalError> {
        use log::HashReader as _;
        let count = log::stored_hash_count(size);
        for from in (0..count).step_by(PAGE as usize) {
            let page: Vec<u64> = (from..count.min(from + u64::from(PAGE))).collect();
            let computed = hashes
                .read_hashes(&page)
                .map_err(|error| damaged(&self.path, error.to_string()))?;
            let stored: Vec<[u8; 32]> = self.read().all(
                "SELECT hash FROM log_hash WHERE position >= ?1 ORDER BY position LIMIT ?2",
                [
                    from.cast_signed(),
                    page.len().try_into().unwrap_or(i64::MAX),
                ],
                |row| row.get(0),
            )?;
            if !computed.iter().map(|hash| &hash.0).eq(&stored) {
                return Err(damaged(
                    &self.path,
                    format!("a stored hash from {from} on is missing or altered"),
                ));
            }
        }
        Ok(())
    }

    /// Writes a copy of the journal as it stands now; a fabric that writes meanwhile does not mind.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read or `copy` not be written.
    pub(crate) fn copy_to(&self, copy: &std::path::Path) -> Result<(), JournalError> {
        let name = copy.display().to_string();
        self.read()
            .connection
            .execute("VACUUM INTO ?1", [&name])
            .map_err(|source| super::store(copy, source))?;
        Ok(())
    }
}

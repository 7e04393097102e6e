//! Entries as a log publishes them: bundles of up to 256, each entry after its length.

use super::TILE_WIDTH;
use thiserror::Error;

/// Greatest size of a bundle of entries, in bytes.
pub const MAXIMUM_ENTRY_BUNDLE: usize = 256 * (2 + u16::MAX as usize);

/// Why entries do not make a bundle, or bytes are not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EntryBundleError {
    /// More than 256 entries.
    #[error("a bundle has at most {TILE_WIDTH} entries")]
    TooMany,
    /// An entry whose length does not fit into 2 bytes.
    #[error("entry {position} of the bundle has {length} bytes, more than any entry")]
    TooLarge {
        /// Which entry of the bundle, counted from 0.
        position: usize,
        /// Its length in bytes.
        length: usize,
    },
    /// The bytes end inside an entry or its length.
    #[error("the bundle is cut off in its entry {position}")]
    Truncated {
        /// Which entry of the bundle, counted from 0.
        position: usize,
    },
}

/// Puts up to 256 entries into a bundle: each after its length in 2 bytes, big-endian.
///
/// # Errors
///
/// If there are more, or one has more than 65 535 bytes.
pub fn entry_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, EntryBundleError> {
    if entries.len() as u64 > TILE_WIDTH {
        return Err(EntryBundleError::TooMany);
    }
    let mut bundle = Vec::new();
    for (position, entry) in entries.iter().enumerate() {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len()).map_err(|_| EntryBundleError::TooLarge {
            position,
            length: entry.len(),
        })?;
        bundle.extend(length.to_be_bytes());
        bundle.extend(entry);
    }
    Ok(bundle)
}

/// The entries of a bundle, in their order.
///
/// # Errors
///
/// If the bytes are cut off or have more than 256 entries.
pub fn read_entry_bundle(bundle: &[u8]) -> Result<Vec<&[u8]>, EntryBundleError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let position = entries.len();
        if position as u64 == TILE_WIDTH {
            return Err(EntryBundleError::TooMany);
        }
        let truncated = EntryBundleError::Truncated { position };
        let (length, after) = rest.split_first_chunk().ok_or(truncated)?;
        let (entry, after) = after
            .split_at_checked(usize::from(u16::from_be_bytes(*length)))
            .ok_or(truncated)?;
        entries.push(entry);
        rest = after;
    }
    Ok(entries)
}

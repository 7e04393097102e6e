//! The append-only log: an RFC 6962 Merkle tree over SHA-256.

use crate::LeafHash;

/// RFC 6962 section 2.1: SHA-256 of a zero byte and the entry.
pub fn leaf_hash(entry: &[u8]) -> LeafHash {
    LeafHash::from_bytes(tlog_tiles::record_hash(entry).0)
}

//! The append-only log: an RFC 6962 Merkle tree over SHA-256, published as
//! [C2SP tlog-checkpoint](https://c2sp.org/tlog-checkpoint) signed notes.
//!
//! The tree is a set of stored hashes, numbered so that an append only ever writes
//! at the end (`tlog_tiles`, the numbering of Go's checksum database). Where they are
//! kept is the caller's business: every function here takes a [`HashReader`].
//!
//! ```
//! use cryptlet_attest::log::{self, MemoryHashes};
//!
//! let mut hashes = MemoryHashes::default();
//! for entry in [b"first", b"other", b"third"] {
//!     hashes.append(&log::leaf_hash(entry))?;
//! }
//! let root = log::root(3, &hashes)?;
//! let proof = log::prove(1, 3, &hashes)?;
//! log::check_inclusion(&proof, 1, &log::leaf_hash(b"other"), 3, &root)?;
//! # Ok::<(), log::LogError>(())
//! ```

mod checkpoint;
mod key;
mod storage;
mod tree;

pub use checkpoint::{
    Checkpoint, CheckpointError, MAXIMUM_CHECKPOINT, open_checkpoint, sign_checkpoint,
};
pub(crate) use key::sign_checked;
pub use key::{CheckpointKey, KeyError, SigningError, TrustedKey};
pub use storage::{HashReader, HashReaderError, MemoryHashes};
pub use tree::{
    Hash, LogError, MAXIMUM_SIZE, append, check_consistency, check_inclusion, leaf_hash, prove,
    prove_consistency, root, stored_hash_count,
};

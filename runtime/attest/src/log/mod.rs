//! The append-only log: an RFC 6962 Merkle tree over SHA-256, published as
//! [C2SP tlog-checkpoint](https://c2sp.org/tlog-checkpoint) signed notes.
//!
//! The tree is a set of stored hashes, numbered so that an append only ever writes
//! at the end (`tlog_tiles`, the numbering of Go's checksum database). Where they are
//! kept is the caller's business: every function here takes a [`HashReader`]. [`Tiles`]
//! is one over [C2SP tlog-tiles](https://c2sp.org/tlog-tiles), as a log publishes them.
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

mod add_checkpoint;
mod checkpoint;
mod compact_range;
mod cose;
mod cosignature;
mod entry_bundle;
mod key;
mod proof_file;
mod proof_text;
mod proven;
mod storage;
mod tile;
mod tile_path;
mod tree;
mod witness;

pub use add_checkpoint::{AddCheckpoint, AddCheckpointError, MAXIMUM_ADD_CHECKPOINT};
pub use checkpoint::{
    Checkpoint, CheckpointError, MAXIMUM_CHECKPOINT, open_checkpoint, sign_checkpoint,
    without_strangers,
};
pub use compact_range::{CompactRange, Grown};
pub use cose::{
    COSE_EXTENSION, CoseConsistency, CoseError, CoseInclusion, CoseProof, CoseReceipt,
    MAXIMUM_COSE, check_consistency_receipt, check_inclusion_receipt, consistency_receipt,
    inclusion_receipt, sign_root,
};
pub use cosignature::{
    Cosigned, WitnessKey, accept_cosignatures, add_cosignatures, cosign, cosigners,
};
pub use entry_bundle::{EntryBundleError, MAXIMUM_ENTRY_BUNDLE, entry_bundle, read_entry_bundle};
pub(crate) use key::sign_checked;
pub use key::{CheckpointKey, KeyError, SigningError, TrustedKey};
pub use proof_file::{TLOG_PROOF_EXTENSION, TlogProof, TlogProofError};
pub(crate) use proven::ProvenNodes;
pub use storage::{HashReader, HashReaderError, MemoryHashes};
pub use tile::{TILE_WIDTH, TileId, TileReader, Tiles, append_leaves};
pub use tile_path::{TilePath, TilePathError};
pub use tree::{
    Hash, LogError, MAXIMUM_SIZE, append, check_consistency, check_inclusion, leaf_hash, prove,
    prove_consistency, root, stored_hash_count,
};
pub use witness::{Leave, Witness, WitnessRefusal, Witnessed};

//! Answers what a document hashes to, with its provenance: the directory that the binding
//! grants as `documents`, the path in it and the length.
//!
//! It reads the file through WASI, in pieces, and keeps nothing. The transcript of the run
//! holds the whole content, so whoever replays it computes the hash anew, without the
//! file. That the host showed the file that lies there is the host's word; see the README.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("contract.txt"), "abc")?;
//! let digest = file_notary::hash(folder.path(), "contract.txt")?;
//! assert_eq!(digest.bytes, 3);
//! assert_eq!(digest.sha256[..4], [0xba, 0x78, 0x16, 0xbf]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod document;

pub use document::{Digest, DocumentError, hash};

use std::path::Path;

use cryptlet_sdk::prelude::*;

/// The directory's name, as manifest and binding have it.
pub const DIRECTORY: &str = "documents";

/// Asks for the hash of one document.
#[message]
pub struct Notarize {
    /// Its path in the directory: `2026/contract.pdf`.
    pub path: String,
}

/// What the document is, and where it lay.
#[message]
pub struct Notarized {
    /// SHA-256 of its bytes.
    pub sha256: Bytes32,
    /// Its length in bytes.
    pub size: u64,
    /// Where it lay, as the counterparties call it.
    pub directory: String,
    /// The path that was asked for.
    pub path: String,
}

/// Hashes a document of the granted directory.
///
/// # Errors
///
/// `invalid-path` for one that is not made of plain names, `no-such-file`, `not-a-file` for a
/// directory, `too-large` for one that the grant does not let it read whole, and `not-readable` with the
/// reason for everything else.
#[cryptlet_sdk::utility]
pub fn notarize(_: &mut Context, asked: Notarize) -> Result<Notarized> {
    let Digest { sha256, bytes } = hash(&Path::new("/").join(DIRECTORY), &asked.path)?;
    Ok(Notarized {
        sha256: Bytes32::from(sha256),
        size: bytes,
        directory: DIRECTORY.to_owned(),
        path: asked.path,
    })
}

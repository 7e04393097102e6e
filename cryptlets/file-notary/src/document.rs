use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Component, Path};

use cryptlet_sdk::Error;
use sha2::{Digest as _, Sha256};

/// What a document is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Its length.
    pub bytes: u64,
}

/// Why a document was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// A path that is not made of plain names.
    #[error(
        "`{0}` is no path in the directory; write names joined by `/`, such as 2026/contract.pdf"
    )]
    Path(String),
    /// It could not be read.
    #[error("{path}: {source}")]
    Read {
        /// The path.
        path: String,
        /// Why not.
        source: io::Error,
    },
}

/// Bytes that are read at a time.
const PIECE: usize = 32 * 1024;

/// Hashes the file at `path` in a directory, in pieces.
///
/// # Errors
///
/// [`DocumentError`]: the path leads elsewhere, or the file cannot be read.
pub fn hash(directory: &Path, path: &str) -> Result<Digest, DocumentError> {
    let is_name = |component| matches!(component, Component::Normal(_));
    if path.is_empty() || !Path::new(path).components().all(is_name) {
        return Err(DocumentError::Path(path.to_owned()));
    }
    File::open(directory.join(path))
        .and_then(digest)
        .map_err(|source| DocumentError::Read {
            path: path.to_owned(),
            source,
        })
}

fn digest(mut file: impl Read) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let mut bytes = 0;
    let mut piece = vec![0; PIECE];
    loop {
        let read = match file.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&piece[..read]);
        bytes += read as u64;
    }
    Ok(Digest {
        sha256: hasher.finalize().into(),
        bytes,
    })
}

impl From<DocumentError> for Error {
    fn from(error: DocumentError) -> Self {
        let code = match &error {
            DocumentError::Path(_) => "invalid-path",
            DocumentError::Read { source, .. } => match source.kind() {
                ErrorKind::NotFound => "no-such-file",
                ErrorKind::IsADirectory => "not-a-file",
                ErrorKind::FileTooLarge => "too-large",
                _ => "not-readable",
            },
        };
        Self::new(code, error.to_string())
    }
}

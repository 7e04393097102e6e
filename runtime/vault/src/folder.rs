//! The folder that the key files lie in: private, and written durably.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// Why a file was not written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// There is a file of that name already.
    Exists,
    /// The system refused.
    System(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// Writes a new file that only its owner can read. When this returns, the file
/// survives a loss of power. If it fails no part of the file is left, except
/// that the whole file may be there when the last step failed, which is to make
/// the folder remember it.
pub(crate) fn write_new(folder: &Path, file: &str, bytes: &[u8]) -> Result<(), WriteError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".new-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o600));
    }
    let mut temporary = builder.tempfile_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary
        .persist_noclobber(folder.join(file))
        .map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => WriteError::Exists,
            _ => WriteError::System(error.error),
        })?;
    sync(folder)?;
    Ok(())
}

/// Makes the folder, and those above it that are missing, for its owner alone.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    let made: Vec<&Path> = folder
        .ancestors()
        .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.exists())
        .collect();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)?;
    for child in made {
        match child.parent() {
            Some(parent) if parent.as_os_str().is_empty() => sync(Path::new("."))?,
            Some(parent) => sync(parent)?,
            None => {}
        }
    }
    Ok(())
}

/// The permission bits of the folder, if they let anyone but its owner in.
#[cfg(unix)]
pub(crate) fn open_to_others(folder: &Path) -> io::Result<Option<u32>> {
    use std::os::unix::fs::MetadataExt;
    let mode = fs::metadata(folder)?.mode() & 0o7777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

#[cfg(not(unix))]
pub(crate) fn open_to_others(_: &Path) -> io::Result<Option<u32>> {
    Ok(None)
}

/// Reads a file up to `limit` bytes and one more, which shows that there are more.
pub(crate) fn read_bounded(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

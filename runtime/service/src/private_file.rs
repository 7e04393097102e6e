//! Files that only the service's own user may read, and that are there whole or not at all.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Puts `contents` in place of whatever `path` held, durably; readers see the old or the new.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let draft = path.with_file_name(name);
    write(&draft, contents)?;
    std::fs::rename(&draft, path)?;
    sync_folder(path)
}

/// Makes a file that is not there yet, durably, whole or not at all.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] if it is there, in which case it stays as it is.
pub(crate) fn create(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Two processes may try at the same time.
    name.push(format!(".{}", std::process::id()));
    let draft = path.with_file_name(name);
    write(&draft, contents)?;
    let created = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    created?;
    sync_folder(path)
}

fn write(draft: &Path, contents: &[u8]) -> io::Result<()> {
    // Left behind by a process that was killed; nobody reads it.
    match std::fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Makes the folder of a file remember its name.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::File::open(folder)?.sync_all()
}

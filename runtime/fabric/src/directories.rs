//! Directories of this host that cryptlets may read: which name stands for which place, and what lies
//! there. No link leads out of one, and nothing is ever written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions, OpenOptionsExt as _};
use cryptlet_container::{DirectoryEntry, EntryKind, FileError, FileStatus, Opened, listing_bytes};
use rustix::fs::OFlags;
use rustix::io::Errno;

/// How often a file is read again that changes meanwhile.
const ATTEMPTS: usize = 3;

/// Directories by the names that bindings grant them under.
///
/// Each is looked up whenever something in it is: a directory that is mounted anew is found anew. Within one
/// question no link leads out of it (`openat2` with `RESOLVE_BENEATH`, by cap-std).
#[derive(Clone, Debug, Default)]
pub struct Directories {
    places: BTreeMap<String, PathBuf>,
}

/// A directory that the configuration names cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("directories.{name}: {path} cannot be read: {source}; make it, or name another")]
pub struct DirectoryError {
    /// Its name.
    pub name: String,
    /// Where it should be.
    pub path: PathBuf,
    /// Why it cannot be read.
    pub source: io::Error,
}

impl Directories {
    /// Those that lie at these places.
    #[must_use]
    pub fn new(places: BTreeMap<String, PathBuf>) -> Self {
        Self { places }
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// Opens every directory once.
    ///
    /// # Errors
    ///
    /// The first that is not there, is no directory, or may not be listed.
    pub fn check(&self) -> Result<(), DirectoryError> {
        for (name, path) in &self.places {
            Dir::open_ambient_dir(path, ambient_authority())
                .and_then(|directory| directory.entries().map(drop))
                .map_err(|source| DirectoryError {
                    name: name.clone(),
                    path: path.clone(),
                    source,
                })?;
        }
        Ok(())
    }

    /// As [`Services::open_file`](cryptlet_container::Services::open_file). A file that changes while it
    /// is read is read again, and given up if it does not come to rest. A change is told by the file's
    /// time of change and length, so one within a tick of the clock of the file system that leaves the
    /// length as it is can go unnoticed; whoever replaces files by renaming is safe from that.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_file(
        &self,
        directory: &str,
        path: &str,
        most_bytes: u64,
    ) -> Result<Opened, FileError> {
        let folder = self.folder(directory)?;
        // Opening is an act to a device, and to whoever waits at the other end of a pipe.
        let metadata = folder.metadata(here(path)).map_err(|error| told(&error))?;
        status(&metadata)?;
        let mut options = OpenOptions::new();
        // What has become a pipe since then would keep the run waiting.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.read(true).custom_flags(flags.bits().cast_signed());
        let file = folder
            .open_with(here(path), &options)
            .map_err(|error| told(&error))?;
        let metadata = file.metadata().map_err(|error| told(&error))?;
        match status(&metadata)? {
            FileStatus::Directory => Ok(Opened::Directory),
            FileStatus::File { .. } => {
                let file = file.into_std();
                read_at_rest(|| Stamp::of(&file), most_bytes, || read(&file, most_bytes))
                    .map(Opened::File)
            }
        }
    }

    /// As [`Services::file_status`](cryptlet_container::Services::file_status).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn file_status(&self, directory: &str, path: &str) -> Result<FileStatus, FileError> {
        let folder = self.folder(directory)?;
        let metadata = folder.metadata(here(path)).map_err(|error| told(&error))?;
        status(&metadata)
    }

    /// As [`Services::list_directory`](cryptlet_container::Services::list_directory).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn list_directory(
        &self,
        directory: &str,
        path: &str,
        most_bytes: u64,
    ) -> Result<Vec<DirectoryEntry>, FileError> {
        let folder = self
            .folder(directory)?
            .open_dir(here(path))
            .map_err(|error| told(&error))?;
        let mut entries = Vec::new();
        let mut bytes = 0;
        for entry in folder.entries().map_err(|error| told(&error))? {
            let entry = entry.map_err(|error| told(&error))?;
            let name = entry.file_name();
            let name = name.to_str().ok_or(FileError::IllegalName)?;
            // What is gone by now, or leads nowhere, still has its name.
            let status = folder.metadata(name).map_err(|error| told(&error));
            let entry = DirectoryEntry {
                name: name.to_owned(),
                kind: match status.and_then(|metadata| status_of_entry(&metadata)) {
                    Ok(kind) => kind,
                    Err(_) => EntryKind::Other,
                },
            };
            bytes += listing_bytes(std::slice::from_ref(&entry));
            if bytes > most_bytes {
                return Err(FileError::TooLarge);
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    fn folder(&self, directory: &str) -> Result<Dir, FileError> {
        let path = self.places.get(directory).ok_or(FileError::NoDirectory)?;
        Dir::open_ambient_dir(path, ambient_authority()).map_err(|error| {
            tracing::warn!(directory, %error, "a directory of the configuration cannot be opened");
            FileError::NoDirectory
        })
    }
}

/// A path as cap-std takes it: there, too, the folder itself has a name.
fn here(path: &str) -> &str {
    match path {
        "" => ".",
        path => path,
    }
}

fn status(metadata: &Metadata) -> Result<FileStatus, FileError> {
    if metadata.is_dir() {
        Ok(FileStatus::Directory)
    } else if metadata.is_file() {
        Ok(FileStatus::File {
            bytes: metadata.len(),
        })
    } else {
        Err(FileError::Unsupported)
    }
}

fn status_of_entry(metadata: &Metadata) -> Result<EntryKind, FileError> {
    Ok(match status(metadata)? {
        FileStatus::File { .. } => EntryKind::File,
        FileStatus::Directory => EntryKind::Directory,
    })
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    /// Seconds and nanoseconds of the last change.
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &File) -> Result<Stamp, FileError> {
        let metadata = file.metadata().map_err(|error| told(&error))?;
        Ok(Stamp {
            bytes: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// What a file holds, once it was the same before and after the reading.
fn read_at_rest(
    mut stamp: impl FnMut() -> Result<Stamp, FileError>,
    most_bytes: u64,
    mut read: impl FnMut() -> Result<Vec<u8>, FileError>,
) -> Result<Vec<u8>, FileError> {
    for _ in 0..ATTEMPTS {
        let before = stamp()?;
        if before.bytes > most_bytes {
            return Err(FileError::TooLarge);
        }
        let content = read()?;
        if stamp()? == before && content.len() as u64 == before.bytes {
            return Ok(content);
        }
    }
    Err(FileError::Busy)
}

fn read(mut file: &File, most_bytes: u64) -> Result<Vec<u8>, FileError> {
    let mut content = Vec::new();
    file.rewind().map_err(|error| told(&error))?;
    file.take(most_bytes.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|error| told(&error))?;
    Ok(content)
}

/// An error as a guest may hear it.
fn told(error: &io::Error) -> FileError {
    let Some(errno) = Errno::from_io_error(error) else {
        // Ours come from the system; what has no number is cap-std's word that a path leads out.
        return match error.kind() {
            io::ErrorKind::PermissionDenied => FileError::NotPermitted,
            _ => FileError::Io,
        };
    };
    match errno {
        Errno::NOENT | Errno::LOOP => FileError::NoEntry,
        Errno::NOTDIR => FileError::NotDirectory,
        Errno::XDEV => FileError::NotPermitted,
        Errno::ACCESS | Errno::PERM => FileError::Access,
        Errno::NAMETOOLONG => FileError::NameTooLong,
        Errno::NXIO | Errno::NODEV => FileError::Unsupported,
        _ => FileError::Io,
    }
}

#[cfg(test)]
mod tests;

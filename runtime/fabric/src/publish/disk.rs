//! The little of a disk that publishing needs, so that tests can put another in its place.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use crate::document;

/// A disk. Nothing survives a loss of power before it is flushed, no name before its folder is.
pub trait Disk: Send + Sync {
    /// The whole file; none if there is no such file.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;

    /// Makes a folder and those above it, unless they are there.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;

    /// Writes a file that need not exist, in place of what it holds.
    ///
    /// # Errors
    ///
    /// If it cannot be written; part of it may be.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Returns once what the file holds survives a loss of power.
    ///
    /// # Errors
    ///
    /// If the disk says no.
    fn flush(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name, in place of what has it, at once.
    ///
    /// # Errors
    ///
    /// If it cannot.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Returns once the names in a folder survive a loss of power.
    ///
    /// # Errors
    ///
    /// If the disk says no.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Removes a folder with all in it, if it is there.
    ///
    /// # Errors
    ///
    /// If it cannot be removed.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;
}

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileSystem;

impl Disk for FileSystem {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        File::create(path)?.write_all(bytes)
    }

    fn flush(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.as_os_str().is_empty() {
            return document::sync_folder(Path::new("."));
        }
        document::sync_folder(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

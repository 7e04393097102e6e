//! The published log: a folder of tiles and one checkpoint that any static file server can serve.
//!
//! The folder follows the journal and never leads. Tiles come first, the checkpoint last, each written
//! under another name, flushed and renamed; so whatever happens to the machine, the checkpoint in the
//! folder is one that the journal has, and all that it needs is beside it. See `docs/spec/log.md`.

mod disk;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cryptlet_attest::TrustedKey;
use cryptlet_attest::log::{self, Checkpoint, CheckpointError, TilePath};

use crate::journal::{CheckpointRow, Journal, JournalError};

pub use disk::{Disk, FileSystem};

/// The newest checkpoint's name in the folder.
pub const CHECKPOINT: &str = "checkpoint";
/// What is being written; never served under a name of the log.
const UNFINISHED: &str = ".unfinished";

/// The log could not be published, or must not be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The journal cannot be read, or it is not the one that this folder was published from
    /// ([`JournalError::Behind`], [`JournalError::Forked`]).
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The disk failed.
    #[error(
        "cannot publish the log: {path}: {source}; see that the folder can be written and has room"
    )]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another log is published there, or something that is none.
    #[error(
        "{path} is no checkpoint of this log: {source}; name another folder in [log], or move this one away"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: CheckpointError,
    },
    /// The newest checkpoint is not what the log's key signs: this machine was faulty when it signed, or
    /// the journal was altered. What is published stays.
    #[error(
        "the checkpoint of {size} entries is not published: {source}; the next one takes its place, so keep the host running until there is one; if this comes again, check the memory of this machine and its log"
    )]
    Unsigned {
        /// The entries that it covers.
        size: u64,
        /// Why nobody would believe it.
        source: CheckpointError,
    },
    /// The file is no text.
    #[error("{0} is no text; restore it from a copy of the folder, or move the folder away")]
    NoText(PathBuf),
}

/// Keeps a folder up to a journal's newest checkpoint.
pub struct Publisher<D = FileSystem> {
    folder: PathBuf,
    key: TrustedKey,
    disk: D,
    /// One publication at a time.
    turn: Mutex<()>,
}

impl Publisher {
    /// Publishes in `folder`, which need not exist yet, the log that `key` signs.
    #[must_use]
    pub fn new(folder: &Path, key: TrustedKey) -> Self {
        Self::on(FileSystem, folder, key)
    }
}

impl<D: Disk> Publisher<D> {
    /// The same on another disk.
    pub fn on(disk: D, folder: &Path, key: TrustedKey) -> Self {
        Self {
            folder: folder.to_owned(),
            key,
            disk,
            turn: Mutex::default(),
        }
    }

    /// The checkpoint that is published now, as a signed note and as what it says.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or it is not this log's.
    pub fn published(&self) -> Result<Option<(String, Checkpoint)>, PublishError> {
        let path = self.folder.join(CHECKPOINT);
        let Some(note) = self.disk.read(&path).map_err(failed(&path))? else {
            return Ok(None);
        };
        let note = String::from_utf8(note).map_err(|_| PublishError::NoText(path.clone()))?;
        let checkpoint = log::open_checkpoint(&note, std::slice::from_ref(&self.key))
            .map_err(|source| PublishError::Foreign { path, source })?;
        Ok(Some((note, checkpoint)))
    }

    /// Refuses a journal whose log does not begin with the published one: an old copy of it, or
    /// another that took its name.
    ///
    /// # Errors
    ///
    /// [`JournalError::Behind`], [`JournalError::Forked`], or if either cannot be read.
    pub fn check(&self, journal: &Journal) -> Result<(), PublishError> {
        if let Some((_, published)) = self.published()? {
            journal.check_begins_with(&published)?;
        }
        Ok(())
    }

    /// Brings the folder up to the journal's newest checkpoint with its cosignatures, and gives that;
    /// none before the first leaf. What is published stays as it is until all of the new is on disk.
    ///
    /// # Errors
    ///
    /// If the journal is not the one that was published here, if its newest checkpoint does not verify,
    /// or if the disk fails.
    pub fn publish(&self, journal: &Journal) -> Result<Option<CheckpointRow>, PublishError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let published = self.published()?;
        if let Some((_, checkpoint)) = &published {
            journal.check_begins_with(checkpoint)?;
        }
        let Some(newest) = journal.cosigned_checkpoint()? else {
            return Ok(None);
        };
        if published
            .as_ref()
            .is_some_and(|(note, _)| *note == newest.note)
        {
            return Ok(Some(newest));
        }
        // Whoever has a false checkpoint believes nothing that comes after it, and this folder cannot take
        // one back. Signing does not verify; see `CheckpointKey::needs_verification`.
        log::open_checkpoint(&newest.note, std::slice::from_ref(&self.key)).map_err(|source| {
            PublishError::Unsigned {
                size: newest.size,
                source,
            }
        })?;
        let before = published.map_or(0, |(_, checkpoint)| checkpoint.size);
        self.make_folder(&self.folder)?;
        let mut folders = BTreeSet::new();
        if before == 0 {
            folders.extend(self.folder.parent().map(Path::to_owned));
        }
        for path in TilePath::grown(before, newest.size) {
            let tile = journal
                .tile(path)?
                .expect("a checkpoint covers what grew up to it");
            self.put(&self.folder.join(path.to_string()), &tile, &mut folders)?;
        }
        for folder in &folders {
            self.disk.sync_folder(folder).map_err(failed(folder))?;
        }
        self.replace(&self.folder.join(CHECKPOINT), newest.note.as_bytes())?;
        self.disk
            .sync_folder(&self.folder)
            .map_err(failed(&self.folder))?;
        self.prune(before, newest.size)?;
        Ok(Some(newest))
    }

    /// Writes a tile, unless it is there, and notes the folders that must remember its name.
    fn put(
        &self,
        path: &Path,
        tile: &[u8],
        folders: &mut BTreeSet<PathBuf>,
    ) -> Result<(), PublishError> {
        let parent = path.parent().unwrap_or(&self.folder);
        if !folders.contains(parent) {
            self.make_folder(parent)?;
            let inside = parent
                .ancestors()
                .take_while(|ancestor| ancestor.starts_with(&self.folder));
            folders.extend(inside.map(Path::to_owned));
        }
        // Left by a publisher that did not come to its checkpoint; nobody was told of it.
        if self.disk.read(path).map_err(failed(path))?.as_deref() == Some(tile) {
            return Ok(());
        }
        self.replace(path, tile)
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), PublishError> {
        let unfinished = self.folder.join(UNFINISHED);
        self.disk
            .write(&unfinished, bytes)
            .and_then(|()| self.disk.flush(&unfinished))
            .map_err(failed(&unfinished))?;
        self.disk.rename(&unfinished, path).map_err(failed(path))
    }

    /// Takes away narrower forms of tiles that have become full: whoever asks for one of these takes
    /// the full tile.
    fn prune(&self, before: u64, size: u64) -> Result<(), PublishError> {
        for path in TilePath::grown(before, size).filter(TilePath::is_full) {
            let mut narrower = self.folder.join(path.to_string()).into_os_string();
            narrower.push(".p");
            let narrower = PathBuf::from(narrower);
            self.disk
                .remove_folder(&narrower)
                .map_err(failed(&narrower))?;
        }
        Ok(())
    }

    fn make_folder(&self, folder: &Path) -> Result<(), PublishError> {
        self.disk.make_folder(folder).map_err(failed(folder))
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> PublishError + '_ {
    |source| PublishError::Disk {
        path: path.to_owned(),
        source,
    }
}

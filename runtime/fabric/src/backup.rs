//! All that a fabric must not forget in one file, and a state folder made from it.
//!
//! A backup is a tar archive: a manifest with the length and the BLAKE3 sum of each file and with the
//! newest checkpoint, a copy of the journal as it stood at one moment, the configuration, the
//! callers' tokens by their hashes, and the keys as the vault keeps them, encrypted. It can be made
//! while the fabric runs.
//!
//! The sums find what went wrong by accident. What the log holds is proven by its checkpoint; the
//! rest of a backup is as trustworthy as the place where it was kept.

mod archive;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::document;
use crate::journal::{Journal, JournalError};

const JOURNAL: &str = "journal.sqlite";
const KEYS: &str = "keys";
/// Lies in a folder that was restored until its operator takes it away: what happened after the
/// backup is not in it, and a fabric that runs on it may answer twice and fork its log.
pub const RESTORED: &str = "restored.toml";
/// What lies beside the journal and is copied if it is there.
const DOCUMENTS: [&str; 2] = ["fabric.toml", "tokens.toml"];

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Form of the backup; this fabric writes and reads 1.
    pub format: u32,
    /// Version of the fabric that wrote it.
    pub fabric: String,
    /// How many leaves the log has.
    pub log_size: u64,
    /// The newest checkpoint, a signed note; none before the first leaf.
    pub checkpoint: Option<String>,
    /// Every file, in the order of the archive.
    pub files: Vec<BackedUp>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BackedUp {
    /// Its place in the state folder.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its BLAKE3 sum, hexadecimal.
    pub blake3: String,
}

/// A backup could not be made or not be restored; nothing is left of the attempt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The journal cannot be read, or its log is damaged.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There is something at the backup's place.
    #[error("{0} exists already, and a backup overwrites nothing; name another file")]
    Exists(PathBuf),
    /// The folder to restore into is in use.
    #[error("{0} is not an empty folder; restore into one that does not exist yet")]
    NotEmpty(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}; make room or name another place")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{path} is no backup of a fabric: {reason}; name a file that `cryptlet backup` wrote")]
    NotABackup {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The file is shorter than it was.
    #[error("{path} ends too early, in {entry}; copy it again from where it was kept")]
    Truncated {
        /// The backup.
        path: PathBuf,
        /// Where it ends.
        entry: String,
    },
    /// A file of the backup is not what it was.
    #[error("{entry} in {path} is not what was backed up; take another copy")]
    Altered {
        /// The backup.
        path: PathBuf,
        /// The file in it.
        entry: String,
    },
    /// The archive holds what no backup does.
    #[error("{path} holds {entry}, which no backup does; do not use this file")]
    Unexpected {
        /// The backup.
        path: PathBuf,
        /// The entry.
        entry: String,
    },
}

/// Writes a backup of the state folder `state` to `file`, which must not exist. A running fabric
/// does not mind. When this returns, the file survives a loss of power.
///
/// # Errors
///
/// If the folder holds no journal, its log is damaged, or the file cannot be written.
pub fn backup(state: &Path, file: &Path) -> Result<Manifest, BackupError> {
    if file.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let write = |source| BackupError::Write {
        path: file.to_owned(),
        source,
    };
    let folder = folder_of(file);
    // Beside the backup, where there must be room for it anyway.
    let scratch = private_folder(folder, ".backup-").map_err(write)?;
    let staged = stage(state, scratch.path())?;
    pack(staged, scratch.path(), file)
}

/// One moment of all that a backup holds, where nobody changes it any more.
struct Staged {
    /// The newest checkpoint's size and note.
    checkpoint: Option<(u64, String)>,
    /// Places in the state folder and the copies of what lies there.
    sources: Vec<(String, PathBuf)>,
}

/// Copies into the empty folder `scratch` what a backup of `state` holds.
fn stage(state: &Path, scratch: &Path) -> Result<Staged, BackupError> {
    let copy = scratch.join(JOURNAL);
    Journal::open_for_reading(state)?.copy_to(&copy)?;
    // A copy that could not be restored is found out now, not when it is needed.
    let checkpoint = Journal::open_for_reading(scratch)?
        .verify_log()?
        .map(|(_, row)| (row.size, row.note));
    let mut sources = vec![(JOURNAL.to_owned(), copy)];
    for (name, path) in documents(state)? {
        let copy = scratch.join(&name);
        if let Some(folder) = copy.parent() {
            document::make_private_folder(folder).map_err(|source| BackupError::Write {
                path: folder.to_owned(),
                source,
            })?;
        }
        match std::fs::copy(&path, &copy) {
            Ok(_) => sources.push((name, copy)),
            // Taken away since it was found.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(BackupError::Read { path, source }),
        }
    }
    Ok(Staged {
        checkpoint,
        sources,
    })
}

/// Writes to `file` what was staged in `scratch`.
fn pack(staged: Staged, scratch: &Path, file: &Path) -> Result<Manifest, BackupError> {
    let Staged {
        checkpoint,
        sources,
    } = staged;
    let write = |source| BackupError::Write {
        path: file.to_owned(),
        source,
    };
    let files = sources
        .iter()
        .map(|(name, path)| summed(name, path))
        .collect::<Result<Vec<_>, _>>()?;
    let manifest = Manifest {
        format: archive::FORMAT,
        fabric: env!("CARGO_PKG_VERSION").into(),
        log_size: checkpoint.as_ref().map_or(0, |(size, _)| *size),
        checkpoint: checkpoint.map(|(_, note)| note),
        files,
    };
    // Private from the start, and gone again if anything fails.
    let mut temporary = tempfile::NamedTempFile::new_in(scratch).map_err(write)?;
    archive::write(temporary.as_file_mut(), &manifest, &sources).map_err(write)?;
    temporary.as_file().sync_all().map_err(write)?;
    temporary
        .persist_noclobber(file)
        .map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(file.to_owned()),
            _ => write(error.error),
        })?;
    document::sync_folder(folder_of(file)).map_err(write)?;
    Ok(manifest)
}

/// Makes the state folder `state` from the backup `file`. A new folder appears at once and complete,
/// after every sum and the whole log have been checked, or not at all; one that is there and empty
/// is filled, the journal last.
///
/// The restored folder holds a marker, [`RESTORED`], and no fabric opens it before its operator has
/// taken that away.
///
/// # Errors
///
/// If the folder is there and not empty, or the file is no backup, cut off, altered, or holds
/// anything else.
pub fn restore(file: &Path, state: &Path) -> Result<Manifest, BackupError> {
    let taken = || BackupError::NotEmpty(state.to_owned());
    let existing = match std::fs::read_dir(state) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(taken());
            }
            true
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(taken()),
        Err(source) => {
            return Err(BackupError::Read {
                path: state.to_owned(),
                source,
            });
        }
    };
    let write = |source| BackupError::Write {
        path: state.to_owned(),
        source,
    };
    // An empty folder may be a mount point or the end of a link, which nothing can be renamed to.
    let parent = if existing { state } else { folder_of(state) };
    document::make_private_folder(parent).map_err(write)?;
    let scratch = private_folder(parent, ".restore-").map_err(write)?;
    let manifest = archive::read(file, scratch.path())?;
    let journal = Journal::open_for_reading(scratch.path())?;
    let checkpoint = journal.verify_log()?.map(|(_, row)| row.note);
    drop(journal);
    if checkpoint != manifest.checkpoint {
        return Err(BackupError::Altered {
            path: file.to_owned(),
            entry: archive::MANIFEST.into(),
        });
    }
    mark(file, &manifest, scratch.path()).map_err(write)?;
    for folder in [scratch.path().join(KEYS), scratch.path().to_owned()] {
        if folder.is_dir() {
            document::sync_folder(&folder).map_err(write)?;
        }
    }
    if existing {
        fill(state, scratch.path(), &manifest)?;
        document::sync_folder(state).map_err(write)?;
        return Ok(manifest);
    }
    // A folder that has been filled meanwhile does not give way.
    std::fs::rename(scratch.path(), state).map_err(|error| match error.kind() {
        io::ErrorKind::DirectoryNotEmpty => taken(),
        _ => write(error),
    })?;
    // There is nothing left to clean up.
    drop(scratch.keep());
    document::sync_folder(parent).map_err(write)?;
    Ok(manifest)
}

/// Says in a restored folder what it was restored from.
fn mark(file: &Path, manifest: &Manifest, folder: &Path) -> io::Result<()> {
    use std::io::Write as _;
    let text = format!(
        "# Compare this with the newest checkpoint that was published. If that is of a larger log,\n\
         # this host would answer once more what was answered after the backup, and fork its log.\n\
         # Removing this file lets the fabric run.\n\
         backup = {}\n\
         log-size = {}\n",
        toml::Value::String(file.display().to_string()),
        manifest.log_size
    );
    let mut marker = document::open_private(&folder.join(RESTORED))?;
    marker.write_all(text.as_bytes())?;
    marker.sync_all()
}

/// Moves what was unpacked in `scratch` into the empty folder around it. The journal comes last:
/// without it the folder is no state folder.
fn fill(state: &Path, scratch: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let write = |source| BackupError::Write {
        path: state.to_owned(),
        source,
    };
    let mut names = vec![RESTORED];
    if scratch.join(KEYS).is_dir() {
        names.push(KEYS);
    }
    names.extend(
        DOCUMENTS
            .into_iter()
            .filter(|name| manifest.files.iter().any(|file| file.path == *name)),
    );
    names.push(JOURNAL);
    let others = std::fs::read_dir(state).map_err(write)?.count();
    if others != 1 {
        return Err(BackupError::NotEmpty(state.to_owned()));
    }
    for (done, name) in names.iter().enumerate() {
        if let Err(error) = std::fs::rename(scratch.join(name), state.join(name)) {
            for moved in &names[..done] {
                // Back to where it is cleaned up.
                drop(std::fs::rename(state.join(moved), scratch.join(moved)));
            }
            return Err(write(error));
        }
    }
    Ok(())
}

/// The configuration, the tokens and the keys that there are.
fn documents(state: &Path) -> Result<Vec<(String, PathBuf)>, BackupError> {
    let mut found: Vec<_> = DOCUMENTS
        .iter()
        .map(|name| ((*name).to_owned(), state.join(name)))
        .filter(|(_, path)| path.is_file())
        .collect();
    let keys = state.join(KEYS);
    let read = |source| BackupError::Read {
        path: keys.clone(),
        source,
    };
    let entries = match std::fs::read_dir(&keys) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(read(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(read)?.file_name();
        // Whatever else lies there is no key.
        if let Some(name) = name.to_str()
            && archive::is_key(name)
        {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    found.extend(
        names
            .into_iter()
            .map(|name| (format!("{KEYS}/{name}"), keys.join(name))),
    );
    Ok(found)
}

fn summed(name: &str, path: &Path) -> Result<BackedUp, BackupError> {
    let sum = || -> io::Result<(u64, blake3::Hash)> {
        let mut file = File::open(path)?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut bytes = 0;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok((bytes, hasher.finalize()));
            }
            hasher.update(&buffer[..read]);
            bytes += read as u64;
        }
    };
    let (bytes, hash) = sum().map_err(|source| BackupError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(BackedUp {
        path: name.into(),
        bytes,
        blake3: hash.to_hex().to_string(),
    })
}

/// A folder of our own in `parent` that goes away with whoever made it.
fn private_folder(parent: &Path, prefix: &str) -> io::Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new()
        .prefix(prefix)
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
}

/// The folder that a path lies in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

//! The archive: written in one order, read with suspicion.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use cryptlet_vault::KeyName;

use super::{BackedUp, BackupError, DOCUMENTS, JOURNAL, KEYS, Manifest};
use crate::document;

pub(super) const FORMAT: u32 = 1;
pub(super) const MANIFEST: &str = "manifest.json";

/// More than thousands of keys need.
const MOST_MANIFEST_BYTES: u64 = 4 << 20;

/// Bytes of a block of a tar archive.
const BLOCK: u64 = 512;

/// Whether a file of the vault's folder is a key.
pub(super) fn is_key(name: &str) -> bool {
    name.strip_suffix(".json")
        .is_some_and(|name| name.parse::<KeyName>().is_ok())
}

/// Whether a backup may hold this path. Nothing else is ever made from an archive.
fn is_known(path: &str) -> bool {
    path == JOURNAL
        || DOCUMENTS.contains(&path)
        || path
            .strip_prefix(KEYS)
            .and_then(|rest| rest.strip_prefix('/'))
            .is_some_and(is_key)
}

/// Writes the manifest and every file in its order. What a file has grown by since it was summed is
/// left out; a file that has become shorter is an error.
pub(super) fn write(
    file: &mut File,
    manifest: &Manifest,
    sources: &[(String, PathBuf)],
) -> io::Result<()> {
    let mut archive = tar::Builder::new(io::BufWriter::new(file));
    let text = serde_json::to_vec_pretty(manifest)?;
    archive.append_data(&mut header(text.len() as u64), MANIFEST, text.as_slice())?;
    for (entry, (_, path)) in manifest.files.iter().zip(sources) {
        let source = File::open(path)?;
        if source.metadata()?.len() < entry.bytes {
            return Err(io::Error::other(format!(
                "{} became shorter while it was copied",
                path.display()
            )));
        }
        archive.append_data(
            &mut header(entry.bytes),
            &entry.path,
            source.take(entry.bytes),
        )?;
    }
    archive.into_inner()?.flush()
}

/// The same bytes for the same files: no names, no owners, no times.
fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(size);
    header
}

/// Unpacks `file` into the empty folder `into`, checking every sum.
pub(super) fn read(file: &Path, into: &Path) -> Result<Manifest, BackupError> {
    let reading = Reading { file };
    let open = || -> io::Result<(File, u64)> {
        let opened = File::open(file)?;
        let length = opened.metadata()?.len();
        Ok((opened, length))
    };
    let (opened, length) = open().map_err(|source| BackupError::Read {
        path: file.to_owned(),
        source,
    })?;
    let mut archive = tar::Archive::new(io::BufReader::new(opened));
    let mut entries = archive
        .entries()
        .map_err(|error| reading.not_a_backup(&error.to_string()))?;
    let mut first = match entries.next() {
        Some(Ok(first)) => first,
        // What tar says quotes the file, whatever that is.
        Some(Err(_)) => return Err(reading.not_a_backup("it is no tar archive")),
        None => return Err(reading.not_a_backup("it is empty")),
    };
    if reading.name(&first)? != MANIFEST {
        return Err(reading.not_a_backup("its first entry is not manifest.json"));
    }
    let manifest = reading.manifest(&mut first)?;
    for expected in &manifest.files {
        let mut entry = match entries.next() {
            Some(Ok(entry)) => entry,
            // Whatever is wrong with a header here, the file is not whole.
            Some(Err(_)) | None => return Err(reading.truncated(&expected.path)),
        };
        let name = reading.name(&entry)?;
        if name != expected.path {
            return Err(reading.unexpected(&name));
        }
        reading.unpack(&mut entry, expected, into)?;
    }
    match entries.next() {
        None => {}
        Some(Ok(entry)) => {
            let name = reading.name(&entry)?;
            return Err(reading.unexpected(&name));
        }
        // Archives are made of whole blocks.
        Some(Err(_)) if length % BLOCK != 0 => return Err(reading.truncated("its last block")),
        Some(Err(_)) => return Err(reading.unexpected("something after its last file")),
    }
    Ok(manifest)
}

type Entry<'a> = tar::Entry<'a, io::BufReader<File>>;

struct Reading<'a> {
    file: &'a Path,
}

impl Reading<'_> {
    /// The entry's path, if it is a plain file.
    fn name(&self, entry: &Entry<'_>) -> Result<String, BackupError> {
        let path = entry.path_bytes();
        let name = String::from_utf8_lossy(&path);
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(self.unexpected(&format!("{name:?}, which is not a plain file")));
        }
        if name == MANIFEST || is_known(&name) {
            return Ok(name.into_owned());
        }
        Err(self.unexpected(&format!("{name:?}")))
    }

    fn manifest(&self, entry: &mut Entry<'_>) -> Result<Manifest, BackupError> {
        let size = entry.size();
        if size > MOST_MANIFEST_BYTES {
            return Err(self.not_a_backup("its manifest is too long"));
        }
        let mut text = Vec::new();
        entry
            .read_to_end(&mut text)
            .map_err(|_| self.truncated(MANIFEST))?;
        if (text.len() as u64) < size {
            return Err(self.truncated(MANIFEST));
        }
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| self.not_a_backup(&format!("manifest.json: {error}")))?;
        if manifest.format != FORMAT {
            return Err(self.not_a_backup(&format!(
                "it has the form {}, and this fabric reads {FORMAT}",
                manifest.format
            )));
        }
        let mut names = BTreeSet::new();
        for file in &manifest.files {
            if !is_known(&file.path) || !names.insert(&file.path) {
                return Err(self.unexpected(&format!("{:?}", file.path)));
            }
        }
        if names.iter().any(|name| *name == JOURNAL) {
            return Ok(manifest);
        }
        Err(self.not_a_backup("it holds no journal"))
    }

    fn unpack(
        &self,
        entry: &mut Entry<'_>,
        expected: &BackedUp,
        into: &Path,
    ) -> Result<(), BackupError> {
        if entry.size() != expected.bytes {
            return Err(self.altered(&expected.path));
        }
        let path = into.join(&expected.path);
        let write = |source| BackupError::Write {
            path: path.clone(),
            source,
        };
        if let Some(folder) = path.parent() {
            document::make_private_folder(folder).map_err(write)?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(write)?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut left = expected.bytes;
        while left > 0 {
            let read = match entry.read(&mut buffer) {
                Ok(0) | Err(_) => return Err(self.truncated(&expected.path)),
                Ok(read) => read,
            };
            hasher.update(&buffer[..read]);
            file.write_all(&buffer[..read]).map_err(write)?;
            left = left.saturating_sub(read as u64);
        }
        if hasher.finalize().to_hex().as_str() != expected.blake3 {
            return Err(self.altered(&expected.path));
        }
        file.sync_all().map_err(write)
    }

    fn not_a_backup(&self, reason: &str) -> BackupError {
        BackupError::NotABackup {
            path: self.file.to_owned(),
            reason: reason.into(),
        }
    }

    fn truncated(&self, entry: &str) -> BackupError {
        BackupError::Truncated {
            path: self.file.to_owned(),
            entry: entry.into(),
        }
    }

    fn altered(&self, entry: &str) -> BackupError {
        BackupError::Altered {
            path: self.file.to_owned(),
            entry: entry.into(),
        }
    }

    fn unexpected(&self, entry: &str) -> BackupError {
        BackupError::Unexpected {
            path: self.file.to_owned(),
            entry: entry.into(),
        }
    }
}

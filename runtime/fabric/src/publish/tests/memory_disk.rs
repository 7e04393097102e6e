//! A disk that dies after so many bytes, and what is left of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::publish::{CHECKPOINT, Disk};

/// Every byte that is written costs one, and so does every other operation that changes something.
pub(super) struct MemoryDisk(Mutex<Drive>);

#[derive(Clone, Default)]
struct Drive {
    left: u64,
    dead: bool,
    /// What was left before each operation.
    marks: Vec<u64>,
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    /// What survives a loss of power.
    kept_names: BTreeMap<PathBuf, usize>,
    kept_folders: BTreeSet<PathBuf>,
}

#[derive(Clone, Default)]
struct File {
    bytes: Vec<u8>,
    kept: Vec<u8>,
}

/// How a disk died.
#[derive(Clone, Copy, Debug)]
pub(super) enum Death {
    /// The process was killed: all that it did is there.
    Killed,
    /// Power was lost: only what was flushed is there.
    Unplugged,
    /// Power was lost, and of all names only the checkpoint's came through unflushed.
    CheckpointFirst,
}

impl Death {
    pub(super) const ALL: [Self; 3] = [Self::Killed, Self::Unplugged, Self::CheckpointFirst];
}

impl MemoryDisk {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Drive {
            left: u64::MAX,
            ..Drive::default()
        }))
    }

    /// A copy that will die after `bytes`.
    pub(super) fn dying_after(&self, bytes: u64) -> Self {
        Self(Mutex::new(Drive {
            left: bytes,
            marks: Vec::new(),
            ..self.drive().clone()
        }))
    }

    /// How much was done before each operation, and at the end.
    pub(super) fn marks(&self, since: u64) -> Vec<u64> {
        let drive = self.drive();
        let done = |left: &u64| since - left;
        drive.marks.iter().chain([&drive.left]).map(done).collect()
    }

    /// What is there when somebody looks again.
    pub(super) fn after(&self, death: Death) -> Self {
        let mut drive = self.drive().clone();
        if !matches!(death, Death::Killed) {
            let unflushed = drive.names.clone();
            drive.folders = drive.kept_folders.clone();
            drive.names = drive.kept_names.clone();
            if let Death::CheckpointFirst = death {
                let checkpoint = unflushed
                    .into_iter()
                    .filter(|(path, _)| path.ends_with(CHECKPOINT));
                drive.names.extend(checkpoint);
            }
            let folders = drive.folders.clone();
            drive.names.retain(|path, _| {
                path.ancestors()
                    .skip(1)
                    .all(|above| folders.contains(above))
            });
            for file in &mut drive.files {
                file.bytes.clone_from(&file.kept);
            }
        }
        drive.left = u64::MAX;
        drive.dead = false;
        Self(Mutex::new(drive))
    }

    pub(super) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let drive = self.drive();
        let held = |file: &usize| drive.files[*file].bytes.clone();
        drive
            .names
            .iter()
            .map(|(path, file)| (path.clone(), held(file)))
            .collect()
    }

    fn drive(&self) -> MutexGuard<'_, Drive> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drive {
    /// Pays for `most` of what is to be done; the disk dies of what it cannot pay for.
    fn spend(&mut self, most: usize) -> (usize, io::Result<()>) {
        self.marks.push(self.left);
        let paid = usize::try_from(self.left).map_or(most, |left| left.min(most));
        self.left -= paid as u64;
        self.dead |= paid < most;
        (paid, self.alive())
    }

    fn alive(&self) -> io::Result<()> {
        if self.dead {
            return Err(io::Error::other("the disk died"));
        }
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let drive = self.drive();
        drive.alive()?;
        let file = drive.names.get(path);
        Ok(file.map(|file| drive.files[*file].bytes.clone()))
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let mut drive = self.drive();
        drive.alive()?;
        drive.spend(1).1?;
        let above = folder.ancestors().map(Path::to_owned);
        drive.folders.extend(above);
        // The folder that all of it lies in was there before.
        drive.kept_folders.insert(PathBuf::new());
        Ok(())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut drive = self.drive();
        drive.alive()?;
        let file = match drive.names.get(path) {
            Some(file) => *file,
            None => {
                drive.files.push(File::default());
                let file = drive.files.len() - 1;
                drive.names.insert(path.to_owned(), file);
                file
            }
        };
        let (written, fate) = drive.spend(bytes.len());
        drive.files[file].bytes = bytes[..written].to_vec();
        fate
    }

    fn flush(&self, path: &Path) -> io::Result<()> {
        let mut drive = self.drive();
        drive.alive()?;
        drive.spend(1).1?;
        let file = drive.names[path];
        let held = drive.files[file].bytes.clone();
        drive.files[file].kept = held;
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut drive = self.drive();
        drive.alive()?;
        drive.spend(1).1?;
        let file = drive.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        drive.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut drive = self.drive();
        drive.alive()?;
        drive.spend(1).1?;
        let drive = &mut *drive;
        let inside = |path: &Path| path.parent() == Some(folder);
        drive.kept_names.retain(|path, _| !inside(path));
        drive.kept_folders.retain(|path| !inside(path));
        let names = drive.names.iter().filter(|(path, _)| inside(path));
        drive
            .kept_names
            .extend(names.map(|(path, file)| (path.clone(), *file)));
        let folders = drive.folders.iter().filter(|path| inside(path));
        drive.kept_folders.extend(folders.cloned());
        Ok(())
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        let mut drive = self.drive();
        drive.alive()?;
        drive.spend(1).1?;
        drive.names.retain(|path, _| !path.starts_with(folder));
        drive.folders.retain(|path| !path.starts_with(folder));
        Ok(())
    }
}

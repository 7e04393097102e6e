//! A folder of files that together never grow beyond a bound for long.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use rustix::fs::OFlags;

/// When there is no more room, a tenth of it is made at once: listing costs more than writing.
const ROOM_AT_ONCE: u64 = 10;

/// Files that are replaced whole and go when they are not used.
pub(super) struct Folder {
    path: PathBuf,
    most: u64,
    held: Mutex<Held>,
}

/// What lies in the folder, as far as this process knows; others may write, too.
struct Held {
    bytes: u64,
    /// Bytes that this process wrote since it last looked. Others may have written as much each.
    unseen: u64,
}

impl Folder {
    pub(super) fn open(path: &Path, most: u64) -> io::Result<Folder> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let folder = Folder {
            path: path.to_owned(),
            most,
            held: Mutex::new(Held {
                bytes: 0,
                unseen: 0,
            }),
        };
        folder.make_room()?;
        Ok(folder)
    }

    /// A file's bytes, and notes that it was used; none if there is no such file.
    pub(super) fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match open_file(&self.path.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let bytes = metadata.len();
        if bytes > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut read = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
        // It may grow while it is read.
        (&file).take(self.most).read_to_end(&mut read)?;
        // Only the order in which files go hangs on it.
        drop(file.set_modified(SystemTime::now()));
        Ok(Some(read))
    }

    /// Puts a file in the place of whatever has its name. Readers find the old one or the new one.
    pub(super) fn write(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        let bytes = parts.iter().map(|part| part.len() as u64).sum::<u64>();
        if bytes > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let new = self.path.join(random_name()?);
        let written = write_all(&new, parts).and_then(|()| {
            // After a crash the file may be shorter than its name promises; its reader finds out.
            std::fs::rename(&new, self.path.join(name))
        });
        if let Err(error) = written {
            drop(std::fs::remove_file(&new));
            return Err(error);
        }
        let is_due = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.bytes = held.bytes.saturating_add(bytes);
            held.unseen = held.unseen.saturating_add(bytes);
            held.bytes > self.most || held.unseen > self.most / ROOM_AT_ONCE
        };
        if is_due { self.make_room() } else { Ok(()) }
    }

    /// Looks what there is, and removes the files that were used longest ago if that is too much, those
    /// that a crash left half written among them.
    fn make_room(&self) -> io::Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut files = self.list()?;
        files.sort_by_key(|file| file.used);
        *held = Held {
            bytes: files.iter().map(|file| file.bytes).sum(),
            unseen: 0,
        };
        if held.bytes <= self.most {
            return Ok(());
        }
        let enough = self.most - self.most / ROOM_AT_ONCE;
        for file in files {
            if held.bytes <= enough {
                break;
            }
            match std::fs::remove_file(&file.path) {
                // Another process made room as well.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed?,
            }
            held.bytes = held.bytes.saturating_sub(file.bytes);
        }
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<Listed>> {
        let mut files = Vec::new();
        for entry in self.path.read_dir()? {
            let entry = entry?;
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if metadata.is_file() {
                files.push(Listed {
                    path: entry.path(),
                    bytes: metadata.len(),
                    used: metadata.modified()?,
                });
            }
        }
        Ok(files)
    }
}

/// Waits for nobody, whatever has the name, and goes nowhere else.
fn open_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let mut options = OpenOptions::new();
    // The system's own type for them is signed.
    options.custom_flags(flags.bits().cast_signed());
    options.read(true).open(path)
}

struct Listed {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

fn write_all(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    parts.iter().try_for_each(|part| file.write_all(part))
}

/// A name for a file that gets its own when it is whole.
pub(super) fn random_name() -> io::Result<String> {
    let drawn = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(format!(".new-{drawn:016x}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn names(folder: &Folder) -> Vec<String> {
        let mut names: Vec<String> = folder
            .path
            .read_dir()
            .expect("it lists")
            .map(|entry| {
                let name = entry.expect("it is there").file_name();
                name.into_string().expect("a test's name is text")
            })
            .collect();
        names.sort();
        names
    }

    /// Says that a file was used so long after the beginning of time.
    fn used(folder: &Folder, name: &str, seconds: u64) {
        let file = File::open(folder.path.join(name)).expect("it is there");
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        file.set_modified(at).expect("it is ours");
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(place.path(), 100).expect("it opens");
        for (name, seconds) in [("a", 1), ("b", 2), ("c", 3)] {
            folder.write(name, &[&[0; 30]]).expect("there is room");
            used(&folder, name, seconds);
        }
        assert!(folder.read("a").expect("it reads").is_some());
        folder.write("d", &[&[0; 30]]).expect("room is made");
        assert_eq!(names(&folder), ["a", "c", "d"]);
    }

    #[test]
    fn a_folder_that_is_opened_with_less_room_shrinks() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(place.path(), 100).expect("it opens");
        for (name, seconds) in [("a", 2), (".new-of-a-crash", 1), ("b", 3)] {
            folder.write(name, &[&[0; 30]]).expect("there is room");
            used(&folder, name, seconds);
        }
        let smaller = Folder::open(place.path(), 70).expect("it opens");
        assert_eq!(names(&smaller), ["a", "b"]);
    }

    #[test]
    fn those_who_share_a_folder_keep_it_within_its_bound_together() {
        let place = tempfile::tempdir().expect("a folder");
        let open = || Folder::open(place.path(), 1_000).expect("it opens");
        let (ours, theirs) = (open(), open());
        for number in 0..40 {
            for (folder, of) in [(&ours, "ours"), (&theirs, "theirs")] {
                let name = format!("{of}-{number}");
                folder.write(&name, &[&[0; 50]]).expect("room is made");
            }
            let held: u64 = ours.list().expect("it lists").iter().map(|f| f.bytes).sum();
            // Each may have written a tenth, and one file, since it looked.
            assert!(held <= 1_000 + 2 * 150, "{held} bytes");
        }
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(place.path(), 1_000).expect("it opens");
        let outside = tempfile::NamedTempFile::new().expect("a file");
        std::fs::create_dir(place.path().join("folder")).expect("it is ours");
        std::os::unix::fs::symlink(outside.path(), place.path().join("link")).expect("it is ours");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            place.path().join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .expect("it is ours");
        for name in ["folder", "link", "pipe"] {
            assert!(folder.read(name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_larger_than_the_folder_is_not_kept() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(place.path(), 10).expect("it opens");
        folder.write("small", &[&[0; 10]]).expect("there is room");
        let error = folder
            .write("large", &[&[0; 6], &[0; 5]])
            .expect_err("no room");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(names(&folder), ["small"]);
    }

    #[test]
    fn a_reader_finds_a_whole_file_whoever_writes() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(place.path(), 1 << 20).expect("it opens");
        folder.write("one", &[&[0; 4096]]).expect("there is room");
        std::thread::scope(|scope| {
            for writer in 1..=4_u8 {
                let folder = &folder;
                scope.spawn(move || {
                    for _ in 0..50 {
                        folder
                            .write("one", &[&[writer; 2048], &[writer; 2048]])
                            .expect("there is room");
                    }
                });
            }
            for _ in 0..200 {
                let read = folder.read("one").expect("it reads").expect("it is there");
                assert_eq!(read.len(), 4096);
                assert!(read.iter().all(|byte| *byte == read[0]));
            }
        });
        assert_eq!(names(&folder), ["one"]);
    }
}

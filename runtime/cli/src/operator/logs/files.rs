//! The service's log files: one a day, in the order of their names.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use cryptlet_service::logging;

use crate::failure::Failure;

/// All files of a state folder and how far they have been read.
pub struct LogFiles {
    folder: PathBuf,
    /// The file being read, and where its next line begins.
    current: Option<(PathBuf, u64)>,
}

impl LogFiles {
    /// Finds the files of a state folder.
    pub fn open(state: &Path) -> Result<Self, Failure> {
        let files = Self {
            folder: logging::folder(state),
            current: None,
        };
        if files.after(None)?.is_empty() {
            return Err(Failure::Usage(format!(
                "{} holds no log files; name the state folder of a service with --state",
                files.folder.display()
            )));
        }
        Ok(files)
    }

    /// Gives every line that was completed since the last time to `take`, the oldest first.
    pub fn read(
        &mut self,
        mut take: impl FnMut(&str) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        // A day's file is done with when the next one is there, so the list is made before it is
        // read to its end.
        let newer = self.after(self.current.as_ref().map(|(path, _)| path.as_path()))?;
        let current = self.current.take();
        let rest = newer.into_iter().map(|path| (path, 0));
        for (path, from) in current.into_iter().chain(rest) {
            let until = read_lines(&path, from, &mut take)?;
            self.current = Some((path, until));
        }
        Ok(())
    }

    /// The files after this one.
    fn after(&self, current: Option<&Path>) -> Result<Vec<PathBuf>, Failure> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&self.folder, &error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry
                .map_err(|error| unreadable(&self.folder, &error))?
                .path();
            let is_log = path
                .extension()
                .is_some_and(|extension| extension == logging::FILE_SUFFIX);
            if is_log && current.is_none_or(|current| path.as_path() > current) {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }
}

/// Reads complete lines from an offset on, and says where the next one begins.
fn read_lines(
    path: &Path,
    from: u64,
    take: &mut impl FnMut(&str) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        // Its days are over.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(from),
        Err(error) => return Err(unreadable(path, &error)),
    };
    file.seek(SeekFrom::Start(from))
        .map_err(|error| unreadable(path, &error))?;
    let mut reader = BufReader::new(file);
    let mut next = from;
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader
            .read_until(b'\n', &mut line)
            .map_err(|error| unreadable(path, &error))?;
        let Some(text) = line.strip_suffix(b"\n") else {
            return Ok(next);
        };
        next += length as u64;
        take(&String::from_utf8_lossy(text))?;
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::Refused(format!("cannot read {}: {error}", path.display()))
}

//! The state folder: whose it is, and who works in it.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::JournalError;
use crate::configuration::Configuration;
use crate::document;

/// Makes the folder, unless it is there, and refuses one that this process should not write in.
pub(super) fn take(state: &Path) -> Result<(), JournalError> {
    let failed = |source| not_opened(state, source);
    match std::fs::metadata(state) {
        Ok(found) if !found.is_dir() => return Err(JournalError::NotAFolder(state.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            document::make_private_folder(state).map_err(failed)?;
        }
        Err(error) => return Err(failed(error)),
    }
    check_owner(state)
}

/// Refuses a state folder that belongs to another user than this process runs as.
///
/// The administrator could write in everybody's folder, and leave files there that its owner cannot
/// open.
///
/// # Errors
///
/// If it does, or there is no such folder.
pub fn check_owner(state: &Path) -> Result<(), JournalError> {
    let found = std::fs::metadata(state).map_err(|source| not_opened(state, source))?;
    compare(state, found.uid(), rustix::process::geteuid().as_raw())
}

fn compare(state: &Path, owner: u32, user: u32) -> Result<(), JournalError> {
    if owner == user {
        return Ok(());
    }
    Err(JournalError::OtherUser {
        path: state.to_owned(),
        owner,
        user,
    })
}

/// Finds the journal of a folder, for reading.
pub(super) fn find(state: &Path, journal: &Path) -> Result<(), JournalError> {
    match File::open(journal).and_then(|file| file.metadata()) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(JournalError::Missing(state.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(missing(state)),
        Err(error) => Err(not_opened(
            if error.kind() == ErrorKind::NotADirectory {
                state
            } else {
                journal
            },
            error,
        )),
    }
}

/// Why a folder has no journal, as far as the folder shows.
fn missing(state: &Path) -> JournalError {
    let state = state.to_owned();
    if !state.exists() {
        JournalError::NoFolder(state)
    } else if Configuration::path(&state).exists() {
        JournalError::Unstarted(state)
    } else {
        JournalError::Missing(state)
    }
}

/// Takes the folder for this process alone, until the file is closed.
pub(super) fn lock(state: &Path) -> Result<File, JournalError> {
    let path = state.join("lock");
    let file = File::create(&path).map_err(|source| not_opened(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(JournalError::InUse(state.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(not_opened(&path, source)),
    }
}

/// What the system said, with the way out if the reason tells one.
pub(super) fn not_opened(path: &Path, source: io::Error) -> JournalError {
    match source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            JournalError::Denied(path.to_owned())
        }
        ErrorKind::NotADirectory => JournalError::NotAFolder(path.to_owned()),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => JournalError::Full {
            path: path.display().to_string(),
        },
        _ => JournalError::Open {
            path: path.to_owned(),
            source,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_that_is_not_there_is_missed_for_what_the_folder_shows() {
        let desk = tempfile::tempdir().expect("a folder");
        let state = desk.path().join("state");
        let why = || find(&state, &state.join("journal.sqlite")).expect_err("there is none");
        assert!(matches!(why(), JournalError::NoFolder(_)));
        std::fs::create_dir(&state).expect("a folder");
        assert!(matches!(why(), JournalError::Missing(_)));
        std::fs::write(Configuration::path(&state), "").expect("a file");
        assert!(matches!(why(), JournalError::Unstarted(_)));
    }

    #[test]
    fn somebody_elses_folder_is_refused_with_both_names() {
        let refusal = compare(Path::new("/var/lib/cryptlet"), 1_001, 0)
            .expect_err("another user's")
            .to_string();
        assert!(
            refusal.contains("user 1001")
                && refusal.contains("user 0")
                && refusal.contains("#1001"),
            "{refusal}"
        );
    }

    #[test]
    fn every_reason_of_the_system_has_a_way_out() {
        for (kind, way) in [
            (ErrorKind::PermissionDenied, "run as the user"),
            (ErrorKind::ReadOnlyFilesystem, "run as the user"),
            (ErrorKind::NotADirectory, "--state"),
            (ErrorKind::StorageFull, "make room"),
            (ErrorKind::QuotaExceeded, "make room"),
            (ErrorKind::Other, "can be read and written"),
        ] {
            let refusal = not_opened(Path::new("/srv/state"), kind.into()).to_string();
            assert!(
                refusal.contains("/srv/state") && refusal.contains(way),
                "{refusal}"
            );
        }
    }
}

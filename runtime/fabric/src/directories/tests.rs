use std::fs;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::path::Path;

use proptest::prelude::*;
use rustix::fs::inotify;
use tempfile::TempDir;

use super::*;

const MUCH: u64 = 1 << 20;

/// A directory `documents` with a file, a folder, and links in and out of it.
fn documents() -> (TempDir, Directories) {
    let root = tempfile::tempdir().expect("a folder");
    let place = root.path().join("documents");
    fs::create_dir_all(place.join("2026")).expect("a folder in it");
    fs::write(place.join("2026/contract.txt"), "whereas").expect("a file");
    fs::write(root.path().join("secret.txt"), "key").expect("a file beside it");
    for (target, link) in [
        ("2026/contract.txt", "inside"),
        ("../secret.txt", "outside"),
        ("/etc/passwd", "absolute"),
        ("nowhere", "dangling"),
        ("round", "round"),
        ("..", "parent"),
    ] {
        symlink(target, place.join(link)).expect("a link");
    }
    let directories = at(&place);
    (root, directories)
}

fn at(place: &Path) -> Directories {
    Directories::new(BTreeMap::from([("documents".to_owned(), place.to_owned())]))
}

#[test]
fn files_and_folders_are_opened_and_links_inside_are_followed() {
    let (_root, directories) = documents();
    let file = Opened::File(b"whereas".to_vec());
    for (path, opened) in [
        ("2026/contract.txt", file.clone()),
        ("inside", file),
        ("2026", Opened::Directory),
        ("", Opened::Directory),
    ] {
        let found = directories.open_file("documents", path, MUCH);
        assert_eq!(found, Ok(opened), "{path}");
    }
    assert_eq!(
        directories.file_status("documents", "inside"),
        Ok(FileStatus::File { bytes: 7 })
    );
    assert_eq!(
        directories.file_status("documents", ""),
        Ok(FileStatus::Directory)
    );
}

#[test]
fn no_link_and_no_path_leads_out() {
    let (_root, directories) = documents();
    for path in [
        "outside",
        "absolute",
        "parent/secret.txt",
        "parent",
        "../secret.txt",
        "/etc/passwd",
    ] {
        let error = Err(FileError::NotPermitted);
        assert_eq!(
            directories.open_file("documents", path, MUCH),
            error,
            "{path}"
        );
        assert_eq!(
            directories.file_status("documents", path).map(drop),
            Err(FileError::NotPermitted),
            "{path}"
        );
    }
    let listed = directories.list_directory("documents", "parent", MUCH);
    assert_eq!(listed, Err(FileError::NotPermitted));
}

#[test]
fn what_cannot_be_read_says_why() {
    let (_root, directories) = documents();
    let long = "a".repeat(300);
    for (name, path, error) in [
        ("documents", "missing", FileError::NoEntry),
        ("documents", "dangling", FileError::NoEntry),
        ("documents", "round", FileError::NoEntry),
        ("documents", "2026/contract.txt/x", FileError::NotDirectory),
        ("documents", long.as_str(), FileError::NameTooLong),
        ("tables", "a", FileError::NoDirectory),
    ] {
        assert_eq!(
            directories.open_file(name, path, MUCH),
            Err(error),
            "{path}"
        );
    }
    let listed = directories.list_directory("documents", "2026/contract.txt", MUCH);
    assert_eq!(listed, Err(FileError::NotDirectory));
}

#[test]
fn a_pipe_is_neither_waited_for_nor_read() {
    let (root, directories) = documents();
    let pipe = root.path().join("documents/pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("a pipe");
    assert!(pipe.metadata().expect("it is there").file_type().is_fifo());
    let opened = Openings::of(&pipe);
    assert_eq!(
        directories.open_file("documents", "pipe", MUCH),
        Err(FileError::Unsupported)
    );
    assert!(!opened.any(), "whoever waits to write would hear of it");
    let file = Openings::of(&root.path().join("documents/2026/contract.txt"));
    let read = directories.open_file("documents", "inside", MUCH);
    assert!(read.is_ok() && file.any(), "openings are seen");
}

/// Whether something is opened from now on.
struct Openings(rustix::fd::OwnedFd);

impl Openings {
    fn of(path: &Path) -> Openings {
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).expect("a watch");
        inotify::add_watch(&watch, path, inotify::WatchFlags::OPEN).expect("it is there");
        Openings(watch)
    }

    fn any(&self) -> bool {
        let mut events = [std::mem::MaybeUninit::uninit(); 512];
        let next = inotify::Reader::new(&self.0, &mut events).next().map(drop);
        assert!(matches!(next, Ok(()) | Err(Errno::AGAIN)), "{next:?}");
        next.is_ok()
    }
}

#[test]
fn no_more_is_read_than_is_wanted() {
    let (_root, directories) = documents();
    let read = |most| directories.open_file("documents", "inside", most);
    assert_eq!(read(6), Err(FileError::TooLarge));
    assert_eq!(read(7).map(|opened| opened.size()), Ok(7));
    let list = |most| directories.list_directory("documents", "2026", most);
    let bytes = 256 + "contract.txt".len() as u64;
    assert_eq!(list(bytes - 1), Err(FileError::TooLarge));
    assert_eq!(list(bytes).map(|entries| entries.len()), Ok(1));
}

#[test]
fn a_listing_names_what_lies_there_and_what_links_lead_to() {
    let (_root, directories) = documents();
    let mut entries = directories
        .list_directory("documents", "", MUCH)
        .expect("it can be listed");
    entries.sort();
    let found: Vec<(&str, EntryKind)> = entries
        .iter()
        .map(|entry| (entry.name.as_str(), entry.kind))
        .collect();
    assert_eq!(
        found,
        [
            ("2026", EntryKind::Directory),
            ("absolute", EntryKind::Other),
            ("dangling", EntryKind::Other),
            ("inside", EntryKind::File),
            ("outside", EntryKind::Other),
            ("parent", EntryKind::Other),
            ("round", EntryKind::Other),
        ]
    );
}

#[test]
fn a_directory_that_is_not_there_is_named_with_its_place() {
    let (root, directories) = documents();
    directories.check().expect("it is there");
    for (place, what) in [("gone", "not there"), ("secret.txt", "a file")] {
        let missing = at(&root.path().join(place));
        let error = missing.check().expect_err(what);
        assert!(
            error.to_string().starts_with("directories.documents: "),
            "{error}"
        );
    }
}

fn stamp(bytes: u64, at: i64) -> Stamp {
    Stamp {
        bytes,
        changed: (at, 0),
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_read_again() {
    // Changed during the first reading, at rest during the second.
    let mut stamps = [stamp(3, 1), stamp(3, 2), stamp(4, 3), stamp(4, 3)].into_iter();
    let mut contents = [b"old".to_vec(), b"new!".to_vec()].into_iter();
    let read = read_at_rest(
        || stamps.next().ok_or(FileError::Io),
        MUCH,
        || contents.next().ok_or(FileError::Io),
    );
    assert_eq!(read, Ok(b"new!".to_vec()));
}

proptest! {
    #[test]
    fn what_is_read_was_the_file_at_one_moment(changes in prop::collection::vec(0_usize..3, 6)) {
        // The file's content is the number of its changes, in as many bytes.
        let version = std::cell::Cell::new(0_usize);
        let mut pending = changes.into_iter();
        let mut pass = || {
            let now = version.get();
            version.set(now + pending.next().unwrap_or(0));
            now
        };
        let mut stamps = Vec::new();
        let read = read_at_rest(
            || {
                stamps.push(version.get());
                Ok(stamp(version.get() as u64, version.get() as i64))
            },
            MUCH,
            || {
                // What is read before a change and what after it do not belong together.
                let before = pass();
                let after = version.get();
                Ok(vec![after as u8; if before == after { before } else { before + after }])
            },
        );
        match read {
            Ok(content) => prop_assert_eq!(content, vec![version.get() as u8; version.get()]),
            Err(error) => {
                prop_assert_eq!(error, FileError::Busy);
                prop_assert_eq!(stamps.len(), 2 * ATTEMPTS);
            }
        }
    }
}

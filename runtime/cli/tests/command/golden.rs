//! Each folder in `tests/golden` is a case: `command`, some lines of sh, is run
//! in a fresh copy of `files` with `cryptlet` on the path; what it prints and
//! its status are compared with `stdout`, `stderr` and `status`. A file that is
//! absent stands for no output, and for status 0. `$HOST` is the state folder of
//! a host, to be copied: `cp -r "$HOST" .cryptlet`. `$VERSIONS` is a folder with versions of the
//! swap as `diff.rs` makes them.
//!
//! In an expectation `[..]` is any text within a line, a line of `...` any lines,
//! and `[HERE]` the folder that the case runs in. `SNAPSHOTS=overwrite cargo
//! test` accepts what is printed now; look at the difference before committing.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use snapbox::assert::Action;
use snapbox::{Assert, Data, Redactions};

use super::{Desk, diff, prepared, reproducible};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

#[test]
fn every_case_prints_what_it_should() {
    let cases: VecDeque<PathBuf> = entries(Path::new(FOLDER)).into();
    assert!(cases.len() >= 40, "only {} cases", cases.len());
    let host = Desk::new();
    prepared::state(&host.path().join("host"));
    diff::versions(&host.path().join("versions"));
    let waiting = Mutex::new(cases);
    let differences = Mutex::new(String::new());
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(case) = next(&waiting) {
                    let found = run(&case, host.path());
                    differences.lock().unwrap().push_str(&found);
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap();
    assert!(differences.is_empty(), "{differences}");
}

fn next(waiting: &Mutex<VecDeque<PathBuf>>) -> Option<PathBuf> {
    waiting.lock().unwrap().pop_front()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}

/// Runs a case and says in what it differs.
fn run(case: &Path, prepared: &Path) -> String {
    let desk = Desk::new();
    let files = case.join("files");
    if files.exists() {
        copy(&files, desk.path());
    }
    let here = desk.path().canonicalize().unwrap();
    let output = Command::new("sh")
        .arg(case.join("command"))
        .current_dir(&here)
        .env_clear()
        .env("PATH", search_path())
        .env("HOME", &here)
        // A compiler that rustup keeps is found without a home.
        .env("RUSTUP_HOME", reproducible::rustup_home())
        .env("HOST", prepared.join("host"))
        .env("VERSIONS", prepared.join("versions"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let status = match output.status.code() {
        Some(0) => String::new(),
        Some(code) => format!("{code}\n"),
        None => format!("{}\n", output.status),
    };
    let mut redactions = Redactions::new();
    redactions.insert("[HERE]", here).unwrap();
    let compared = [
        (
            "stdout",
            String::from_utf8_lossy(&output.stdout).into_owned(),
        ),
        (
            "stderr",
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ),
        ("status", status),
    ];
    compared
        .into_iter()
        .filter_map(|(name, actual)| difference(&case.join(name), &actual, &redactions))
        .collect()
}

/// The built command first, then the system's.
fn search_path() -> std::ffi::OsString {
    let binary = Path::new(env!("CARGO_BIN_EXE_cryptlet"));
    let system = std::env::var_os("PATH").unwrap_or_default();
    let folders = binary
        .parent()
        .map(Path::to_owned)
        .into_iter()
        .chain(std::env::split_paths(&system));
    std::env::join_paths(folders).unwrap()
}

fn difference(expectation: &Path, actual: &str, redactions: &Redactions) -> Option<String> {
    let expected = fs::read_to_string(expectation).unwrap_or_default();
    let assert = Assert::new()
        .action(Action::Verify)
        .normalize_paths(false)
        .redact_with(redactions.clone());
    let error = assert
        .try_eq(
            Some(&expectation.display()),
            Data::text(actual),
            Data::text(expected),
        )
        .err()?;
    if std::env::var("SNAPSHOTS").is_ok_and(|choice| choice == "overwrite") {
        accept(expectation, &redactions.redact(actual));
        return None;
    }
    Some(format!("{}: {error}\n", expectation.display()))
}

fn accept(expectation: &Path, actual: &str) {
    if actual.is_empty() {
        fs::remove_file(expectation).unwrap();
    } else {
        fs::write(expectation, actual).unwrap();
    }
}

/// Private, as secrets must be: git keeps no such permissions.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in entries(from) {
        let copied = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &copied);
        } else {
            fs::copy(&entry, &copied).unwrap();
            fs::set_permissions(&copied, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

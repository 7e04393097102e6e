//! The `cryptlet` command, seen from a shell.

mod audit;
mod author;
mod compiler;
mod component;
mod config;
mod diff;
mod golden;
mod key;
mod measure;
mod operator;
mod prepared;
mod published;
mod reference;
mod replay;
mod reproducible;
mod shadow;
mod witness;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder to work in, which is gone when the test is over.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, name: impl AsRef<OsStr>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name.as_ref());
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// The command, to be run in this folder and without a terminal.
    fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cryptlet"));
        command
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Outcome {
        let arguments = published::owned(arguments);
        let outcome = Outcome::from(self.command(&arguments).output().unwrap());
        published::hold(&arguments, &outcome.output);
        outcome
    }
}

/// What a command said, and how it ended.
#[derive(Debug)]
struct Outcome {
    status: i32,
    output: String,
    errors: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            output: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Outcome {
    /// The output of a command that did what it was asked.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!((self.status, self.errors.as_str()), (0, ""));
        self.output
    }

    /// The sentence of a command that failed with `status`.
    #[track_caller]
    fn failed(self, status: i32) -> String {
        assert_eq!(
            (self.status, self.output.as_str()),
            (status, ""),
            "{self:?}"
        );
        self.errors
    }
}

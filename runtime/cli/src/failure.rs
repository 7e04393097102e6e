//! How a command fails: one sentence and an exit status.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use cryptlet_fabric::journal::JournalError;
use cryptlet_vault::{PassphraseError, PassphraseOrigin, VaultError};

use crate::terminal::{BAD, printable};

/// Why a command did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// A check failed, or the work could not be done. Status 1.
    Refused(String),
    /// The command line asks for something that is not there, or cannot be
    /// understood. Status 2.
    Usage(String),
    /// Nobody reads the output any more, as in `cryptlet key ls | head -1`.
    NoReader,
}

impl Failure {
    /// A file of the command line that cannot be read.
    pub fn unreadable(path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        Self::Usage(match error.kind() {
            io::ErrorKind::NotFound => format!("there is no file {path}; name one that is there"),
            io::ErrorKind::IsADirectory => format!("{path} is a folder; name a file"),
            io::ErrorKind::InvalidData => format!("{path} is not text; name a file in UTF-8"),
            _ => format!("cannot read {path}: {error}"),
        })
    }

    /// Says the sentence on standard error and gives the exit status.
    pub fn report(self) -> ExitCode {
        let (sentence, status) = match self {
            Self::Refused(sentence) => (sentence, 1),
            Self::Usage(sentence) => (sentence, 2),
            Self::NoReader => return ExitCode::SUCCESS,
        };
        // Nobody can be told when this stream is closed, too; the status still says it.
        let _ = writeln!(
            anstream::stderr().lock(),
            "{BAD}error:{BAD:#} {}",
            printable(&sentence)
        );
        ExitCode::from(status)
    }
}

/// The sentence, where a failure is a part of something larger.
impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(sentence) | Self::Usage(sentence) => formatter.write_str(sentence),
            Self::NoReader => formatter.write_str("nobody reads the output"),
        }
    }
}

/// Only the output is written through `?` on an [`io::Error`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NoReader,
            _ => Self::Refused(format!("cannot write the output: {error}")),
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Missing(_) | JournalError::NoFolder(_) | JournalError::Unstarted(_) => {
                Self::Usage(error.to_string())
            }
            error => Self::Refused(error.to_string()),
        }
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Unsuited { .. } => Self::Usage(error.to_string()),
            VaultError::WrongPassphrase { .. } => Self::Refused(format!(
                "{error}; give the one it was made with, on the terminal or by --passphrase-file or --passphrase-fd"
            )),
            error => Self::Refused(error.to_string()),
        }
    }
}

impl From<PassphraseError> for Failure {
    fn from(error: PassphraseError) -> Self {
        match &error {
            PassphraseError::Unconfirmed => Self::Refused(error.to_string()),
            PassphraseError::Unreadable {
                origin: PassphraseOrigin::Terminal,
                ..
            } => Self::Usage(format!(
                "{error}; without a terminal, give --passphrase-file or --passphrase-fd"
            )),
            _ => Self::Usage(error.to_string()),
        }
    }
}

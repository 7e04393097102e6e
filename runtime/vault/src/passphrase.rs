//! Passphrases, and the ways they reach the process.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// The longest passphrase, in bytes of UTF-8.
pub const MAX_PASSPHRASE_BYTES: usize = 1024;

/// What a keystore file is encrypted with. Wiped when dropped, never shown.
///
/// The bytes used are the UTF-8 of the text as it was given. Some wallets
/// normalise Unicode first (ethers.js applies NFKC), so a passphrase that
/// other software is to accept is best plain ASCII.
#[derive(Clone)]
pub struct Passphrase(SecretString);

/// A passphrase could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// The source could not be read.
    #[error("cannot read the passphrase from {origin}: {source}")]
    Unreadable {
        /// Where it was to come from.
        origin: PassphraseOrigin,
        /// What went wrong.
        source: io::Error,
    },
    /// Every user of the machine can read the file.
    #[error("any user can read the passphrase file {}; run `chmod 600` on it", path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
    },
    /// There are no characters.
    #[error("the passphrase is empty; choose one with at least one character")]
    Empty,
    /// It has more than [`MAX_PASSPHRASE_BYTES`].
    #[error("the passphrase is longer than {MAX_PASSPHRASE_BYTES} bytes")]
    TooLong,
    /// It spans lines, so it is unclear which of them is meant.
    #[error("the passphrase has more than one line; keep one line only")]
    SeveralLines,
    /// It is not text.
    #[error("the passphrase is not UTF-8 text")]
    NotText,
    /// The two entries of a new passphrase differ.
    #[error("the two passphrases differ; start again")]
    Unconfirmed,
}

/// Where a passphrase was to come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassphraseOrigin {
    /// A file.
    File(PathBuf),
    /// An inherited file descriptor.
    Descriptor(u32),
    /// The terminal.
    Terminal,
}

impl fmt::Display for PassphraseOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Descriptor(number) => write!(f, "file descriptor {number}"),
            Self::Terminal => f.write_str("the terminal"),
        }
    }
}

impl Passphrase {
    /// Takes a passphrase that the program already has. Never fill it from a
    /// command-line argument or an environment variable: others can read both.
    ///
    /// # Errors
    /// When it is empty, too long or spans lines.
    pub fn new(text: impl Into<String>) -> Result<Self, PassphraseError> {
        let text = Zeroizing::new(text.into());
        Self::checked(&text)
    }

    /// Reads the first and only line of a file; its line ending is dropped.
    ///
    /// # Errors
    /// When the file cannot be read, is readable by every user of the machine
    /// (Unix), or does not hold exactly one line of text.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, PassphraseError> {
        let path = path.as_ref();
        let unreadable = |source| PassphraseError::Unreadable {
            origin: PassphraseOrigin::File(path.to_owned()),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        // Asked of the open file, so that what is checked is what is read.
        if is_open_to_others(&file).map_err(unreadable)? {
            return Err(PassphraseError::OpenToOthers {
                path: path.to_owned(),
            });
        }
        Self::from_reader(file, PassphraseOrigin::File(path.to_owned()))
    }

    /// Reads one line from an inherited file descriptor, until its end.
    ///
    /// The descriptor is opened anew by its name under `/dev/fd`, so the
    /// inherited one stays open, and stays the property of whoever has it. On
    /// Linux a regular file is read from its start. Sockets cannot be opened
    /// this way; use a pipe or a file.
    ///
    /// # Errors
    /// When the descriptor is not open for reading, or does not yield exactly
    /// one line of text.
    pub fn from_fd(descriptor: u32) -> Result<Self, PassphraseError> {
        let origin = PassphraseOrigin::Descriptor(descriptor);
        match File::open(format!("/dev/fd/{descriptor}")) {
            Ok(file) => Self::from_reader(file, origin),
            Err(source) => Err(PassphraseError::Unreadable { origin, source }),
        }
    }

    /// Asks on the terminal, without showing what is typed.
    ///
    /// # Errors
    /// When there is no terminal, or nothing is typed.
    pub fn prompt(question: &str) -> Result<Self, PassphraseError> {
        let text =
            rpassword::prompt_password(question).map_err(|source| PassphraseError::Unreadable {
                origin: PassphraseOrigin::Terminal,
                source,
            })?;
        Self::new(text)
    }

    /// Asks on the terminal twice, for a passphrase that is being chosen.
    ///
    /// # Errors
    /// As [`Passphrase::prompt`], and when the two entries differ.
    pub fn prompt_new(question: &str, again: &str) -> Result<Self, PassphraseError> {
        let first = Self::prompt(question)?;
        let second = Self::prompt(again)?;
        if first.expose() == second.expose() {
            Ok(first)
        } else {
            Err(PassphraseError::Unconfirmed)
        }
    }

    fn from_reader(reader: impl Read, origin: PassphraseOrigin) -> Result<Self, PassphraseError> {
        // Room for a line ending, and for one byte that shows there is more.
        const ROOM: usize = MAX_PASSPHRASE_BYTES + 3;
        // A buffer that never grows leaves no copies behind.
        let mut buffer = Zeroizing::new([0; ROOM]);
        let length = fill(reader, buffer.as_mut())
            .map_err(|source| PassphraseError::Unreadable { origin, source })?;
        if length == ROOM {
            return Err(PassphraseError::TooLong);
        }
        let text = std::str::from_utf8(&buffer[..length]).map_err(|_| PassphraseError::NotText)?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        Self::checked(line)
    }

    fn checked(text: &str) -> Result<Self, PassphraseError> {
        if text.is_empty() {
            Err(PassphraseError::Empty)
        } else if text.len() > MAX_PASSPHRASE_BYTES {
            Err(PassphraseError::TooLong)
        } else if text.contains(['\n', '\r']) {
            Err(PassphraseError::SeveralLines)
        } else {
            Ok(Self(SecretString::from(text)))
        }
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(redacted)")
    }
}

/// Reads until the end or until `buffer` is full, and says how much it read.
fn fill(mut reader: impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match reader.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(unix)]
fn is_open_to_others(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    const READABLE_BY_OTHERS: u32 = 0o004;
    let metadata = file.metadata()?;
    Ok(metadata.is_file() && metadata.mode() & READABLE_BY_OTHERS != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &File) -> io::Result<bool> {
    Ok(false)
}

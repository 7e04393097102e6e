//! Where a command gets its passphrase from.

use std::path::PathBuf;

use clap::Args;
use cryptlet_vault::{Passphrase, PassphraseError};

/// The choice of a source; the terminal if there is none. Never an argument:
/// every user of the machine can read those.
#[derive(Args)]
#[group(multiple = false)]
pub struct PassphraseSource {
    /// Read the passphrase from the only line of a file that others cannot read.
    #[arg(long = "passphrase-file", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Read the passphrase from an open file descriptor, a pipe or a file.
    #[arg(long = "passphrase-fd", value_name = "NUMBER")]
    descriptor: Option<u32>,
}

impl PassphraseSource {
    /// A passphrase that is being chosen: the terminal asks for it twice.
    pub fn choose(&self, what_for: &str) -> Result<Passphrase, PassphraseError> {
        self.given().unwrap_or_else(|| {
            Passphrase::prompt_new(
                &format!("New passphrase for {what_for}: "),
                "The same passphrase again: ",
            )
        })
    }

    /// The passphrase of a key that exists: the terminal asks for it once.
    pub fn ask(&self, what_for: &str) -> Result<Passphrase, PassphraseError> {
        self.given()
            .unwrap_or_else(|| Passphrase::prompt(&format!("Passphrase for {what_for}: ")))
    }

    fn given(&self) -> Option<Result<Passphrase, PassphraseError>> {
        match (&self.file, self.descriptor) {
            (Some(file), _) => Some(Passphrase::from_file(file)),
            (None, Some(descriptor)) => Some(Passphrase::from_fd(descriptor)),
            (None, None) => None,
        }
    }
}

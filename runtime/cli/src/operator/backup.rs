//! `cryptlet backup`: everything that a host must not lose, in one file.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use cryptlet_fabric::backup::{self, BackupError, Manifest};
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::listing::{json, leaves};
use crate::state::StateFolder;
use crate::terminal::{count, printable, progress};

const EXAMPLES: &str = "\
Examples:
  cryptlet backup fabric-monday.tar
  cryptlet backup /mnt/backups/fabric.tar --state /var/lib/cryptlet --json

The service may run. The file holds the journal, the configuration, the keys (encrypted, so keep
their passphrase, too) and the hashes of the tokens, but no log files.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The file to write; one that exists is not overwritten.
    file: PathBuf,
    #[command(flatten)]
    state: StateFolder,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A backup as `backup --json` and `restore --json` show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct BackupView {
    /// Version of the fabric that wrote it.
    fabric: String,
    /// How many leaves its log has.
    log_size: u64,
    /// The newest checkpoint, a signed note; null before the first leaf.
    checkpoint: Option<String>,
    /// Every file in it.
    files: Vec<BackedUpFile>,
}

/// A file of a backup.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct BackedUpFile {
    /// Its place in the state folder.
    path: String,
    /// Its length.
    bytes: u64,
    /// Its BLAKE3 sum, hex digits.
    blake3: String,
}

impl From<Manifest> for BackupView {
    fn from(manifest: Manifest) -> Self {
        let files = manifest.files.into_iter();
        Self {
            fabric: manifest.fabric,
            log_size: manifest.log_size,
            checkpoint: manifest.checkpoint,
            files: files
                .map(|file| BackedUpFile {
                    path: file.path,
                    bytes: file.bytes,
                    blake3: file.blake3,
                })
                .collect(),
        }
    }
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let state = arguments.state.existing()?;
    let waiting = progress(format!("backing {} up", state.display()));
    let backup = BackupView::from(backup::backup(state, &arguments.file)?);
    drop(waiting);
    if arguments.json {
        return json(&backup, output);
    }
    writeln!(
        output,
        "{} holds {}",
        printable(&arguments.file.display().to_string()),
        backup.summary()
    )?;
    Ok(())
}

impl BackupView {
    /// How much it is, for people.
    pub fn summary(&self) -> String {
        let bytes: u64 = self.files.iter().map(|file| file.bytes).sum();
        format!(
            "{}, {bytes} bytes; the log has {}",
            count(self.files.len(), "file"),
            leaves(self.log_size)
        )
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Journal(error) => error.into(),
            BackupError::Read { path, source } if source.kind() == io::ErrorKind::NotFound => {
                Self::unreadable(&path, &source)
            }
            error => Self::Refused(error.to_string()),
        }
    }
}

//! Where a host keeps what must survive.

use std::path::{Path, PathBuf};

use clap::Args;
use cryptlet_fabric::journal::{Journal, JournalError};
use cryptlet_vault::{Vault, VaultError};

use crate::failure::Failure;

const DEFAULT: &str = ".cryptlet";

/// The choice of the folder that holds all of a host's state.
#[derive(Args)]
pub struct StateFolder {
    /// Folder of the host's state; its keys are in `keys` below it.
    #[arg(long = "state", value_name = "DIR", default_value = DEFAULT)]
    path: PathBuf,
}

impl StateFolder {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder, if it is there.
    pub fn existing(&self) -> Result<&Path, Failure> {
        if self.path.is_dir() {
            return Ok(&self.path);
        }
        Err(Failure::Usage(format!(
            "there is no state folder {}; name one with --state, or make it with `{}`",
            self.path.display(),
            self.command("config init")
        )))
    }

    /// The vault of the host, which may have no keys yet.
    pub fn vault(&self) -> Result<Vault, VaultError> {
        Vault::open(self.path.join("keys"))
    }

    /// The journal of the host, for reading; a running host does not mind.
    pub fn journal(&self) -> Result<Journal, JournalError> {
        Journal::open_for_reading(&self.path)
    }

    /// `command` as somebody would type it for this folder.
    pub fn command(&self, command: &str) -> String {
        if self.path == Path::new(DEFAULT) {
            format!("cryptlet {command}")
        } else {
            format!("cryptlet {command} --state {}", self.path.display())
        }
    }
}

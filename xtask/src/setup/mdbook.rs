use std::path::PathBuf;

use anyhow::Result;

use super::program::Program;
use crate::workspace::Workspace;

/// The program that makes web pages of the book; gives its path.
pub fn mdbook(workspace: &Workspace) -> Result<PathBuf> {
    let mdbook = Program {
        name: "mdbook",
        version: "0.5.4",
    };
    mdbook.install(workspace)
}

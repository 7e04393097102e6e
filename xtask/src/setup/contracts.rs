use anyhow::Result;

use super::{npm, ready};
use crate::workspace::Workspace;

/// The Solidity compiler and what the contracts' own tests use.
pub fn contracts(workspace: &Workspace) -> Result<()> {
    if !npm::install(workspace, &workspace.contracts())? {
        ready(
            "contracts",
            "packages of contracts/package-lock.json are installed",
        );
    }
    Ok(())
}

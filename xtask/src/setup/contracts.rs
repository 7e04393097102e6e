use anyhow::Result;

use super::{npm, ready};
use crate::workspace::Workspace;

/// The Solidity compiler and what the contracts' own tests use.
pub fn contracts(workspace: &Workspace) -> Result<()> {
    npm::install(workspace, &workspace.contracts())?;
    ready("contracts", "the packages of contracts/package-lock.json");
    Ok(())
}

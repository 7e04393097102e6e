use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

use super::{npm, ready};
use crate::process::{answer, on_path};
use crate::workspace::Workspace;

/// The version that tests and demonstration are written for; `xtask/tools/package.json` pins it.
const VERSION: &str = "1.7.1";

/// The Ethereum node of demonstration and tests; gives the path of the binary.
///
/// `ANVIL` may name another one. npm is asked on x86-64 Linux; elsewhere the binary is looked for on
/// `PATH`.
pub fn node(workspace: &Workspace) -> Result<PathBuf> {
    let anvil = match env::var_os("ANVIL") {
        Some(named) => PathBuf::from(named),
        None if cfg!(all(target_os = "linux", target_arch = "x86_64")) => from_npm(workspace)?,
        None => match on_path("anvil") {
            Some(anvil) => anvil,
            None => {
                bail!("install anvil {VERSION} of Foundry and put it on PATH, or let ANVIL name it")
            }
        },
    };
    let said = answer(workspace.command(&anvil).arg("--version"))
        .with_context(|| format!("{} does not run", anvil.display()))?;
    let version = said.lines().next().unwrap_or_default();
    if !version.contains(VERSION) {
        println!("  node: this is not anvil {VERSION}, with which everything is tested");
    }
    ready("node", version);
    Ok(anvil)
}

fn from_npm(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.tools();
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for name in ["package.json", "package-lock.json"] {
        copy(
            &workspace.root().join("xtask/tools").join(name),
            &folder.join(name),
        )?;
    }
    npm::install(workspace, &folder)?;
    Ok(folder.join("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

use super::{npm, ready};
use crate::process::answer;
use crate::workspace::Workspace;

/// The Ethereum node of demonstration and tests; gives the path of the binary.
pub fn node(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.tools();
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for name in ["package.json", "package-lock.json"] {
        let committed = workspace.root().join("xtask/tools").join(name);
        fs::copy(&committed, folder.join(name))
            .with_context(|| format!("cannot copy {}", committed.display()))?;
    }
    let installed = npm::install(workspace, &folder)?;
    let package = format!("anvil-{}-{}", system(), machine());
    // The binary itself: the script in front of it only costs time.
    let anvil = folder
        .join("node_modules/@foundry-rs")
        .join(&package)
        .join("bin/anvil");
    let Some(version) = answer(workspace.command(&anvil).arg("--version")) else {
        bail!(
            "{} does not run; npm's @foundry-rs/{package} is what has it for this machine",
            anvil.display()
        );
    };
    if !installed {
        ready("node", version.lines().next().unwrap_or_default());
    }
    Ok(anvil)
}

fn system() -> &'static str {
    match env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

fn machine() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

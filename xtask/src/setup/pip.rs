//! Packages of Python, exactly those of a committed list with hashes.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{apt, ready};
use crate::process::{answer, run};
use crate::workspace::Workspace;

/// What is in a folder of packages, and for which Python.
const RECORD: &str = ".installed-from";

/// Installs what `requirements` pins into `folder`, compiled for the Python that is here, unless that
/// is what is there.
pub fn install(workspace: &Workspace, requirements: &str, folder: &Path) -> Result<()> {
    let python = answer(workspace.command("python3").arg("--version"))
        .context("python3 must be on PATH; install Python 3.11 or newer")?;
    let list = fs::read_to_string(workspace.root().join(requirements))
        .with_context(|| format!("cannot read {requirements}"))?;
    let installed = format!("{python}\n{list}");
    let record = folder.join(RECORD);
    if fs::read_to_string(&record).is_ok_and(|found| found == installed) {
        ready("Python packages", requirements);
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot replace {}", folder.display()))?;
    }
    obtain_pip(workspace)?;
    let mut pip = workspace.command("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps"])
        .args(["--only-binary=:all:", "--require-hashes"])
        .args(["--requirement", requirements, "--root-user-action=ignore"])
        .arg("--target")
        .arg(folder);
    run(
        &mut pip,
        "the Python registry must be within reach, and have these packages for Python 3.11 or newer",
    )?;
    fs::write(&record, installed).with_context(|| format!("cannot write {}", record.display()))?;
    ready("Python packages", requirements);
    Ok(())
}

fn obtain_pip(workspace: &Workspace) -> Result<()> {
    let mut pip = workspace.command("python3");
    if answer(pip.args(["-m", "pip", "--version"])).is_some() {
        return Ok(());
    }
    apt::install(workspace, &["python3-pip"])
        .context("Python has no pip; install it, on Debian with `apt install python3-pip`")
}

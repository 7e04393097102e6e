//! Packages of Debian and what descends from it.

use anyhow::{Result, bail};

use crate::process::{answer, on_path, run};
use crate::workspace::Workspace;

/// Installs packages with the system's package manager, which only root can.
pub fn install(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    if on_path("apt-get").is_none() {
        bail!("apt-get is not here");
    }
    if answer(workspace.command("id").arg("-u")).as_deref() != Some("0") {
        bail!("only root can install with apt-get");
    }
    let remedy = "Debian's package mirror must be within reach";
    run(
        workspace.command("apt-get").args(["update", "--quiet"]),
        remedy,
    )?;
    let mut install = workspace.command("apt-get");
    install.args(["install", "--quiet", "--yes", "--no-install-recommends"]);
    install
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut install, remedy)
}

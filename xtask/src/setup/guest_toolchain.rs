use std::time::Duration;

use anyhow::{Result, bail};
use cryptlet_toolchain::{Missing, Target, Toolchain};

use super::{apt, ready};
use crate::process::{on_path, succeeds_within};
use crate::workspace::Workspace;

/// A machine without a way to rustup's server should not wait for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Rust toolchains that compile to both kinds of WebAssembly that guests are.
pub fn guest_toolchain(workspace: &Workspace) -> Result<()> {
    for target in [Target::Bare, Target::Wasi] {
        toolchain_for(workspace, target)?;
    }
    Ok(())
}

fn toolchain_for(workspace: &Workspace, target: Target) -> Result<()> {
    if let Ok(toolchain) = Toolchain::find(target) {
        ready("guest toolchain", toolchain);
        return Ok(());
    }
    let ways: [fn(&Workspace, Target) -> Result<()>; 2] = [by_rustup, by_apt];
    for way in ways {
        if let Err(error) = way(workspace, target) {
            println!("  {error:#}");
        }
        if let Ok(toolchain) = Toolchain::find(target) {
            ready("guest toolchain", toolchain);
            return Ok(());
        }
    }
    // The error of a last look says what is missing now, and both ways to get it.
    let missing = Toolchain::find(target).map(|_| ());
    Ok(missing?)
}

fn by_rustup(workspace: &Workspace, target: Target) -> Result<()> {
    if on_path("rustup").is_none() {
        bail!("rustup is not here");
    }
    let mut rustup = workspace.command("rustup");
    rustup.args(["target", "add", target.triple()]);
    if succeeds_within(&mut rustup, PATIENCE)? {
        return Ok(());
    }
    bail!("rustup cannot fetch the target from here; the system's packages have one, too")
}

fn by_apt(workspace: &Workspace, _: Target) -> Result<()> {
    apt::install(workspace, Missing::debian_packages())
}

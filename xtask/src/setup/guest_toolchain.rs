use std::time::Duration;

use anyhow::{Result, bail};
use cryptlet_toolchain::{Missing, Target, Toolchain};

use super::{apt, ready};
use crate::process::{on_path, succeeds_within};
use crate::workspace::Workspace;

/// A machine without a way to rustup's server should not wait for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Rust toolchain that compiles to WebAssembly.
pub fn guest_toolchain(workspace: &Workspace) -> Result<()> {
    if let Ok(toolchain) = Toolchain::find(Target::Bare) {
        ready("guest toolchain", toolchain);
        return Ok(());
    }
    let ways: [fn(&Workspace) -> Result<()>; 2] = [by_rustup, by_apt];
    for way in ways {
        if let Err(error) = way(workspace) {
            println!("  {error:#}");
        }
        if let Ok(toolchain) = Toolchain::find(Target::Bare) {
            ready("guest toolchain", toolchain);
            return Ok(());
        }
    }
    // The error of a last look says what is missing now, and both ways to get it.
    let missing = Toolchain::find(Target::Bare).map(|_| ());
    Ok(missing?)
}

fn by_rustup(workspace: &Workspace) -> Result<()> {
    if on_path("rustup").is_none() {
        bail!("rustup is not here");
    }
    let mut rustup = workspace.command("rustup");
    rustup.args(["target", "add", Target::Bare.triple()]);
    if succeeds_within(&mut rustup, PATIENCE)? {
        return Ok(());
    }
    bail!("rustup cannot fetch the target from here; the system's packages have one, too")
}

fn by_apt(workspace: &Workspace) -> Result<()> {
    apt::install(workspace, Missing::debian_packages())
}

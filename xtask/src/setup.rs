//! What the other commands need and a bare machine lacks. Everything goes into `target/tools` or
//! `contracts/node_modules`, or is installed with the system's package manager if there is no other
//! way; a second run installs nothing.

mod apt;
mod contracts;
mod deny;
mod guest_toolchain;
mod languages;
mod mdbook;
mod node;
mod npm;
mod pip;
mod program;
mod valgrind;
mod verifiers;

use std::path::PathBuf;

use anyhow::Result;

pub use contracts::contracts;
pub use deny::deny;
pub use guest_toolchain::guest_toolchain;
pub use languages::{JAVASCRIPT, Languages, PYTHON, languages};
pub use mdbook::mdbook;
pub use node::node;
pub use valgrind::valgrind;
pub use verifiers::{Verifiers, verifiers};

use crate::workspace::Workspace;

/// Where the programs are that other steps start.
pub struct Tools {
    pub anvil: PathBuf,
    pub cargo_deny: PathBuf,
    pub verifiers: Verifiers,
}

/// `cargo xtask setup`.
pub fn all(workspace: &Workspace) -> Result<()> {
    everything(workspace)?;
    println!("everything that the other commands need is here");
    Ok(())
}

pub fn everything(workspace: &Workspace) -> Result<Tools> {
    guest_toolchain(workspace)?;
    languages(workspace)?;
    contracts(workspace)?;
    valgrind(workspace);
    Ok(Tools {
        anvil: node(workspace)?,
        cargo_deny: deny(workspace)?,
        verifiers: verifiers(workspace)?,
    })
}

/// Says what is there now, whether it was before or not.
fn ready(what: &str, detail: impl std::fmt::Display) {
    println!("  {what}: {detail}");
}

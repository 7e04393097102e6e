use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{guests, setup};

/// Prepares a devnet and becomes it, so that signals and the end of input reach it.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let mut steps = Steps::of("devnet");
    let anvil = steps.step("tools", || {
        setup::guest_toolchain(workspace)?;
        setup::node(workspace)
    })?;
    steps.step("cryptlets", || guests::in_rust(workspace))?;
    steps.step("build", || {
        let mut cargo = workspace.cargo();
        cargo.args(["build", "--workspace", "--locked"]);
        cargo.args(["--bin", "devnet", "--bin", "cryptlet"]);
        process::run(&mut cargo, "the devnet, in tests/, must compile first")
    })?;
    println!("{}\n", steps.summary());
    // In the folder of the person, who may have named another one relative to it.
    let program = workspace.target().join("debug/devnet");
    let error = Command::new(&program)
        .args(arguments)
        .env("ANVIL", &anvil)
        .env("CRYPTLETS", workspace.cryptlets())
        .exec();
    Err(error).with_context(|| format!("{} does not start", program.display()))
}

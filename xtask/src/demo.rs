use anyhow::Result;

use crate::process;
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{guests, setup};

/// Prepares and runs the demonstration.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let mut steps = Steps::of("demo");
    let anvil = steps.step("tools", || {
        setup::guest_toolchain(workspace)?;
        setup::node(workspace)
    })?;
    steps.step("cryptlets", || guests::in_rust(workspace))?;
    steps.step("build", || {
        let mut cargo = workspace.cargo();
        cargo.args(["build", "--workspace", "--locked", "--bin", "demo"]);
        process::run(
            &mut cargo,
            "the demonstration, in tests/, must compile first",
        )
    })?;
    steps.step("demonstration", || {
        let mut demo = workspace.command(workspace.target().join("debug/demo"));
        demo.args(arguments)
            .env("ANVIL", &anvil)
            .env("CRYPTLETS", workspace.cryptlets());
        process::run(&mut demo, "what went wrong stands above")
    })?;
    println!("{}", steps.summary());
    Ok(())
}

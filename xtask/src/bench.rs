use anyhow::Result;

use crate::process;
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{guests, setup};

/// Builds the benches optimised, runs the one of that name, and leaves its figures and its picture
/// in `target/bench`. A bar that does not hold is a failure.
pub fn run(workspace: &Workspace, name: &'static str) -> Result<()> {
    let mut steps = Steps::of("bench");
    let anvil = steps.step("tools", || {
        setup::guest_toolchain(workspace)?;
        setup::node(workspace)
    })?;
    steps.step("cryptlets", || guests::in_rust(workspace))?;
    steps.step("build", || {
        let mut cargo = workspace.cargo();
        cargo.args(["build", "--workspace", "--release", "--locked"]);
        cargo.args(["--bin", "cryptlet-benches"]);
        process::run(&mut cargo, "the benches, in benches/, must compile first")
    })?;
    steps.step(name, || {
        let mut bench = workspace.command(workspace.target().join("release/cryptlet-benches"));
        bench.arg(name).arg(workspace.target().join("bench"));
        bench
            .env("ANVIL", &anvil)
            .env("CRYPTLETS", workspace.cryptlets());
        process::run(
            &mut bench,
            "run it again on a quiet machine; if a bar still does not hold, find out why",
        )
    })?;
    println!("{}", steps.summary());
    Ok(())
}

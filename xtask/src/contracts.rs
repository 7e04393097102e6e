use anyhow::Result;

use crate::process::run;
use crate::setup;
use crate::workspace::Workspace;

/// Compiles the contracts; with `check`, only compares them with the committed artefacts.
pub fn build(workspace: &Workspace, check: bool) -> Result<()> {
    setup::contracts(workspace)?;
    let mut node = workspace.command("node");
    node.current_dir(workspace.contracts()).arg("build.mjs");
    if check {
        node.arg("--check");
    }
    run(
        &mut node,
        "after a change of a contract run `cargo xtask contracts` and commit its result",
    )
}

/// The tests that check our encodings against a second implementation.
pub fn test(workspace: &Workspace) -> Result<()> {
    let mut npm = workspace.command("npm");
    npm.current_dir(workspace.contracts())
        .args(["run", "--silent", "test"]);
    run(&mut npm, "what differs from ethers.js stands above")
}

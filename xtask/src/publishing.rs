use anyhow::Result;

use crate::process;
use crate::workspace::Workspace;

/// Packs what authors depend on as a registry would get it, and compiles it from there: nothing
/// may lie outside of its package. Dependencies come first.
pub fn rehearse(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["publish", "--dry-run", "--locked", "--allow-dirty"]);
    for package in ["cryptlet-sdk-macros", "cryptlet-sdk"] {
        cargo.args(["--package", package]);
    }
    process::run(
        &mut cargo,
        "`include` in its Cargo.toml says what a package holds",
    )
}

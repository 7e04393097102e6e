use anyhow::{Result, bail};

use crate::process::run;
use crate::setup;
use crate::workspace::Workspace;

/// Builds the cryptlets that ship into `target/cryptlets`, those whose inputs have changed.
pub fn build(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args([
        "build",
        "--workspace",
        "--locked",
        "--bin",
        "cryptlet-build",
    ]);
    run(
        &mut cargo,
        "the builder of guests, guest-sdk/build, must compile first",
    )?;
    build_with_the_present_builder(workspace)
}

/// The same after `cargo test --no-run`, which has compiled the builder along with the tests. A
/// `cargo build` would compile its dependencies once more, without the features of the tests.
pub fn build_with_the_present_builder(workspace: &Workspace) -> Result<()> {
    setup::guest_toolchain(workspace)?;
    let manifests = workspace.manifests()?;
    if manifests.is_empty() {
        bail!(
            "no cryptlets/*/cryptlet*.toml under {}",
            workspace.root().display()
        );
    }
    let mut builder = workspace.command(workspace.target().join("debug/cryptlet-build"));
    builder.arg("--out").arg(workspace.cryptlets());
    builder
        .arg("--target-dir")
        .arg(workspace.target().join("guests"));
    builder.args(
        manifests
            .iter()
            .map(|path| path.strip_prefix(workspace.root()).unwrap_or(path)),
    );
    run(&mut builder, "the guest named above does not build")
}

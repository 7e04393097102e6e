use std::path::Path;

use anyhow::{Result, bail};

use crate::process::run;
use crate::workspace::Workspace;
use crate::{languages, setup};

/// Builds the cryptlets that ship into `target/cryptlets`, those whose inputs have changed.
pub fn build(workspace: &Workspace) -> Result<()> {
    in_rust(workspace)?;
    in_other_languages(workspace)
}

/// Builds those that the demonstration and the benches run, for which Rust is enough.
pub fn in_rust(workspace: &Workspace) -> Result<()> {
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
    in_rust_with_the_present_builder(workspace)
}

/// The same after `cargo test --no-run`, which has compiled the builder along with the tests. A
/// `cargo build` would compile its dependencies once more, without the features of the tests.
pub fn build_with_the_present_builder(workspace: &Workspace) -> Result<()> {
    in_rust_with_the_present_builder(workspace)?;
    in_other_languages(workspace)
}

fn in_rust_with_the_present_builder(workspace: &Workspace) -> Result<()> {
    setup::guest_toolchain(workspace)?;
    let mut manifests = workspace.manifests()?;
    manifests.retain(|manifest| is_in_rust(manifest));
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

fn in_other_languages(workspace: &Workspace) -> Result<()> {
    let mut manifests = workspace.manifests()?;
    manifests.retain(|manifest| !is_in_rust(manifest));
    languages::build(workspace, &manifests)
}

fn is_in_rust(manifest: &Path) -> bool {
    manifest.with_file_name("Cargo.toml").is_file()
}

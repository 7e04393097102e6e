use std::fs;

use anyhow::{Context as _, Result};

use crate::process;
use crate::workspace::Workspace;

/// What authors depend on; all have the workspace's version. Dependencies come first.
const PACKAGES: [&str; 2] = ["cryptlet-sdk-macros", "cryptlet-sdk"];

/// Packs what authors depend on as a registry would get it, and compiles it from there: nothing
/// may lie outside of its package.
///
/// Cargo's own dry run takes a package that it unpacked earlier under the same number for the one
/// that it packs now, and would judge by files of another day.
pub fn rehearse(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["package", "--no-verify", "--locked", "--allow-dirty"]);
    for package in PACKAGES {
        cargo.args(["--package", package]);
    }
    process::run(
        &mut cargo,
        "`include` in its Cargo.toml says what a package holds",
    )?;
    let unpacked = workspace.target().join("unpacked");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked)
            .with_context(|| format!("cannot empty {}", unpacked.display()))?;
    }
    fs::create_dir_all(&unpacked).with_context(|| format!("cannot make {}", unpacked.display()))?;
    let names = PACKAGES.map(|package| format!("{package}-{}", env!("CARGO_PKG_VERSION")));
    for name in &names {
        let archive = workspace.target().join(format!("package/{name}.crate"));
        // Cargo packs every file under one date of 2006 and would see no change.
        let mut tar = workspace.command("tar");
        tar.args(["--extract", "--gzip", "--touch", "--file"])
            .arg(archive)
            .arg("--directory")
            .arg(&unpacked);
        process::run(&mut tar, "a package is a tar archive")?;
    }
    let manifest = format!(
        "[workspace]\nresolver = \"3\"\nmembers = {names:?}\n\n\
         [patch.crates-io]\n{} = {{ path = {:?} }}\n",
        PACKAGES[0], names[0]
    );
    fs::write(unpacked.join("Cargo.toml"), manifest)?;
    fs::copy(
        workspace.root().join("Cargo.lock"),
        unpacked.join("Cargo.lock"),
    )?;
    process::run(
        workspace
            .cargo()
            .args(["check", "--workspace", "--target-dir"])
            .arg(workspace.target())
            .current_dir(&unpacked),
        "a package may use only what it holds, and what a registry has",
    )
}

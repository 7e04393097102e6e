//! `cargo xtask dist`: what people download.

mod archive;
mod contents;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};

use crate::process;
use crate::steps::Steps;
use crate::workspace::Workspace;
use contents::Contents;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Builds the command for release and packs it with everything that goes with it.
pub fn build(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::of("dist");
    steps.step("release build", || release_build(workspace))?;
    let command = workspace.target().join("dist/cryptlet");
    let folder = workspace.target().join("dist");
    let name = steps.step("archive", || pack(workspace, &command, &folder))?;
    steps.step("inspection", || inspect(&folder, &name))?;
    println!("{}", steps.summary());
    println!("{}", folder.join(&name).display());
    Ok(())
}

/// Packs the command as the tests have built it, twice, and inspects the result: what a release
/// would hold, without the time that a release build takes.
pub fn check(workspace: &Workspace) -> Result<()> {
    let command = workspace.target().join("debug/cryptlet");
    if !command.is_file() {
        let mut cargo = workspace.cargo();
        cargo.args(["build", "--workspace", "--locked", "--bin", "cryptlet"]);
        process::run(&mut cargo, "the command must compile first")?;
    }
    let folder = workspace.target().join("dist-check");
    let name = pack(workspace, &command, &folder)?;
    let first = sha256(&folder.join(&name))?;
    inspect(&folder, &name)?;
    pack(workspace, &command, &folder)?;
    ensure!(
        sha256(&folder.join(&name))? == first,
        "two archives of the same files differ; xtask/src/dist/archive.rs must fix what it takes \
         from the machine"
    );
    Ok(())
}

/// Without the rest of the workspace, so that no feature that only tests ask for is in it.
fn release_build(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--locked", "--package", "cryptlet-cli"]);
    cargo.args(["--bin", "cryptlet", "--profile", "dist"]);
    process::run(&mut cargo, "the command must compile first")
}

/// Writes the archive and its sums into `folder` and gives the archive's name.
fn pack(workspace: &Workspace, command: &Path, folder: &Path) -> Result<String> {
    let root = format!("cryptlet-{VERSION}-{}", host(workspace)?);
    let name = format!("{root}.tar.gz");
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let contents = Contents::gather(workspace, command, &folder.join("parts"))?;
    let path = folder.join(&name);
    archive::write(&path, &root, &contents)
        .with_context(|| format!("cannot write {}", path.display()))?;
    let sums = format!("{}  {name}\n", sha256(&path)?);
    fs::write(folder.join("SHA256SUMS"), sums)?;
    let mut measure = Command::new(command);
    measure.current_dir(folder).args(["measure", &name]);
    let sums = process::answer(&mut measure)
        .with_context(|| format!("`cryptlet measure` does not measure {name}"))?;
    fs::write(folder.join("B3SUMS"), sums + "\n")?;
    Ok(name)
}

/// Looks at an archive as somebody who downloads it.
fn inspect(folder: &Path, name: &str) -> Result<()> {
    let path = folder.join(name);
    let sums = fs::read_to_string(folder.join("SHA256SUMS"))?;
    ensure!(
        sums == format!("{}  {name}\n", sha256(&path)?),
        "SHA256SUMS does not fit {name}"
    );
    let unpacked = folder.join("unpacked");
    let files = archive::unpack(&path, &unpacked)?;
    let root = unpacked.join(name.trim_end_matches(".tar.gz"));
    for expected in contents::PROMISED {
        ensure!(
            files.iter().any(|file| root.join(expected) == *file),
            "{name} lacks {expected}"
        );
    }
    let said = process::answer(Command::new(root.join("bin/cryptlet")).arg("--version"))
        .context("the command in the archive does not run")?;
    ensure!(
        said == format!("cryptlet {VERSION}"),
        "the command in the archive says it is {said:?}"
    );
    let size = fs::metadata(&path)?.len();
    println!("  {name}: {} files, {size} bytes", files.len());
    Ok(())
}

fn sha256(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let digest = Sha256::digest(&bytes);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The machine that programs are built for here, as rustc calls it.
fn host(workspace: &Workspace) -> Result<String> {
    let Some(text) = process::answer(workspace.command("rustc").arg("-vV")) else {
        bail!("`rustc -vV` does not answer; install Rust with rustup")
    };
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("`rustc -vV` names no host")
}

/// A folder of its own for what one part of the archive is made of, empty.
fn emptied(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

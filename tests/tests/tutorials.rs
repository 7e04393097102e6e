//! The commands of the book and of the README, run as a reader would from top to bottom.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use end_to_end::console;
use end_to_end::shell::Shell;

/// The repository's root.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Runs every command of a document in a fresh folder.
fn follow(document: &str) -> Result<()> {
    let markdown = std::fs::read_to_string(Path::new(ROOT).join(document))
        .with_context(|| format!("cannot read {document}"))?;
    let steps = console::steps(&markdown);
    ensure!(!steps.is_empty(), "{document} has no commands");
    // A reader is in the repository, and may lay something beside it.
    let folder = tempfile::tempdir()?;
    let repository = folder.path().join("repository");
    std::fs::create_dir(&repository)?;
    let outputs = tempfile::tempdir()?;
    let programs = tempfile::tempdir()?;
    let mut shell = Shell::start(&repository, outputs.path(), &variables(programs.path())?)?;
    for step in steps {
        shell
            .run(&step)
            .map_err(|error| anyhow!("{document}:{}: `{}`\n{error:#}", step.line, step.command))?;
    }
    Ok(())
}

/// The built programs come first on `PATH`, and `cargo xtask devnet` is what it becomes in the end.
fn variables(programs: &Path) -> Result<BTreeMap<String, OsString>> {
    let built = built_programs()?;
    let before = std::env::var_os("PATH").unwrap_or_default();
    let real = std::env::split_paths(&before)
        .map(|folder| folder.join("cargo"))
        .find(|program| program.is_file())
        .context("cargo is not on PATH")?;
    let cargo = programs.join("cargo");
    std::fs::write(
        &cargo,
        format!(
            "#!/bin/sh\nif [ \"$1 $2\" = 'xtask devnet' ]; then shift 2; exec '{}' \"$@\"; fi\nexec '{}' \"$@\"\n",
            env!("CARGO_BIN_EXE_devnet"),
            real.display(),
        ),
    )?;
    std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755))?;
    let path = std::env::join_paths(
        [programs.to_owned(), built.clone()]
            .into_iter()
            .chain(std::env::split_paths(&before)),
    )?;
    Ok(BTreeMap::from([
        ("PATH".to_owned(), path),
        // Every guest's dependencies are compiled once, not once a run.
        (
            "CARGO_TARGET_DIR".to_owned(),
            built.join("../tutorials").into(),
        ),
        ("CRYPTLETS".to_owned(), cryptlets()),
    ]))
}

/// Where cargo put `cryptlet`, which belongs to another package.
fn built_programs() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test
        .ancestors()
        .nth(2)
        .context("a test lies in target/<profile>/deps")?;
    ensure!(
        folder.join("cryptlet").is_file(),
        "{} is missing; run `cargo build --bin cryptlet`, which `cargo test --workspace` does, too",
        folder.join("cryptlet").display()
    );
    Ok(folder.to_owned())
}

fn cryptlets() -> OsString {
    std::env::var_os("CRYPTLETS").unwrap_or_else(|| Path::new(ROOT).join("target/cryptlets").into())
}

#[test]
fn an_author_gets_what_the_tutorial_promises() -> Result<()> {
    follow("docs/tutorials/author.md")
}

#[test]
fn the_guide_to_http_keeps_its_promises() -> Result<()> {
    follow("docs/guides/http.md")
}

#[test]
fn an_operator_gets_what_the_tutorial_promises() -> Result<()> {
    follow("docs/tutorials/operator.md")
}

#[test]
fn an_operator_changes_what_runs_as_the_tutorial_promises() -> Result<()> {
    follow("docs/tutorials/change.md")
}

#[test]
fn an_auditor_gets_what_the_tutorial_promises() -> Result<()> {
    follow("docs/tutorials/auditor.md")
}

#[test]
fn the_readme_keeps_its_promises() -> Result<()> {
    follow("README.md")
}

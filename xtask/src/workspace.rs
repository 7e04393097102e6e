use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result};

/// Where things lie.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    pub fn find() -> Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here
            .parent()
            .context("xtask lies at the root of the file system")?
            .to_owned();
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let target = std::path::absolute(&target)
            .with_context(|| format!("CARGO_TARGET_DIR names {}", target.display()))?;
        Ok(Self { root, target })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo puts what it builds for this machine.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Where the built cryptlets lie.
    pub fn cryptlets(&self) -> PathBuf {
        self.target.join("cryptlets")
    }

    /// Where the tools lie that `setup` installed.
    pub fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    pub fn contracts(&self) -> PathBuf {
        self.root.join("contracts")
    }

    /// `program` with the workspace as its working folder.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// The cargo that runs this program.
    ///
    /// What cargo told this program about its own package is kept from it: build scripts that look
    /// at it would run again whenever a person and xtask take turns, and half the tree after them.
    pub fn cargo(&self) -> Command {
        let mut cargo = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        for (name, _) in env::vars_os() {
            let about_us = name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
            });
            if about_us {
                cargo.env_remove(name);
            }
        }
        cargo
    }

    /// The manifests of the cryptlets that ship: `cryptlets/*/cryptlet*.toml`.
    pub fn manifests(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for folder in entries(&self.root.join("cryptlets"))? {
            if !folder.is_dir() {
                continue;
            }
            found.extend(
                entries(&folder)?
                    .into_iter()
                    .filter(|path| is_manifest(path)),
            );
        }
        found.sort();
        Ok(found)
    }
}

fn is_manifest(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    name.starts_with("cryptlet") && name.ends_with(".toml")
}

/// What lies in a folder.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect()
    };
    list().with_context(|| format!("cannot read {}", folder.display()))
}

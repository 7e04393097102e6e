//! What cargo knows of a crate before it compiles anything.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cryptlet_toolchain::Toolchain;
use serde::Deserialize;

use crate::compile::{lock, said, start};
use crate::lock::LockedPackage;
use crate::project::{absolute, read};
use crate::{BuildError, Lock, Messages, Project};

/// What cargo knows of the guest crate and its surroundings.
pub(crate) struct Workspace {
    root: PathBuf,
    package: Package,
    /// Folders of the packages that go into the guest and lie on this disk, not in a registry.
    local: Vec<PathBuf>,
    /// Every package that a build of the workspace may take.
    packages: Vec<Located>,
}

/// A package, and where cargo reads it.
pub(crate) struct Located {
    pub(crate) name: String,
    version: String,
    pub(crate) folder: PathBuf,
    /// The registry or repository that it is from; absent for what is named by its path.
    source: Option<String>,
}

impl Located {
    /// Whether it is from a registry or a repository, as the lock file has it.
    pub(crate) fn is_fetched(&self) -> bool {
        self.source.is_some()
    }
}

impl Workspace {
    pub(crate) fn of(project: &Project) -> Result<Self, BuildError> {
        // Without the features that it is compiled with, packages behind them would be missing.
        let (manifest, _) = read(&project.manifest)?;
        let features = manifest.build.features.join(",");
        let mut command = project.toolchain.cargo("metadata", &[]);
        if !features.is_empty() {
            command.args(["--features", &features]);
        }
        command
            .args(["--format-version", "1", "--manifest-path"])
            .arg(project.crate_dir.join("Cargo.toml"))
            .args(lock(project))
            .current_dir(&project.crate_dir)
            .stderr(match project.messages {
                Messages::Passed => Stdio::inherit(),
                Messages::Kept => Stdio::piped(),
            });
        let output = command.output().map_err(|source| start(&command, source))?;
        if !output.status.success() {
            let changed = project.lock == Lock::Required && lock_would_change(command, &output);
            if changed {
                return Err(BuildError::LockChanges {
                    crate_dir: project.crate_dir.clone(),
                });
            }
            return Err(BuildError::Cargo {
                subcommand: "metadata",
                crate_dir: project.crate_dir.clone(),
                status: output.status,
                said: said(project, &output.stderr),
            });
        }
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).map_err(|error| BuildError::Answer {
                subcommand: "metadata",
                reason: error.to_string(),
            })?;
        metadata.workspace(project)
    }

    pub(crate) fn package(&self) -> &str {
        &self.package.name
    }

    /// What cargo calls the package in its messages.
    pub(crate) fn package_id(&self) -> &str {
        &self.package.id
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn local(&self) -> &[PathBuf] {
        &self.local
    }

    pub(crate) fn packages(&self) -> impl Iterator<Item = &Located> {
        self.packages.iter()
    }

    /// The folder that cargo reads a package from.
    pub(crate) fn folder(&self, locked: &LockedPackage) -> Option<&Path> {
        let mut alike = self.packages.iter().filter(|package| {
            package.name == locked.name
                && package.version == locked.version
                && package.is_fetched() == locked.source.is_some()
        });
        // Cargo writes some addresses in two ways; they matter only where a name is not enough.
        let first = alike.clone().next();
        alike
            .find(|package| package.source == locked.source)
            .or(first)
            .map(|package| package.folder.as_path())
    }
}

/// Whether cargo failed because the lock file is missing or does not fit. Cargo has one status for
/// all failures, so its words decide; where a person has already read them, it is asked again.
fn lock_would_change(mut command: Command, output: &Output) -> bool {
    let again = output
        .stderr
        .is_empty()
        .then(|| command.stderr(Stdio::piped()).output().ok())
        .flatten();
    let said = again.as_ref().unwrap_or(output);
    String::from_utf8_lossy(&said.stderr).contains("--locked was passed")
}

/// The root of the source tree that the package or workspace in `folder` belongs to: the folder of
/// its workspace.
///
/// # Errors
///
/// [`BuildError::Start`] and [`BuildError::Cargo`], the latter if there is no `Cargo.toml`.
pub fn source_root(toolchain: &Toolchain, folder: &Path) -> Result<PathBuf, BuildError> {
    let folder = absolute(folder)?;
    let mut command = toolchain.cargo("locate-project", &[]);
    command
        .args([
            "--workspace",
            "--message-format",
            "plain",
            "--manifest-path",
        ])
        .arg(folder.join("Cargo.toml"));
    let output = command.output().map_err(|source| start(&command, source))?;
    if !output.status.success() {
        return Err(BuildError::Cargo {
            subcommand: "locate-project",
            crate_dir: folder,
            status: output.status,
            said: Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        });
    }
    let manifest = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(manifest.parent().map_or(folder, Path::to_owned))
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_root: PathBuf,
}

#[derive(Clone, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    manifest_path: PathBuf,
    /// Absent for what lies on this disk.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// Absent for an ordinary one.
    kind: Option<String>,
}

impl Metadata {
    fn workspace(self, project: &Project) -> Result<Workspace, BuildError> {
        let manifest = fs::canonicalize(project.crate_dir.join("Cargo.toml")).map_err(
            BuildError::file("find", project.crate_dir.join("Cargo.toml")),
        )?;
        let here = |package: &&Package| {
            fs::canonicalize(&package.manifest_path).is_ok_and(|path| path == manifest)
        };
        let package =
            self.packages
                .iter()
                .find(here)
                .cloned()
                .ok_or_else(|| BuildError::NoPackage {
                    crate_dir: project.crate_dir.clone(),
                })?;
        let local = self.local(&package.id);
        let packages = self.packages.into_iter().filter_map(|package| {
            Some(Located {
                folder: package.manifest_path.parent()?.to_owned(),
                name: package.name,
                version: package.version,
                source: package.source,
            })
        });
        Ok(Workspace {
            packages: packages.collect(),
            root: self.workspace_root,
            package,
            local,
        })
    }

    /// Folders of `root` and of everything below it that is not from a registry.
    fn local(&self, root: &str) -> Vec<PathBuf> {
        let mut reached = vec![root];
        let mut next = 0;
        while let Some(id) = reached.get(next).copied() {
            next += 1;
            let node = self.resolve.nodes.iter().find(|node| node.id == id);
            for dependency in node.into_iter().flat_map(|node| &node.deps) {
                let compiled = |kind: &DependencyKind| kind.kind.as_deref() != Some("dev");
                let known = reached.contains(&dependency.pkg.as_str());
                if !known && dependency.dep_kinds.iter().any(compiled) {
                    reached.push(&dependency.pkg);
                }
            }
        }
        let mut folders: Vec<PathBuf> = self
            .packages
            .iter()
            .filter(|package| package.source.is_none() && reached.contains(&package.id.as_str()))
            .filter_map(|package| package.manifest_path.parent().map(Path::to_owned))
            .collect();
        folders.sort();
        folders
    }
}

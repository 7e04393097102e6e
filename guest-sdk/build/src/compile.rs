//! From a crate to a core module, by cargo.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs, thread};

use cryptlet_toolchain::{Provider, Target, Toolchain};
use serde::Deserialize;

use crate::lock::LockedPackage;
use crate::project::{absolute, read};
use crate::{BuildError, Lock, Messages, Project};

/// The profile that guests are compiled with.
const PROFILE: &str = "guest";

/// What [`PROFILE`] is where a workspace does not say: small, and without anything that depends on
/// where it was built.
const PROFILE_DEFAULTS: [&str; 6] = [
    "inherits=\"release\"",
    "opt-level=\"s\"",
    "lto=true",
    "codegen-units=1",
    "panic=\"abort\"",
    "strip=true",
];

/// The stack of a guest: small, so that the data behind it stays in the part of memory that a
/// container keeps resident between runs.
const STACK_BYTES: u32 = 64 * 1024;

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

pub(crate) struct Compiled {
    pub(crate) module: Vec<u8>,
    /// Every source that went into it and is not from a registry.
    pub(crate) sources: Vec<PathBuf>,
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

pub(crate) fn compile(
    project: &Project,
    workspace: &Workspace,
    features: &[String],
) -> Result<Compiled, BuildError> {
    let mut command = project.toolchain.cargo("build", &flags(project, workspace));
    command
        .args([
            "--profile",
            PROFILE,
            "--message-format=json-render-diagnostics",
        ])
        .args(lock(project))
        .args(profile(workspace)?)
        .args(["--package", &workspace.package.id, "--lib"])
        .arg("--manifest-path")
        .arg(project.crate_dir.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&project.target_dir)
        .current_dir(&project.crate_dir);
    if !features.is_empty() {
        command.args(["--features", &features.join(",")]);
    }
    let module = module_of(project, workspace, command)?;
    Ok(Compiled {
        sources: sources(&module.with_extension("d"))?,
        module: fs::read(&module).map_err(BuildError::file("read", module))?,
    })
}

/// Runs the build and gives the path of the module that it announces.
fn module_of(
    project: &Project,
    workspace: &Workspace,
    mut command: Command,
) -> Result<PathBuf, BuildError> {
    command.stdout(Stdio::piped());
    if project.messages == Messages::Kept {
        command.stderr(Stdio::piped());
    }
    let mut child = command.spawn().map_err(|source| start(&command, source))?;
    // Both pipes are read at once: whichever nobody reads, cargo waits for when it is full.
    let messages = child.stderr.take().map(|mut stderr| {
        thread::spawn(move || {
            let mut messages = Vec::new();
            // What cannot be read any more is missing from an error message, no more.
            let _ = stderr.read_to_end(&mut messages);
            messages
        })
    });
    let stdout = child.stdout.take().expect("the lines above pipe it");
    let mut module = None;
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(|source| start(&command, source))?;
        // Guests' build scripts may print lines of their own; what is not a message is not ours.
        let Ok(message) = serde_json::from_str::<Message>(&line) else {
            continue;
        };
        if message.reason == "compiler-artifact" && message.package_id == workspace.package.id {
            let mut files = message.filenames.into_iter();
            module = files
                .find(|file| file.extension().is_some_and(|end| end == "wasm"))
                .or(module);
        }
    }
    let status = child.wait().map_err(|source| start(&command, source))?;
    let messages = messages.and_then(|reader| reader.join().ok());
    if !status.success() {
        return Err(BuildError::Cargo {
            subcommand: "build",
            crate_dir: project.crate_dir.clone(),
            status,
            said: said(project, &messages.unwrap_or_default()),
        });
    }
    module.ok_or_else(|| BuildError::NotADynamicLibrary {
        package: workspace.package.name.clone(),
    })
}

/// What makes the module the same wherever it is built: no path of this machine stays in it.
fn flags(project: &Project, workspace: &Workspace) -> Vec<String> {
    let home = cargo_home();
    // The last prefix that fits wins, so the wider ones come first.
    let mut prefixes = vec![
        (home.clone(), "/cargo"),
        (workspace.root.clone(), "/source"),
    ];
    prefixes.push((project.target_dir.clone(), "/target"));
    let registries = fs::read_dir(home.join("registry/src"))
        .into_iter()
        .flatten()
        .flatten();
    // One folder for each registry and mirror, named after its address.
    prefixes.extend(registries.map(|entry| (entry.path(), "/registry")));
    if project.toolchain.provider() == Provider::BuildStd {
        prefixes.push((
            project.toolchain.sysroot().join("lib/rustlib/src/rust"),
            "/rustc",
        ));
    }
    let mut flags: Vec<String> = prefixes
        .into_iter()
        .map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()))
        .collect();
    if project.toolchain.target() == Target::Bare {
        flags.push(format!("-Clink-arg=-zstack-size={STACK_BYTES}"));
    }
    flags
}

pub(crate) fn cargo_home() -> PathBuf {
    let default = || env::home_dir().unwrap_or_default().join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(default, PathBuf::from)
}

/// `--config` arguments that define the profile, unless the workspace does.
fn profile(workspace: &Workspace) -> Result<Vec<String>, BuildError> {
    let path = workspace.root.join("Cargo.toml");
    let text = fs::read_to_string(&path).map_err(BuildError::file("read", &path))?;
    let defined = text.parse::<toml::Table>().is_ok_and(|table| {
        table
            .get("profile")
            .and_then(|profiles| profiles.get(PROFILE))
            .is_some()
    });
    let settings = PROFILE_DEFAULTS.iter().filter(|_| !defined);
    Ok(settings
        .flat_map(|setting| {
            [
                "--config".to_owned(),
                format!("profile.{PROFILE}.{setting}"),
            ]
        })
        .collect())
}

/// Reads cargo's dependency file: `module.wasm: first.rs second.rs`, blanks escaped by `\`.
fn sources(path: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let text = fs::read_to_string(path).map_err(BuildError::file("read", path))?;
    let Some((_, list)) = text.lines().next().and_then(|line| line.split_once(": ")) else {
        return Ok(Vec::new());
    };
    let marked = list.replace("\\ ", "\0");
    Ok(marked
        .split_whitespace()
        .map(|name| PathBuf::from(name.replace('\0', " ")))
        .collect())
}

fn lock(project: &Project) -> Option<&'static str> {
    match project.lock {
        Lock::Required => Some("--locked"),
        Lock::Written => None,
    }
}

/// What cargo said, if nobody has read it yet.
fn said(project: &Project, stderr: &[u8]) -> Option<String> {
    match project.messages {
        Messages::Passed => None,
        Messages::Kept => Some(String::from_utf8_lossy(stderr).into_owned()),
    }
}

fn start(command: &Command, source: std::io::Error) -> BuildError {
    BuildError::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    }
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
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

//! From a crate to a core module, by cargo.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, thread};

use cryptlet_toolchain::{Provider, Target};
use serde::Deserialize;

use crate::workspace::Workspace;
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

pub(crate) struct Compiled {
    pub(crate) module: Vec<u8>,
    /// Every source that went into it and is not from a registry.
    pub(crate) sources: Vec<PathBuf>,
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
        .args(["--package", workspace.package_id(), "--lib"])
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
        if message.reason == "compiler-artifact" && message.package_id == workspace.package_id() {
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
        package: workspace.package().to_owned(),
    })
}

/// What makes the module the same wherever it is built: no path of this machine stays in it.
fn flags(project: &Project, workspace: &Workspace) -> Vec<String> {
    let home = cargo_home();
    // The last prefix that fits wins, so the wider ones come first.
    let mut prefixes = vec![
        (home.clone(), "/cargo"),
        (workspace.root().to_owned(), "/source"),
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
    let path = workspace.root().join("Cargo.toml");
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

/// The flag that forbids cargo to change the lock file.
pub(crate) fn lock(project: &Project) -> Option<&'static str> {
    match project.lock {
        Lock::Required => Some("--locked"),
        Lock::Written => None,
    }
}

/// What cargo said, if nobody has read it yet.
pub(crate) fn said(project: &Project, stderr: &[u8]) -> Option<String> {
    match project.messages {
        Messages::Passed => None,
        Messages::Kept => Some(String::from_utf8_lossy(stderr).into_owned()),
    }
}

pub(crate) fn start(command: &Command, source: std::io::Error) -> BuildError {
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

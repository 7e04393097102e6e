use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use cryptlet_schema::ManifestError;
use cryptlet_toolchain::{Missing, Target, Unversioned};

use crate::{TreeError, WrapError};

/// Why there is no cryptlet.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file or folder that the build needs, or that it writes.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried: "read", "write", "create".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The manifest does not say what a manifest must say.
    #[error("{}: {source}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Key, line, reason and remedy.
        source: ManifestError,
    },
    /// Nothing here compiles to WebAssembly.
    #[error(transparent)]
    Toolchain(#[from] Missing),
    /// The toolchain that the project was given compiles to something else.
    #[error("{}: [build] wasi asks for {wanted}, the toolchain makes {given}", manifest.display())]
    OtherTarget {
        /// The manifest.
        manifest: PathBuf,
        /// What the manifest asks for.
        wanted: Target,
        /// What the toolchain makes.
        given: Target,
    },
    /// The program did not start.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// Cargo gave up.
    #[error("`cargo {subcommand}` for {} failed ({status}); {}", crate_dir.display(), where_said(said.as_deref()))]
    Cargo {
        /// Which part of cargo.
        subcommand: &'static str,
        /// The guest crate.
        crate_dir: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// What it has against the sources; nothing if that went to standard error at once.
        said: Option<String>,
    },
    /// The lock file is missing, or names other versions than the manifests ask for.
    #[error(
        "the Cargo.lock of {} is missing or does not fit its Cargo.toml, and --locked lets nobody \
         change it; build once without --locked and look at what changes",
        crate_dir.display()
    )]
    LockChanges {
        /// The guest crate.
        crate_dir: PathBuf,
    },
    /// The lock file cannot be understood.
    #[error("{}: {reason}", path.display())]
    LockFile {
        /// The lock file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting that others who build the same sources do not have.
    #[error(
        "{} sets `{key}`, which changes what --locked builds and is no part of the sources; \
         move it to the project's own .cargo/config.toml or remove it",
        path.display()
    )]
    OutsideSetting {
        /// The configuration of cargo.
        path: PathBuf,
        /// The first key that matters.
        key: String,
    },
    /// A package that others would not have.
    #[error(
        "package {package} lies in {}, outside of the source tree {}; move it into the tree, \
         so that others can build the same",
        folder.display(),
        root.display()
    )]
    OutsidePackage {
        /// The package.
        package: String,
        /// Where it lies.
        folder: PathBuf,
        /// The source tree.
        root: PathBuf,
    },
    /// A file that others would not have.
    #[error(
        "{} is no file of the source tree {}, so others cannot build the same; take it out of \
         .gitignore, or move it into the tree",
        path.display(),
        root.display()
    )]
    NotASource {
        /// The manifest or the lock file.
        path: PathBuf,
        /// The source tree.
        root: PathBuf,
    },
    /// The component depends on where it was built.
    #[error(
        "the component of package {package} holds the path {}, so it would differ elsewhere; \
         look for `env!(\"CARGO_MANIFEST_DIR\")` or a build script that writes paths",
        path.display()
    )]
    PathInComponent {
        /// The package.
        package: String,
        /// A path of this machine.
        path: PathBuf,
    },
    /// The statement would describe other sources than those that were compiled.
    #[error("the sources in {} changed while they were compiled; build again", root.display())]
    SourcesChanged {
        /// The source tree.
        root: PathBuf,
    },
    /// The project's files have no digest.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A program does not say its version.
    #[error(transparent)]
    Unversioned(#[from] Unversioned),
    /// Cargo answered something that this crate does not understand.
    #[error("`cargo {subcommand}` answered in a form that is not understood: {reason}")]
    Answer {
        /// Which part of cargo.
        subcommand: &'static str,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The folder's package is not one that cargo knows.
    #[error("{} holds no package of its workspace; add it to the workspace's `members`", crate_dir.display())]
    NoPackage {
        /// The guest crate's folder.
        crate_dir: PathBuf,
    },
    /// The crate gives no WebAssembly module.
    #[error(
        "package {package} builds no module; set `crate-type = [\"cdylib\", \"rlib\"]` \
         under `[lib]` in its Cargo.toml"
    )]
    NotADynamicLibrary {
        /// The package.
        package: String,
    },
    /// The module was built but cannot become a cryptlet.
    #[error("package {package}: {source}")]
    Wrap {
        /// The package.
        package: String,
        /// Why not.
        source: WrapError,
    },
    /// The component of another toolchain cannot become a cryptlet.
    #[error("{}: {source}", path.display())]
    Component {
        /// Where it lies.
        path: PathBuf,
        /// Why not.
        source: WrapError,
    },
}

fn where_said(said: Option<&str>) -> String {
    match said.map(str::trim) {
        None => "its messages stand above".to_owned(),
        Some("") => "it did not say why".to_owned(),
        Some(said) => format!("it says:\n{said}"),
    }
}

impl BuildError {
    /// For `map_err` on anything that touches a file.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| BuildError::File {
            action,
            path,
            source,
        }
    }
}

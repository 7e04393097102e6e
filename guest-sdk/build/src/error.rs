use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use cryptlet_schema::ManifestError;
use cryptlet_toolchain::{Missing, Target};

use crate::WrapError;

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

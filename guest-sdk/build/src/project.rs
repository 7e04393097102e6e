use std::fs;
use std::path::{Path, PathBuf};

use cryptlet_attest::Measurement;
use cryptlet_schema::Manifest;
use cryptlet_toolchain::{Target, Toolchain};

use crate::compile::compile;
use crate::workspace::Workspace;
use crate::{BuildError, embed_manifest, interface, wrap};

/// A guest crate and how to build it.
#[derive(Clone, Debug)]
pub struct Project {
    /// `cryptlet.toml`, or another manifest of the same crate.
    pub manifest: PathBuf,
    /// The folder with the crate's `Cargo.toml`.
    pub crate_dir: PathBuf,
    /// Where cargo keeps what it compiles for guests. Apart from the caller's own target folder,
    /// so that neither waits for the other's lock.
    pub target_dir: PathBuf,
    /// What compiles it.
    pub toolchain: Toolchain,
    /// What becomes of `Cargo.lock`.
    pub lock: Lock,
    /// Where cargo's progress and the compiler's messages go.
    pub messages: Messages,
}

/// What a build does about the versions of its dependencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lock {
    /// `Cargo.lock` must be there and fit, so that everybody builds the same.
    #[default]
    Required,
    /// `Cargo.lock` is written if it is missing or does not fit.
    Written,
}

/// Where cargo's progress and the compiler's messages go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Messages {
    /// To the caller's standard error, as they come.
    #[default]
    Passed,
    /// Into the [`BuildError`] of a build that failed; nowhere if it succeeded.
    Kept,
}

/// A cryptlet, ready to be deployed.
#[derive(Clone, Debug)]
pub struct Built {
    /// The component with its manifest; the measurement covers exactly these bytes.
    pub component: Vec<u8>,
    /// BLAKE3 of `component`.
    pub measurement: Measurement,
    /// The manifest that is embedded.
    pub manifest: Manifest,
    /// What the component wants from its host, as WIT writes it.
    pub imports: Vec<String>,
}

impl Project {
    /// The project of the manifest at `manifest`: its crate is the folder the manifest lies in, its
    /// toolchain the first on this machine that compiles to what the manifest asks for; a
    /// `rust-toolchain.toml` of the project counts, wherever the caller works. It requires
    /// a lock file and passes cargo's messages on.
    ///
    /// # Errors
    ///
    /// [`BuildError::File`] and [`BuildError::Manifest`] if the manifest cannot be read,
    /// [`BuildError::Toolchain`] if nothing here compiles it.
    pub fn at(
        manifest: impl AsRef<Path>,
        target_dir: impl AsRef<Path>,
    ) -> Result<Self, BuildError> {
        let manifest = absolute(manifest.as_ref())?;
        let (parsed, _) = read(&manifest)?;
        let crate_dir = manifest.parent().unwrap_or(Path::new("/")).to_owned();
        let toolchain = Toolchain::find_in(target_of(&parsed), &crate_dir)?;
        Ok(Self {
            manifest,
            crate_dir,
            target_dir: absolute(target_dir.as_ref())?,
            toolchain,
            lock: Lock::default(),
            messages: Messages::default(),
        })
    }
}

/// Compiles the project's crate, wraps its module and embeds its manifest.
///
/// Cargo's own progress goes where [`Project::messages`] says.
///
/// # Errors
///
/// See [`BuildError`].
pub fn build(project: &Project) -> Result<Built, BuildError> {
    let workspace = Workspace::of(project)?;
    make(project, &workspace).map(|(built, _)| built)
}

/// [`build`], with the sources that cargo says went into the module.
pub(crate) fn make(
    project: &Project,
    workspace: &Workspace,
) -> Result<(Built, Vec<PathBuf>), BuildError> {
    let (manifest, text) = read(&project.manifest)?;
    let (wanted, given) = (target_of(&manifest), project.toolchain.target());
    if wanted != given {
        return Err(BuildError::OtherTarget {
            manifest: project.manifest.clone(),
            wanted,
            given,
        });
    }
    let compiled = compile(project, workspace, &manifest.build.features)?;
    let component = wrap(&compiled.module)
        .and_then(|component| Ok(embed_manifest(&component, &text)?))
        .map_err(|source| BuildError::Wrap {
            package: workspace.package().to_owned(),
            source,
        })?;
    Ok((describe(component, manifest, workspace)?, compiled.sources))
}

/// What can be said of a component that this crate made.
pub(crate) fn describe(
    component: Vec<u8>,
    manifest: Manifest,
    workspace: &Workspace,
) -> Result<Built, BuildError> {
    let imports = interface(&component)
        .map_err(|source| BuildError::Wrap {
            package: workspace.package().to_owned(),
            source: source.into(),
        })?
        .imports;
    Ok(Built {
        measurement: Measurement::of(&component),
        component,
        manifest,
        imports,
    })
}

/// The manifest, and its text as it will be embedded.
pub(crate) fn read(path: &Path) -> Result<(Manifest, String), BuildError> {
    let text = fs::read_to_string(path).map_err(BuildError::file("read", path))?;
    let manifest = Manifest::parse(&text).map_err(|source| BuildError::Manifest {
        path: path.to_owned(),
        source,
    })?;
    Ok((manifest, text))
}

fn target_of(manifest: &Manifest) -> Target {
    if manifest.build.wasi {
        Target::Wasi
    } else {
        Target::Bare
    }
}

pub(crate) fn absolute(path: &Path) -> Result<PathBuf, BuildError> {
    std::path::absolute(path).map_err(BuildError::file("find", path))
}

//! A build whose result others can make again, and the statement that says from what.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cryptlet_toolchain::Provider;

use crate::compile::{Workspace, cargo_home};
use crate::lock::{self, LockedPackage, Origin};
use crate::project::{absolute, make, read};
use crate::provenance::{
    BUILD_TYPE, BUILDER, BuildDefinition, Builder, DIRECTORY_HASH, ExternalParameters,
    InternalParameters, LOCK_FILE, PREDICATE_TYPE, Predicate, Provenance, ROOT_PACKAGE, Resource,
    RunDetails, SOURCE_TREE, STANDARD_LIBRARY, STATEMENT_TYPE, ToolchainVersions,
    component_digests, package_url,
};
use crate::store::{build_into, replace};
use crate::{BuildError, Built, Lock, Project, SourceTree, Stored, surroundings};

/// The crate that makes components, in the version that this crate is built with.
const WIT_COMPONENT: &str = "0.263.0";

/// A cryptlet in a file, and beside it what it was made of.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The cryptlet.
    pub stored: Stored,
    /// `<name>-<version>.provenance.json`.
    pub path: PathBuf,
    /// What stands in it.
    pub provenance: Provenance,
}

/// [`build_into`] for a build that others can repeat: it refuses whatever would make their bytes
/// differ, and writes the provenance beside the component.
///
/// The lock file must fit, whatever [`Project::lock`] says.
///
/// # Errors
///
/// See [`BuildError`].
pub fn build_with_provenance(project: &Project, folder: &Path) -> Result<Proven, BuildError> {
    let project = &Project {
        lock: Lock::Required,
        ..project.clone()
    };
    let (workspace, tree) = prepare(project)?;
    let stored = build_into(project, folder)?;
    let provenance = state(project, &workspace, &tree, &stored.built)?;
    if SourceTree::read(tree.root())?.digest() != tree.digest() {
        return Err(BuildError::SourcesChanged {
            root: tree.root().to_owned(),
        });
    }
    let path = stored.path.with_extension("provenance.json");
    replace(&path, provenance.to_json().as_bytes())?;
    Ok(Proven {
        stored,
        path,
        provenance,
    })
}

/// Builds the manifest of that name from a copy of `tree` in `folder`, which must be empty, and
/// says what a provenance of it would say. Nothing that the tree's digest does not cover is there
/// to be compiled.
///
/// `project` says with what: its paths are replaced by those of the copy, except the target
/// folder.
///
/// # Errors
///
/// See [`BuildError`].
pub fn rebuild(
    tree: &SourceTree,
    manifest: &str,
    project: &Project,
    folder: &Path,
) -> Result<(Built, Provenance), BuildError> {
    let folder = absolute(folder)?;
    tree.copy_to(&folder)?;
    let manifest = folder.join(manifest);
    let project = &Project {
        crate_dir: manifest.parent().unwrap_or(&folder).to_owned(),
        manifest,
        lock: Lock::Required,
        ..project.clone()
    };
    let (workspace, tree) = prepare(project)?;
    let (built, _) = make(project, &workspace)?;
    let provenance = state(project, &workspace, &tree, &built)?;
    Ok((built, provenance))
}

fn prepare(project: &Project) -> Result<(Workspace, SourceTree), BuildError> {
    let workspace = Workspace::of(project)?;
    surroundings::check(workspace.root())?;
    let tree = SourceTree::read(workspace.root())?;
    Ok((workspace, tree))
}

fn state(
    project: &Project,
    workspace: &Workspace,
    tree: &SourceTree,
    built: &Built,
) -> Result<Provenance, BuildError> {
    let paths = [
        workspace.root().to_owned(),
        project.target_dir.clone(),
        cargo_home(),
    ];
    if let Some(path) = surroundings::path_in(&built.component, &paths) {
        return Err(BuildError::PathInComponent {
            package: workspace.package().to_owned(),
            path: path.to_owned(),
        });
    }
    let (manifest, _) = read(&project.manifest)?;
    let name = format!(
        "{}-{}.wasm",
        manifest.cryptlet.name, manifest.cryptlet.version
    );
    Ok(Provenance {
        statement_type: STATEMENT_TYPE.to_owned(),
        subject: vec![Resource {
            name: Some(name),
            digest: component_digests(&built.component),
            ..Resource::default()
        }],
        predicate_type: PREDICATE_TYPE.to_owned(),
        predicate: Predicate {
            build_definition: BuildDefinition {
                build_type: BUILD_TYPE.to_owned(),
                external_parameters: ExternalParameters {
                    locked: true,
                    manifest: inside(tree, &project.manifest)
                        .ok_or_else(|| outside(workspace.package(), &project.crate_dir, tree))?,
                    target: project.toolchain.target().to_string(),
                },
                internal_parameters: InternalParameters {
                    toolchain: toolchain(project)?,
                },
                resolved_dependencies: dependencies(project, workspace, tree)?,
            },
            run_details: RunDetails {
                builder: Builder {
                    id: BUILDER.to_owned(),
                    version: BTreeMap::from([(
                        "cryptlet-build".to_owned(),
                        env!("CARGO_PKG_VERSION").to_owned(),
                    )]),
                },
            },
        },
    })
}

fn toolchain(project: &Project) -> Result<ToolchainVersions, BuildError> {
    let versions = project.toolchain.versions()?;
    let standard_library = match project.toolchain.provider() {
        Provider::Installed => "installed",
        Provider::BuildStd => "compiled",
    };
    Ok(ToolchainVersions {
        cargo: versions.cargo,
        linker: versions.linker,
        rustc: versions.rustc,
        standard_library: standard_library.to_owned(),
        wit_component: WIT_COMPONENT.to_owned(),
    })
}

fn dependencies(
    project: &Project,
    workspace: &Workspace,
    tree: &SourceTree,
) -> Result<Vec<Resource>, BuildError> {
    let lock_path = workspace.root().join("Cargo.lock");
    let lock_file = fs::read(&lock_path).map_err(BuildError::file("read", &lock_path))?;
    let sha256 = component_digests(&lock_file)
        .remove("sha256")
        .unwrap_or_default();
    let mut resources = vec![
        named(SOURCE_TREE, DIRECTORY_HASH, tree.digest().to_string()),
        named(LOCK_FILE, "sha256", sha256),
    ];
    if project.toolchain.provider() == Provider::BuildStd {
        let library = project
            .toolchain
            .sysroot()
            .join("lib/rustlib/src/rust/library");
        let digest = SourceTree::read(&library)?.digest().to_string();
        resources.push(named(STANDARD_LIBRARY, DIRECTORY_HASH, digest));
    }
    for package in lock::read(&lock_path)? {
        resources.push(resource(&package, workspace, tree)?);
    }
    Ok(resources)
}

fn named(name: &str, algorithm: &str, digest: String) -> Resource {
    Resource {
        name: Some(name.to_owned()),
        uri: None,
        digest: BTreeMap::from([(algorithm.to_owned(), digest)]),
    }
}

fn resource(
    package: &LockedPackage,
    workspace: &Workspace,
    tree: &SourceTree,
) -> Result<Resource, BuildError> {
    let LockedPackage { name, version, .. } = package;
    let checksum = package.checksum.iter().map(|sum| ("sha256", sum.clone()));
    let (folder, qualifier, digest) = match package.origin() {
        Origin::CratesIo => (None, None, checksum.collect()),
        Origin::Registry(index) => (None, Some(("repository_url", index)), checksum.collect()),
        Origin::Git { repository, commit } => (
            None,
            Some(("vcs_url", repository)),
            vec![("gitCommit", commit.to_owned())],
        ),
        Origin::Path => {
            let folder = workspace.folder(name, version).unwrap_or(workspace.root());
            let name = inside(tree, folder).ok_or_else(|| outside(name, folder, tree))?;
            let digest = match name.as_str() {
                "" => tree.digest(),
                folder => tree.digest_below(folder),
            };
            let shown = if name.is_empty() {
                ROOT_PACKAGE.to_owned()
            } else {
                name
            };
            (
                Some(shown),
                None,
                vec![(DIRECTORY_HASH, digest.to_string())],
            )
        }
    };
    Ok(Resource {
        name: folder,
        uri: Some(package_url(name, version, qualifier)),
        digest: digest
            .into_iter()
            .map(|(algorithm, digest)| (algorithm.to_owned(), digest))
            .collect(),
    })
}

/// A path below the tree's root, with `/` between folders.
fn inside(tree: &SourceTree, path: &Path) -> Option<String> {
    let path = fs::canonicalize(path).ok()?;
    let parts: Option<Vec<&str>> = path
        .strip_prefix(tree.root())
        .ok()?
        .components()
        .map(|part| part.as_os_str().to_str())
        .collect();
    parts.map(|parts| parts.join("/"))
}

fn outside(package: &str, folder: &Path, tree: &SourceTree) -> BuildError {
    BuildError::OutsidePackage {
        package: package.to_owned(),
        folder: folder.to_owned(),
        root: tree.root().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::WIT_COMPONENT;

    #[test]
    fn the_version_of_the_component_encoder_is_the_one_that_is_locked() {
        let lock = include_str!("../../../Cargo.lock");

        let locked = format!("name = \"wit-component\"\nversion = \"{WIT_COMPONENT}\"");

        assert!(lock.contains(&locked), "{locked}");
    }
}

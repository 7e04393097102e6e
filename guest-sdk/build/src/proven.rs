//! A build whose result others can make again, and the statement that says from what.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use cryptlet_toolchain::Provider;

use crate::compile::cargo_home;
use crate::lock::{self, LockedPackage, Origin};
use crate::project::{absolute, make};
use crate::provenance::{
    BUILD_TYPE, BUILDER, BuildDefinition, Builder, DIRECTORY_HASH, ExternalParameters,
    InternalParameters, LOCK_FILE, PREDICATE_TYPE, Predicate, Provenance, ROOT_PACKAGE, Resource,
    RunDetails, SOURCE_TREE, STANDARD_LIBRARY, STATEMENT_TYPE, ToolchainVersions,
    component_digests, package_url,
};
use crate::store::{file_name, put, replace};
use crate::workspace::Workspace;
use crate::{BuildError, Built, Freshness, Lock, Project, SourceTree, Stored, surroundings};

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

/// Builds the project so that others can repeat it, into `folder` like
/// [`build_into`](crate::build_into), and writes the provenance beside the component.
///
/// What is compiled is a copy of the source tree, by [`rebuild`], as an auditor compiles it: neither
/// files that are no sources nor what was compiled before can be in the component. The lock file
/// must fit, whatever [`Project::lock`] says.
///
/// # Errors
///
/// See [`BuildError`].
pub fn build_with_provenance(project: &Project, folder: &Path) -> Result<Proven, BuildError> {
    let folder = &absolute(folder)?;
    let place = tempfile::tempdir().map_err(BuildError::file("create", env::temp_dir()))?;
    let project = &Project {
        lock: Lock::Required,
        target_dir: place.path().join("target"),
        ..project.clone()
    };
    // Where the sources lie, what refuses them can still be named by a path that lasts.
    let (_, tree) = prepare(project)?;
    let manifest = source(&tree, &project.manifest)?;
    source(&tree, &tree.root().join(LOCK_FILE))?;
    let (built, provenance) = rebuild(&tree, &manifest, project, &place.path().join("source"))?;
    let component = put(&built, folder)?;
    let path = component.with_extension("provenance.json");
    replace(&path, provenance.to_json().as_bytes())?;
    Ok(Proven {
        stored: Stored {
            path: component,
            built,
            freshness: Freshness::Compiled,
        },
        path,
        provenance,
    })
}

/// Builds the manifest of that name from a copy of `tree` in `folder`, which must be empty, and
/// says what a provenance of it would say. Nothing that the tree's digest does not cover is there
/// to be compiled.
///
/// `project` says with what: its paths are replaced by those of the copy, except the target
/// folder. What is there already serves again as far as cargo sees that it fits.
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
    let mut project = Project {
        crate_dir: manifest.parent().unwrap_or(&folder).to_owned(),
        manifest,
        lock: Lock::Required,
        ..project.clone()
    };
    let (workspace, copy) = prepare(&project)?;
    if let Some(vendored) = vendored(&workspace, &copy) {
        // Cargo takes a package of a registry for the same for ever, even if a folder of the tree
        // stands in for the registry.
        project.target_dir.push(vendored.to_hex().as_str());
    }
    let (built, _) = make(&project, &workspace)?;
    // A build script may have written among the sources, or somebody while they were copied.
    let unchanged = SourceTree::read(copy.root())?.digest() == copy.digest();
    if !unchanged || copy.digest() != tree.digest() {
        return Err(BuildError::SourcesChanged {
            root: tree.root().to_owned(),
        });
    }
    let places = [
        copy.root().to_owned(),
        tree.root().to_owned(),
        project.target_dir.clone(),
        cargo_home(),
    ];
    if let Some(path) = surroundings::path_in(&built.component, &places) {
        return Err(BuildError::PathInComponent {
            package: workspace.package().to_owned(),
            path: path.to_owned(),
        });
    }
    let provenance = state(&project, &workspace, &copy, &built)?;
    Ok((built, provenance))
}

/// The workspace and its sources, if others who have these have all of it.
fn prepare(project: &Project) -> Result<(Workspace, SourceTree), BuildError> {
    let workspace = Workspace::of(project)?;
    surroundings::check(workspace.root())?;
    let tree = SourceTree::read(workspace.root())?;
    for package in workspace.packages() {
        // A registry's checksum and a commit's name hold what cargo fetched; nothing holds a folder
        // that stands in for them.
        let fetched = package.is_fetched() && surroundings::is_kept_by_cargo(&package.folder);
        if !fetched && inside(&tree, &package.folder).is_none() {
            return Err(outside(&package.name, &package.folder, &tree));
        }
    }
    Ok((workspace, tree))
}

/// The name of a file in the tree, if it is a source.
fn source(tree: &SourceTree, path: &Path) -> Result<String, BuildError> {
    inside(tree, path)
        .filter(|name| tree.contains(name))
        .ok_or_else(|| BuildError::NotASource {
            path: path.to_owned(),
            root: tree.root().to_owned(),
        })
}

/// One digest over the packages that a registry or repository has, but that come from the tree.
fn vendored(workspace: &Workspace, tree: &SourceTree) -> Option<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    for package in workspace.packages().filter(|package| package.is_fetched()) {
        if let Some(folder) = inside(tree, &package.folder) {
            hasher.update(format!("{}  {folder}\n", tree.digest_below(&folder)).as_bytes());
        }
    }
    (hasher.count() > 0).then(|| hasher.finalize())
}

fn state(
    project: &Project,
    workspace: &Workspace,
    tree: &SourceTree,
    built: &Built,
) -> Result<Provenance, BuildError> {
    Ok(Provenance {
        statement_type: STATEMENT_TYPE.to_owned(),
        subject: vec![Resource {
            name: Some(file_name(&built.manifest)),
            digest: component_digests(&built.component),
            ..Resource::default()
        }],
        predicate_type: PREDICATE_TYPE.to_owned(),
        predicate: Predicate {
            build_definition: BuildDefinition {
                build_type: BUILD_TYPE.to_owned(),
                external_parameters: ExternalParameters {
                    locked: true,
                    manifest: source(tree, &project.manifest)?,
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
    let lock_path = workspace.root().join(LOCK_FILE);
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
        resources.push(resource(&package, workspace, tree));
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

fn resource(package: &LockedPackage, workspace: &Workspace, tree: &SourceTree) -> Resource {
    let LockedPackage { name, version, .. } = package;
    let checksum = package.checksum.iter().map(|sum| ("sha256", sum.clone()));
    let folder = workspace
        .folder(package)
        .and_then(|folder| inside(tree, folder));
    let (folder, qualifier, digest) = match (folder, package.origin()) {
        (Some(folder), _) if !folder.is_empty() => {
            let digest = tree.digest_below(&folder).to_string();
            (Some(folder), None, vec![(DIRECTORY_HASH, digest)])
        }
        (_, Origin::Path) => (
            Some(ROOT_PACKAGE.to_owned()),
            None,
            vec![(DIRECTORY_HASH, tree.digest().to_string())],
        ),
        (_, Origin::CratesIo) => (None, None, checksum.collect()),
        (_, Origin::Registry(index)) => (None, Some(("repository_url", index)), checksum.collect()),
        (_, Origin::Git { repository, commit }) => (
            None,
            Some(("vcs_url", repository)),
            vec![("gitCommit", commit.to_owned())],
        ),
    };
    Resource {
        name: folder,
        uri: Some(package_url(name, version, qualifier)),
        digest: digest
            .into_iter()
            .map(|(algorithm, digest)| (algorithm.to_owned(), digest))
            .collect(),
    }
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

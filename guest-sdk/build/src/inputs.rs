//! One digest over everything that decides what a build gives.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tree::RESULTS;
use crate::workspace::Workspace;
use crate::{BuildError, Project};

/// Raised when this crate makes other bytes of the same inputs.
const RECIPE: u32 = 1;

/// Folders that hold results or history, never sources.
const NOT_SOURCES: [&str; 3] = ["target", "node_modules", ".git"];

/// Digest over the manifest, the toolchain, the workspace's settings and lock file, every file of
/// the packages that lie on this disk, and `outside`: sources that the compiler read elsewhere.
/// Results in `folder` do not count, even if it lies inside a package.
pub(crate) fn digest(
    project: &Project,
    workspace: &Workspace,
    folder: &Path,
    outside: &[PathBuf],
) -> Result<blake3::Hash, BuildError> {
    let mut hasher = blake3::Hasher::new_derive_key("cryptlet-build inputs");
    part(&mut hasher, &RECIPE.to_be_bytes());
    part(&mut hasher, env!("CARGO_PKG_VERSION").as_bytes());
    part(&mut hasher, project.toolchain.to_string().as_bytes());
    file(&mut hasher, &project.manifest)?;
    file(&mut hasher, &workspace.root().join("Cargo.toml"))?;
    file(&mut hasher, &workspace.root().join("Cargo.lock"))?;
    let mut files = Vec::new();
    for package in workspace.local() {
        collect(package, &project.target_dir, &mut files)?;
    }
    files.retain(|path| !is_result(path, folder));
    files.extend_from_slice(outside);
    files.sort();
    files.dedup();
    for path in files {
        file(&mut hasher, &path)?;
    }
    Ok(hasher.finalize())
}

/// The sources that [`digest`] does not find by itself.
pub(crate) fn outside(sources: Vec<PathBuf>, workspace: &Workspace) -> Vec<PathBuf> {
    let inside = |path: &PathBuf| {
        workspace
            .local()
            .iter()
            .any(|folder| path.starts_with(folder))
    };
    sources.into_iter().filter(|path| !inside(path)).collect()
}

fn is_result(path: &Path, folder: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    path.parent() == Some(folder) && RESULTS.iter().any(|ending| name.ends_with(ending))
}

fn collect(folder: &Path, target_dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), BuildError> {
    for entry in fs::read_dir(folder).map_err(BuildError::file("read", folder))? {
        let entry = entry.map_err(BuildError::file("read", folder))?;
        let path = entry.path();
        if !path.is_dir() {
            files.push(path);
            continue;
        }
        let results =
            NOT_SOURCES.iter().any(|name| entry.file_name() == *name) || path == target_dir;
        // A package inside a package counts only if it is a dependency, and then by itself.
        if !results && !path.join("Cargo.toml").is_file() {
            collect(&path, target_dir, files)?;
        }
    }
    Ok(())
}

fn file(hasher: &mut blake3::Hasher, path: &Path) -> Result<(), BuildError> {
    part(hasher, path.as_os_str().as_encoded_bytes());
    part(
        hasher,
        &fs::read(path).map_err(BuildError::file("read", path))?,
    );
    Ok(())
}

fn part(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

//! The files that a project is built from, and one digest over them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use ignore::{DirEntry, WalkBuilder};
use sha2::{Digest as _, Sha256};

/// Endings of the files that a build leaves beside a component `S.wasm`.
pub(crate) const RESULTS: [&str; 4] = [".wasm", ".inputs", ".provenance.json", ".partial"];

/// Those of [`RESULTS`] that nothing but a build writes.
const RECORDS: [&str; 2] = [".inputs", ".provenance.json"];

/// The files below one folder that count as sources, as `docs/spec/provenance.md` says.
#[derive(Clone, Debug)]
pub struct SourceTree {
    root: PathBuf,
    /// By name: relative to the root, with `/` between folders.
    files: BTreeMap<String, [u8; 32]>,
}

/// Go's directory hash "h1" over a tree, which in-toto calls `dirHash`: the SHA-256 of what
/// `sha256sum` prints for its files in the order of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeDigest([u8; 32]);

/// Why a folder is no source tree.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A file or folder of the tree.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder cannot be listed, or a `.gitignore` in it is malformed.
    #[error("cannot list the sources: {0}")]
    Unlisted(#[from] ignore::Error),
    /// A name that a line of text cannot hold.
    #[error("{} is not named in UTF-8 on one line, so the source tree has no digest; give it another name", path.display())]
    Unnameable {
        /// Which.
        path: PathBuf,
    },
    /// A link to nothing, to a folder, or to what lies outside.
    #[error("{} leads out of the source tree or to no file; put the file itself in its place", path.display())]
    StrayLink {
        /// The link.
        path: PathBuf,
    },
    /// A copy of the tree.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SourceTree {
    /// Reads every source below `root`: all files except those in `.git`, in cargo's target
    /// folders, named by a `.gitignore` of the tree, or left by a build.
    ///
    /// # Errors
    ///
    /// See [`TreeError`].
    pub fn read(root: &Path) -> Result<Self, TreeError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| TreeError::Unreadable { path, source }
        };
        let root = fs::canonicalize(root).map_err(unreadable(root))?;
        let mut files = BTreeMap::new();
        for entry in walk(&root) {
            let entry = entry?;
            if entry.file_type().is_none_or(|kind| kind.is_dir()) {
                continue;
            }
            let path = entry.path();
            if entry.path_is_symlink() && !leads_to_a_file_of(&root, path) {
                return Err(TreeError::StrayLink {
                    path: path.to_owned(),
                });
            }
            let name = name(&root, path).ok_or_else(|| TreeError::Unnameable {
                path: path.to_owned(),
            })?;
            let content = fs::read(path).map_err(unreadable(path))?;
            files.insert(name, Sha256::digest(&content).into());
        }
        let results = results(&files);
        files.retain(|name, _| !results.contains(name));
        Ok(Self { root, files })
    }

    /// The folder, without links in its path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The names of all files, sorted, relative to [`SourceTree::root`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Whether a file of that name is a part of the tree.
    pub fn contains(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// The digest of the whole tree.
    pub fn digest(&self) -> TreeDigest {
        TreeDigest::of(self.files.iter().map(|(name, hash)| (name.as_str(), hash)))
    }

    /// The digest of the part below `folder`, which is relative to the root, with names relative
    /// to that folder.
    pub fn digest_below(&self, folder: &str) -> TreeDigest {
        let below = self.files.iter().filter_map(|(name, hash)| {
            let rest = name.strip_prefix(folder)?.strip_prefix('/')?;
            Some((rest, hash))
        });
        TreeDigest::of(below)
    }

    /// Writes every file below `folder`, links as what they lead to, and nothing else.
    ///
    /// # Errors
    ///
    /// [`TreeError::Unreadable`] and [`TreeError::Unwritable`].
    pub fn copy_to(&self, folder: &Path) -> Result<(), TreeError> {
        for name in self.names() {
            let (from, to) = (self.root.join(name), folder.join(name));
            let content = fs::read(&from).map_err(|source| TreeError::Unreadable {
                path: from.clone(),
                source,
            })?;
            to.parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| fs::write(&to, content))
                .and_then(|()| fs::set_permissions(&to, fs::metadata(&from)?.permissions()))
                .map_err(|source| TreeError::Unwritable { path: to, source })?;
        }
        Ok(())
    }
}

impl TreeDigest {
    /// `files` in the order of their names.
    fn of<'a>(files: impl Iterator<Item = (&'a str, &'a [u8; 32])>) -> Self {
        let mut summary = Sha256::new();
        for (name, hash) in files {
            summary.update(format!("{}  {name}\n", hex::encode(hash)));
        }
        Self(summary.finalize().into())
    }
}

impl fmt::Display for TreeDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

/// Only what the tree itself says decides: no settings of the person, of folders above, or of git.
fn walk(root: &Path) -> ignore::Walk {
    WalkBuilder::new(root)
        .standard_filters(false)
        .git_ignore(true)
        .require_git(false)
        .filter_entry(|entry| entry.depth() == 0 || !holds_no_sources(entry))
        .build()
}

fn holds_no_sources(entry: &DirEntry) -> bool {
    // In a worktree it is a file.
    if entry.file_name() == ".git" {
        return true;
    }
    let path = entry.path();
    let beside_a_manifest = || {
        let parent = path.parent();
        parent.is_some_and(|folder| folder.join("Cargo.toml").is_file())
    };
    entry.file_type().is_some_and(|kind| kind.is_dir())
        && (path.join("CACHEDIR.TAG").is_file()
            || (entry.file_name() == "target" && beside_a_manifest()))
}

fn leads_to_a_file_of(root: &Path, link: &Path) -> bool {
    fs::canonicalize(link).is_ok_and(|target| target.starts_with(root) && target.is_file())
}

fn name(root: &Path, path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path
        .strip_prefix(root)
        .ok()?
        .components()
        .map(|part| part.as_os_str().to_str())
        .collect();
    parts
        .map(|parts| parts.join("/"))
        .filter(|name| !name.contains('\n'))
}

fn results(files: &BTreeMap<String, [u8; 32]>) -> BTreeSet<String> {
    let stems = files
        .keys()
        .filter_map(|name| RECORDS.iter().find_map(|record| name.strip_suffix(record)));
    stems
        .flat_map(|stem| RESULTS.map(|ending| format!("{stem}{ending}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn tree(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it is below the folder")).expect("a folder");
            fs::write(path, content).expect("a file in it");
        }
        folder
    }

    fn names(folder: &TempDir) -> Vec<String> {
        let tree = SourceTree::read(folder.path()).expect("the tree can be read");
        tree.names().map(str::to_owned).collect()
    }

    #[test]
    fn the_digest_is_the_directory_hash_that_in_toto_gives_as_its_example() {
        let files = [
            (
                "github.com/marklodato/go-hello-world@v0.0.1/README.md",
                "3a137eef6458bfb76bb2c63fc29ffc7166604d2d2e09ed9d8250a534122a8364",
            ),
            (
                "github.com/marklodato/go-hello-world@v0.0.1/go.mod",
                "28e7c942a036902d981759d0bf5704d2bfc7cb500caf68b84711b234af01c6a5",
            ),
            (
                "github.com/marklodato/go-hello-world@v0.0.1/main.go",
                "ddc4da627d9a9f45fb29641a1b185d6f53287ecfd921aacbf4fe54b7a86fe8d1",
            ),
        ]
        .map(|(name, hash)| {
            let mut bytes = [0; 32];
            hex::decode_to_slice(hash, &mut bytes).expect("64 digits");
            (name, bytes)
        });

        let digest = TreeDigest::of(files.iter().map(|(name, hash)| (*name, hash)));

        assert_eq!(
            digest.to_string(),
            "2a1bb6127fb481c60f67692e22285fb306f3c6ffe62075e0ccf674d7c3adcb8f"
        );
    }

    #[test]
    fn counts_sources_and_neither_history_nor_what_builds_leave() {
        let folder = tree(&[
            ("Cargo.toml", ""),
            (".gitignore", "/notes\n*.log\n"),
            (".cargo/config.toml", ""),
            ("src/lib.rs", ""),
            ("src/target/mod.rs", ""),
            ("src/world.wasm", ""),
            ("src/run.log", ""),
            ("notes/today.md", ""),
            ("target/debug/x", ""),
            ("elsewhere/CACHEDIR.TAG", ""),
            ("elsewhere/x", ""),
            (".git/HEAD", ""),
            ("dist/rates-1.0.0.wasm", ""),
            ("dist/rates-1.0.0.inputs", ""),
            ("dist/rates-1.0.0.provenance.json", ""),
            ("dist/other.wasm", ""),
        ]);

        assert_eq!(
            names(&folder),
            [
                ".cargo/config.toml",
                ".gitignore",
                "Cargo.toml",
                "dist/other.wasm",
                "src/lib.rs",
                "src/target/mod.rs",
                "src/world.wasm",
            ]
        );
    }

    #[test]
    fn a_changed_byte_and_a_changed_name_change_the_digest_and_the_place_does_not() {
        let digest = |files: &[(&str, &str)]| {
            SourceTree::read(tree(files).path())
                .expect("the tree can be read")
                .digest()
        };
        let first = digest(&[("a", "1"), ("b/c", "2")]);

        assert_eq!(first, digest(&[("b/c", "2"), ("a", "1")]));
        assert_ne!(first, digest(&[("a", "1"), ("b/c", "3")]));
        assert_ne!(first, digest(&[("a", "1"), ("b/d", "2")]));
    }

    #[test]
    fn a_part_of_the_tree_has_the_digest_that_it_would_have_alone() {
        let whole = tree(&[("vendor/sdk/src/lib.rs", "x"), ("vendor/sdk2/a", "y")]);
        let alone = tree(&[("src/lib.rs", "x")]);

        let whole = SourceTree::read(whole.path()).expect("the tree can be read");
        let alone = SourceTree::read(alone.path()).expect("the tree can be read");

        assert_eq!(whole.digest_below("vendor/sdk"), alone.digest());
    }

    #[test]
    fn a_link_counts_as_the_file_of_the_tree_that_it_leads_to() {
        let linked = tree(&[("a", "1")]);
        symlink("a", linked.path().join("b")).expect("a link");

        let tree = SourceTree::read(linked.path()).expect("the tree can be read");
        let copy = tempfile::tempdir().expect("a folder");
        tree.copy_to(copy.path()).expect("the copy is written");

        let copied = SourceTree::read(copy.path()).expect("the copy can be read");
        assert_eq!(copied.digest(), tree.digest());
        assert_eq!(names(&linked), ["a", "b"]);
    }

    #[test]
    fn a_link_out_of_the_tree_is_refused() {
        let outside = tree(&[("secret", "1")]);
        for target in [
            outside.path().join("secret"),
            PathBuf::from("nowhere"),
            PathBuf::from("."),
        ] {
            let folder = tree(&[("a", "1")]);
            symlink(&target, folder.path().join("link")).expect("a link");

            let refusal = SourceTree::read(folder.path()).expect_err("it leads astray");

            assert!(matches!(refusal, TreeError::StrayLink { .. }), "{refusal}");
        }
    }

    #[test]
    fn a_name_of_two_lines_is_refused() {
        let folder = tree(&[("a\nb", "1")]);

        let refusal = SourceTree::read(folder.path()).expect_err("no line holds it");

        assert!(matches!(refusal, TreeError::Unnameable { .. }), "{refusal}");
    }
}

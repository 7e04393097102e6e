//! The cryptlets that are not written in Rust: their language's own tool makes the component, for the
//! world that the manifest asks for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::process::run;
use crate::setup::{self, Languages};
use crate::workspace::{Workspace, entries};

/// Raised when the steps below make another component of the same files.
const RECIPE: &str = "1";

/// Of the world that `cryptlet-build --wit` writes.
const WORLD: &str = "guest";

/// Builds those with these manifests into `target/cryptlets` and runs their own tests.
pub fn build(workspace: &Workspace, manifests: &[PathBuf]) -> Result<()> {
    let tools = setup::languages(workspace)?;
    for manifest in manifests {
        let guest = Guest::at(workspace, manifest)?;
        guest.test(workspace)?;
        let made = guest.made_from(workspace)?;
        // The tools snapshot an interpreter and give other bytes each time, so what is there stays.
        if !guest.is_made_from(&made) {
            guest.componentize(workspace, &tools)?;
            let record = guest.record();
            fs::write(&record, made)
                .with_context(|| format!("cannot write {}", record.display()))?;
        }
        guest.adopt(workspace)?;
    }
    Ok(())
}

enum Language {
    JavaScript,
    Python,
}

/// A folder of `cryptlets/` with `src/cryptlet.js` or `src/cryptlet.py`.
struct Guest {
    language: Language,
    manifest: PathBuf,
    folder: PathBuf,
    /// Where its component is made.
    workplace: PathBuf,
}

impl Guest {
    fn at(workspace: &Workspace, manifest: &Path) -> Result<Guest> {
        let folder = manifest.parent().unwrap_or(workspace.root()).to_owned();
        let language = if folder.join("src/cryptlet.js").is_file() {
            Language::JavaScript
        } else if folder.join("src/cryptlet.py").is_file() {
            Language::Python
        } else {
            bail!(
                "{} has neither Cargo.toml nor src/cryptlet.js nor src/cryptlet.py, so nothing here builds it",
                folder.display()
            )
        };
        let name = folder.file_name().unwrap_or_default();
        Ok(Guest {
            language,
            manifest: manifest.to_owned(),
            workplace: workspace.target().join("guests/languages").join(name),
            folder,
        })
    }

    /// What it reckons, without a sandbox around it.
    fn test(&self, workspace: &Workspace) -> Result<()> {
        let tests = self.folder.join("tests");
        let mut command = match self.language {
            Language::JavaScript => {
                let mut node = workspace.command("node");
                node.arg("--test").args(entries(&tests)?);
                node
            }
            Language::Python => {
                let mut python = workspace.command("python3");
                python.args(["-s", "-m", "unittest", "discover", "--start-directory"]);
                python
                    .arg(&tests)
                    .env("PYTHONPATH", self.folder.join("src"))
                    .env("PYTHONDONTWRITEBYTECODE", "1");
                python
            }
        };
        run(&mut command, "the tests that failed are listed above")
    }

    fn component(&self) -> PathBuf {
        self.workplace.join("component.wasm")
    }

    fn record(&self) -> PathBuf {
        self.workplace.join("made-from")
    }

    /// A digest over everything that decides what the component does.
    fn made_from(&self, workspace: &Workspace) -> Result<Vec<u8>> {
        let pins = match self.language {
            Language::JavaScript => setup::JAVASCRIPT,
            Language::Python => setup::PYTHON,
        };
        let wit = self.workplace.with_extension("wit");
        self.write_world(workspace, &wit)?;
        let (fabric, world) = (wit.join("deps/fabric/fabric.wit"), wit.join("guest.wit"));
        let mut files = entries(&self.folder.join("src"))?;
        files.sort();
        files.push(self.manifest.clone());
        files.extend([workspace.root().join(pins), fabric, world]);
        files.retain(|path| path.is_file());
        digest(workspace.root(), &files)
    }

    fn is_made_from(&self, made: &[u8]) -> bool {
        self.component().is_file() && fs::read(self.record()).is_ok_and(|found| found == made)
    }

    fn write_world(&self, workspace: &Workspace, wit: &Path) -> Result<()> {
        let mut world = builder(workspace);
        world.arg("--wit").arg(wit).arg(&self.manifest);
        run(&mut world, "the manifest must say what the cryptlet needs")
    }

    fn componentize(&self, workspace: &Workspace, tools: &Languages) -> Result<()> {
        let (wit, source) = (self.workplace.join("wit"), self.workplace.join("source"));
        if self.workplace.exists() {
            fs::remove_dir_all(&self.workplace)
                .with_context(|| format!("cannot replace {}", self.workplace.display()))?;
        }
        // Python leaves compiled files beside the sources.
        copy_files(&self.folder.join("src"), &source)?;
        self.write_world(workspace, &wit)?;
        let mut tool = match self.language {
            Language::JavaScript => {
                let mut tool = tools.componentize_js(workspace);
                tool.arg(source.join("cryptlet.js"));
                tool.arg("--wit").arg(&wit).args(["--world-name", WORLD]);
                tool.args(["--disable", "stdio", "random", "clocks", "http"]);
                tool.args(["fetch-event", "--out"]).arg(self.component());
                tool
            }
            Language::Python => {
                let mut tool = tools.componentize_py(workspace);
                tool.arg("--wit-path").arg(&wit).args(["--world", WORLD]);
                tool.args(["componentize", "--stub-wasi", "--python-path"]);
                tool.arg(&source).arg("--output").arg(self.component());
                tool.arg("cryptlet");
                tool
            }
        };
        run(&mut tool, "what it has against the sources stands above")
    }

    fn adopt(&self, workspace: &Workspace) -> Result<()> {
        let mut adopt = builder(workspace);
        adopt.arg("--out").arg(workspace.cryptlets());
        adopt.arg("--component").arg(self.component());
        adopt.arg(&self.manifest);
        run(&mut adopt, "the component is not what its manifest says")
    }
}

/// Over names and contents. The names are those under `root`, so that a checkout can be moved.
fn digest(root: &Path, files: &[PathBuf]) -> Result<Vec<u8>> {
    let mut digest = Sha256::new_with_prefix(RECIPE);
    for path in files {
        let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.strip_prefix(root).unwrap_or(path);
        for part in [name.as_os_str().as_encoded_bytes(), &content] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
    }
    Ok(digest.finalize().to_vec())
}

fn builder(workspace: &Workspace) -> Command {
    workspace.command(workspace.target().join("debug/cryptlet-build"))
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for path in entries(from)? {
        if path.is_file() {
            let to = to.join(path.file_name().unwrap_or_default());
            fs::copy(&path, &to)
                .with_context(|| format!("cannot copy {} to {}", path.display(), to.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_stays_only_with_the_record_of_what_it_was_made_from() {
        let folder = tempfile::tempdir().unwrap();
        let guest = Guest {
            language: Language::Python,
            manifest: folder.path().join("cryptlet.toml"),
            folder: folder.path().to_owned(),
            workplace: folder.path().to_owned(),
        };

        fs::write(guest.record(), b"sources").unwrap();
        let without_component = guest.is_made_from(b"sources");
        fs::write(guest.component(), b"\0asm").unwrap();

        assert!(!without_component);
        assert!(guest.is_made_from(b"sources"));
        assert!(!guest.is_made_from(b"other sources"));
    }

    #[test]
    fn a_checkout_that_is_moved_is_made_from_the_same() {
        let of = |name: &str, content: &str| {
            let root = tempfile::tempdir().unwrap();
            let file = root.path().join(name);
            fs::write(&file, content).unwrap();
            digest(root.path(), &[file]).unwrap()
        };

        let here = of("cryptlet.py", "a");

        assert_eq!(of("cryptlet.py", "a"), here);
        assert_ne!(of("cryptlet.py", "b"), here);
        assert_ne!(of("other.py", "a"), here);
    }

    #[test]
    fn every_shipped_cryptlet_is_in_a_language_that_is_known_here() {
        let workspace = Workspace::find().unwrap();
        for manifest in workspace.manifests().unwrap() {
            let in_rust = manifest.with_file_name("Cargo.toml").is_file();
            let guest = Guest::at(&workspace, &manifest);
            assert_ne!(in_rust, guest.is_ok(), "{}", manifest.display());
        }
    }
}

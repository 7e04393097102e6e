//! What lies in the archive, and where it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::emptied;
use crate::process;
use crate::workspace::{Workspace, entries};

/// What every archive holds, besides more of the same kinds.
pub const PROMISED: [&str; 16] = [
    "bin/cryptlet",
    "completions/_cryptlet",
    "completions/cryptlet.bash",
    "completions/cryptlet.elv",
    "completions/cryptlet.fish",
    "completions/cryptlet.ps1",
    "man/man1/cryptlet.1",
    "man/man1/cryptlet-audit-receipt.1",
    "contracts/CryptoDelegate.json",
    "contracts/SignerRegistry.json",
    "wit/fabric.wit",
    "wit/wkg.toml",
    "service/cryptlet.service",
    "service/Containerfile",
    "LICENSE",
    "THIRD-PARTY.md",
];

/// The shells that have completions, and how each wants its file called.
const COMPLETIONS: [(&str, &str); 5] = [
    ("bash", "cryptlet.bash"),
    ("elvish", "cryptlet.elv"),
    ("fish", "cryptlet.fish"),
    ("powershell", "cryptlet.ps1"),
    ("zsh", "_cryptlet"),
];

/// Files by their names in the archive, in order.
pub struct Contents(BTreeMap<String, Packed>);

pub struct Packed {
    pub bytes: Vec<u8>,
    pub executable: bool,
}

impl Contents {
    /// Collects everything; `command` is the built `cryptlet`, `parts` a folder to work in.
    pub fn gather(workspace: &Workspace, command: &Path, parts: &Path) -> Result<Self> {
        let mut contents = Self(BTreeMap::new());
        let root = workspace.root();
        contents.add("bin/cryptlet", read(command)?);
        for file in ["LICENSE", "README.md"] {
            contents.add(file, read(&root.join(file))?);
        }
        for (shell, name) in COMPLETIONS {
            let script = process::answer(Command::new(command).args(["completions", shell]))
                .with_context(|| format!("`cryptlet completions {shell}` fails"))?;
            contents.add(&format!("completions/{name}"), (script + "\n").into());
        }
        let manual = emptied(parts.join("man1"))?;
        let mut documentation = Command::new(command);
        documentation.args(["documentation", "--man"]).arg(&manual);
        process::run(&mut documentation, "the manual pages come from the command")?;
        contents.add_folder("man/man1", &manual)?;
        contents.add_folder("contracts", &workspace.contracts().join("artifacts"))?;
        contents.add_folder("wit", &root.join("wit"))?;
        contents.add_folder("schemas", &root.join("docs/reference/schemas"))?;
        contents.add(
            "schemas/openapi.json",
            read(&root.join("docs/reference/openapi.json"))?,
        );
        contents.add_folder("service", &root.join("runtime/service/packaging"))?;
        contents.add("THIRD-PARTY.md", third_party(workspace)?.into());
        Ok(contents)
    }

    #[cfg(test)]
    pub fn of(files: &[(&str, &[u8])]) -> Self {
        let mut contents = Self(BTreeMap::new());
        for (name, bytes) in files {
            contents.add(name, bytes.to_vec());
        }
        contents
    }

    pub fn files(&self) -> impl Iterator<Item = (&str, &Packed)> {
        self.0.iter().map(|(name, file)| (name.as_str(), file))
    }

    fn add(&mut self, name: &str, bytes: Vec<u8>) {
        let executable = name.starts_with("bin/");
        self.0.insert(name.into(), Packed { bytes, executable });
    }

    /// The files directly in `folder`.
    fn add_folder(&mut self, name: &str, folder: &Path) -> Result<()> {
        for path in entries(folder)? {
            let file = path.file_name().and_then(|name| name.to_str());
            let file = file.with_context(|| format!("{} is no plain name", path.display()))?;
            if path.is_file() {
                self.add(&format!("{name}/{file}"), read(&path)?);
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Every crate whose code is in the command, with its licence and where its text is found.
fn third_party(workspace: &Workspace) -> Result<String> {
    let mut cargo = workspace.cargo();
    cargo.args(["tree", "--locked", "--package", "cryptlet-cli"]);
    cargo.args([
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}|{l}|{r}",
    ]);
    let tree = process::answer(&mut cargo).context("`cargo tree` does not answer")?;
    let crates: BTreeSet<&str> = tree
        .lines()
        // Our own name a folder, and a crate that comes up again is marked.
        .filter(|line| !line.is_empty() && !line.contains(" (/"))
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    ensure!(!crates.is_empty(), "`cargo tree` lists no crate");
    let mut list = String::from(
        "# Software by others in `cryptlet`\n\n| crate | licence | source |\n|---|---|---|\n",
    );
    for line in crates {
        let mut fields = line.split('|');
        let mut field = || {
            fields
                .next()
                .unwrap_or_default()
                .replace(" (proc-macro)", "")
        };
        let (package, licence, source) = (field(), field(), field());
        let _ = writeln!(list, "| {package} | {licence} | {source} |");
    }
    Ok(list)
}

//! The folders of `tests/hostile`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::text;
use crate::verdict::Verdict;

/// One guest that attacks.
pub struct Attack {
    /// Name of the folder.
    pub name: String,
    /// What is handed to the host.
    pub component: Vec<u8>,
    /// How it must end.
    pub verdict: Verdict,
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/hostile"))
}

/// Names of all folders, sorted.
pub fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let name = entry.file_name().into_string();
            names.push(name.ok().context("a folder's name is text")?);
        }
    }
    names.sort();
    Ok(names)
}

/// Verdicts of all folders, by name, without making their components.
pub fn verdicts() -> Result<Vec<(String, Verdict)>> {
    let read = |name: String| verdict(&root().join(&name)).map(|verdict| (name, verdict));
    names()?.into_iter().map(read).collect()
}

/// Reads a folder and makes its component. A folder without a manifest hands in what its text says.
pub fn attack(name: &str) -> Result<Attack> {
    let folder = root().join(name);
    let text = std::fs::read_to_string(folder.join("guest.wat"))
        .with_context(|| format!("tests/hostile/{name} has no guest.wat"))?;
    let manifest = folder.join("cryptlet.toml");
    let manifest = match manifest.exists() {
        true => Some(std::fs::read_to_string(&manifest)?),
        false => None,
    };
    if let Some(manifest) = &manifest {
        let named = format!("name = \"{name}\"");
        ensure!(
            manifest.contains(&named),
            "tests/hostile/{name}/cryptlet.toml has another name than its folder"
        );
    }
    Ok(Attack {
        name: name.to_owned(),
        component: text::component(&text, manifest.as_deref())
            .with_context(|| format!("tests/hostile/{name}/guest.wat"))?,
        verdict: verdict(&folder)?,
    })
}

fn verdict(folder: &Path) -> Result<Verdict> {
    let file = folder.join("verdict.toml");
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("{} is missing: what stops this guest?", file.display()))?;
    toml::from_str(&text).with_context(|| file.display().to_string())
}

#[test]
fn the_table_of_the_readme_has_every_folder_and_no_other() -> Result<()> {
    let readme = std::fs::read_to_string(root().join("README.md"))?;
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| ["));
    let listed: Vec<&str> = rows.filter_map(|row| row.split(']').next()).collect();
    assert_eq!(listed, names()?);
    Ok(())
}

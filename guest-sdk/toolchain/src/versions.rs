use crate::find::{ask, program};
use crate::{Provider, Target, Toolchain};

/// What the programs of a toolchain say of themselves. Other versions give other bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// `cargo --version`.
    pub cargo: String,
    /// The linker's `--version`.
    pub linker: String,
    /// `rustc --version --verbose`, several lines.
    pub rustc: String,
}

/// A program of the toolchain does not say its version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unversioned(String);

impl Toolchain {
    /// Asks every program that takes part in a build.
    ///
    /// # Errors
    ///
    /// [`Unversioned`] if one does not run or does not answer.
    pub fn versions(&self) -> Result<Versions, Unversioned> {
        Ok(Versions {
            cargo: ask(&self.cargo, &["--version"]).map_err(Unversioned)?,
            linker: self.linker_version().map_err(Unversioned)?,
            rustc: ask(&self.rustc, &["--version", "--verbose"]).map_err(Unversioned)?,
        })
    }

    fn linker_version(&self) -> Result<String, String> {
        let own = crate::find::programs(&self.sysroot);
        let (name, folders) = match (self.target, self.provider) {
            (Target::Wasi, Provider::Installed) => ("wasm-component-ld", vec![own]),
            (Target::Wasi, Provider::BuildStd) => ("wasm-component-ld", self.programs.clone()),
            (Target::Bare, _) => ("rust-lld", vec![own]),
        };
        let found = self.linker.clone().or_else(|| program(name, &folders));
        let Some(linker) = found else {
            return Err(format!("{} has no {name}", self.rustc.display()));
        };
        // `rust-lld` is several linkers in one and wants to be told which.
        match linker.file_name() {
            Some(name) if name == "rust-lld" => ask(&linker, &["-flavor", "wasm", "--version"]),
            _ => ask(&linker, &["--version"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_names_itself_without_a_path_of_this_machine() {
        let toolchain = Toolchain::find(Target::Bare).expect("a guest toolchain");

        let versions = toolchain.versions().expect("they answer");

        assert!(versions.rustc.contains("commit-hash: "), "{versions:?}");
        assert!(versions.cargo.starts_with("cargo "), "{versions:?}");
        assert!(versions.linker.contains("LLD"), "{versions:?}");
        let sysroot = toolchain.sysroot().display().to_string();
        for text in [&versions.rustc, &versions.cargo, &versions.linker] {
            assert!(!text.contains(&sysroot), "{text}");
        }
    }
}

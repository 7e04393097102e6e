//! The project that a command is run in, and its way to a component.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::{env, io};

use cryptlet_build::{BuildError, Lock, Messages, Proven, Stored, adopt, build_into, write_wit};

use crate::failure::Failure;

const MANIFEST: &str = "cryptlet.toml";

/// Which project, and how it is built.
#[derive(clap::Args, Clone, Default)]
pub struct Choice {
    /// The project's manifest; without it, `cryptlet.toml` here or in a folder above.
    #[arg(long, value_name = "FILE")]
    pub manifest_path: Option<PathBuf>,
    /// Refuse to change `Cargo.lock`, and to build without one.
    #[arg(long)]
    pub locked: bool,
}

/// A folder with a `cryptlet.toml`.
#[derive(Debug)]
pub struct Project {
    manifest: PathBuf,
    folder: PathBuf,
    lock: Lock,
}

impl Project {
    /// The project that the command line means.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn find(choice: &Choice) -> Result<Self, Failure> {
        let manifest = match &choice.manifest_path {
            Some(path) if path.is_dir() => path.join(MANIFEST),
            Some(path) => path.clone(),
            None => above()?,
        };
        if !manifest.is_file() {
            return Err(Failure::Usage(format!(
                "there is no {}; make a project with `cryptlet new`",
                manifest.display()
            )));
        }
        let manifest = std::path::absolute(&manifest).map_err(|error| {
            Failure::Usage(format!("cannot find {}: {error}", manifest.display()))
        })?;
        let folder = manifest.parent().unwrap_or(Path::new("/")).to_owned();
        let lock = if choice.locked {
            Lock::Required
        } else {
            Lock::Written
        };
        Ok(Self {
            manifest,
            folder,
            lock,
        })
    }

    /// The folder that the manifest lies in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether `Cargo.lock` must be there and fit.
    pub fn is_locked(&self) -> bool {
        self.lock == Lock::Required
    }

    /// Where cargo keeps what it makes: the caller's choice, as for cargo itself, or `target`.
    pub fn target(&self) -> PathBuf {
        let chosen = env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
        match chosen.map(PathBuf::from) {
            Some(folder) => std::path::absolute(&folder).unwrap_or(folder),
            None => self.folder.join("target"),
        }
    }

    /// Builds the component, unless the one that is there is what the build would give.
    ///
    /// Cargo's messages pass through on a terminal; elsewhere they are shown if it fails.
    ///
    /// # Errors
    ///
    /// No toolchain, a mistake in the manifest, or whatever the compiler has against it.
    pub fn build(&self, output: Option<&Path>) -> Result<Stored, Failure> {
        build_into(&self.recipe()?, &self.results(output)).map_err(build_failure)
    }

    /// Builds the component from a copy of its sources, with the statement of what it was built
    /// from.
    ///
    /// # Errors
    ///
    /// The same, and whatever would make the bytes differ elsewhere.
    pub fn build_with_provenance(&self, output: Option<&Path>) -> Result<Proven, Failure> {
        cryptlet_build::build_with_provenance(&self.recipe()?, &self.results(output))
            .map_err(copy_failure)
    }

    /// Embeds the manifest into a component that another toolchain made.
    ///
    /// # Errors
    ///
    /// There is no such component, it is none of a cryptlet, or a mistake in the manifest.
    pub fn adopt(&self, component: &Path, output: Option<&Path>) -> Result<Stored, Failure> {
        if !component.is_file() {
            return Err(Failure::Usage(format!(
                "there is no {}; name the component that your language's toolchain made",
                component.display()
            )));
        }
        adopt(&self.manifest, component, &self.results(output)).map_err(build_failure)
    }

    /// Writes the WIT package that a component is built for.
    ///
    /// # Errors
    ///
    /// A mistake in the manifest, or the folder does not take files.
    pub fn write_wit(&self, folder: &Path) -> Result<(), Failure> {
        write_wit(&self.manifest, folder).map_err(build_failure)
    }

    fn recipe(&self) -> Result<cryptlet_build::Project, Failure> {
        if self.is_locked()
            && !self
                .folder
                .ancestors()
                .any(|at| at.join("Cargo.lock").is_file())
        {
            return Err(Failure::Usage(format!(
                "{} is not there, and --locked requires it; build once without --locked",
                self.folder.join("Cargo.lock").display()
            )));
        }
        let on_terminal = io::stderr().is_terminal();
        Ok(cryptlet_build::Project {
            lock: self.lock,
            messages: if on_terminal {
                Messages::Passed
            } else {
                Messages::Kept
            },
            ..cryptlet_build::Project::at(&self.manifest, self.target().join("guests"))
                .map_err(build_failure)?
        })
    }

    fn results(&self, output: Option<&Path>) -> PathBuf {
        output.map_or_else(|| self.target().join("cryptlets"), Path::to_owned)
    }
}

/// The nearest manifest, from the working folder upwards.
fn above() -> Result<PathBuf, Failure> {
    let here = env::current_dir()
        .map_err(|error| Failure::Usage(format!("cannot find the working folder: {error}")))?;
    here.ancestors()
        .map(|folder| folder.join(MANIFEST))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Failure::Usage(format!(
                "there is no {MANIFEST} here or in a folder above; make a project with \
                 `cryptlet new`, or name one with --manifest-path"
            ))
        })
}

/// What compiles where it lies may not compile in a copy.
fn copy_failure(error: BuildError) -> Failure {
    let of_the_compiler = matches!(error, BuildError::Cargo { .. });
    match build_failure(error) {
        Failure::Refused(reason) if of_the_compiler => Failure::Refused(format!(
            "{reason}; --locked compiles a copy of the sources, without what a .gitignore excludes \
             or what lies outside"
        )),
        failure => failure,
    }
}

/// The sentence about a build that failed; the compiler's own messages go before it.
pub fn build_failure(error: BuildError) -> Failure {
    match error {
        BuildError::Manifest { path, source } => Failure::Refused(format!(
            "{}:{}:{}: {}{}{}; {}",
            path.display(),
            source.line,
            source.column,
            source.key,
            if source.key.is_empty() { "" } else { ": " },
            source.reason,
            source.remedy
        )),
        BuildError::Cargo {
            subcommand,
            crate_dir,
            status,
            said: Some(said),
        } => {
            // A compiler's messages are pages long, not a sentence. If nobody hears them, the
            // sentence and the status still tell.
            let _ = writeln!(io::stderr().lock(), "{}", said.trim_end());
            let without = BuildError::Cargo {
                subcommand,
                crate_dir,
                status,
                said: None,
            };
            Failure::Refused(without.to_string())
        }
        error => Failure::Refused(error.to_string()),
    }
}

//! The real container on an author's machine, and what it says of a component.

use std::fs;
use std::path::{Path, PathBuf};

use cryptlet_attest::Measurement;
use cryptlet_container::{Container, Cryptlet, LoadError, Settings};
use cryptlet_schema::{Kind, Manifest};

use super::project::{Choice, Project};
use crate::compiler;
use crate::failure::Failure;

/// A component's bytes, and where they came from.
pub struct Component {
    /// The file.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Component {
    /// The component that the command line names, or else the project's, built if need be.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or the project does not build.
    pub fn of(file: Option<&Path>, choice: &Choice) -> Result<Self, Failure> {
        match file {
            Some(path) => Self::read(path),
            None => {
                let stored = Project::find(choice)?.build(None)?;
                Ok(Self {
                    path: stored.path,
                    bytes: stored.built.component,
                })
            }
        }
    }

    /// The component in a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = fs::read(path).map_err(|error| Failure::unreadable(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            bytes,
        })
    }

    /// What its bytes are called.
    pub fn measurement(&self) -> Measurement {
        Measurement::of(&self.bytes)
    }

    /// The component as a container takes it.
    ///
    /// # Errors
    ///
    /// No host would take it; the reason and the way out.
    pub fn load(&self, container: &Container) -> Result<Cryptlet, Failure> {
        container.load(&self.bytes).map_err(|error| {
            Failure::Refused(format!("{}: {}", self.path.display(), explained(&error)))
        })
    }
}

/// A container for one run at a time, with a host's ordinary limits.
///
/// # Errors
///
/// The engine does not start on this machine.
pub fn container() -> Result<Container, Failure> {
    let settings = Settings {
        // A run and the chain of its sources.
        instances: 8,
        compiler: compiler::usual()?,
        ..Settings::default()
    };
    Container::new(settings).map_err(|error| Failure::Refused(error.to_string()))
}

/// Why a container does not take a component, with the way out for an author.
pub fn explained(error: &LoadError) -> String {
    match error {
        LoadError::ForeignImport { import } if import.starts_with("cryptlet:fabric/") => format!(
            "the component was built against another version of the fabric: it imports {import}, \
             and this one has cryptlet:fabric@0.1.0; take the SDK that came with this command \
             (`cryptlet new` writes it) and build again"
        ),
        LoadError::Export(reason) => format!(
            "the component does not answer as cryptlet:fabric@0.1.0 asks ({reason}); take the SDK \
             that came with this command and mark the handler with #[cryptlet_sdk::contract] or \
             #[cryptlet_sdk::utility]"
        ),
        error => error.to_string(),
    }
}

/// Capabilities that the manifest asks for and the component's code never uses: whoever signs
/// the binding would grant them for nothing.
pub fn unused(manifest: &Manifest, imports: &[String]) -> Vec<&'static str> {
    let asked = &manifest.capabilities;
    let imported = |interface: &str| {
        imports.iter().any(|import| {
            import
                .strip_prefix("cryptlet:fabric/")
                .and_then(|rest| rest.split('@').next())
                == Some(interface)
        })
    };
    let begins = |package: &str| imports.iter().any(|import| import.starts_with(package));
    let (with_wasi, with_files) = (begins("wasi:"), begins("wasi:filesystem/"));
    [
        (
            "ledger",
            asked.ledger,
            imported("transaction-builder") || imported("router"),
        ),
        ("sources", !asked.sources.is_empty(), imported("source")),
        ("events", asked.events, imported("events")),
        ("state", asked.state, imported("state")),
        ("http", asked.http, imported("http")),
        ("keychain", !asked.keychain.is_empty(), imported("keychain")),
        ("log", asked.log, imported("log")),
        ("wasi", asked.wasi, with_wasi),
        ("directories", !asked.directories.is_empty(), with_files),
    ]
    .into_iter()
    .filter(|(_, asked, used)| *asked && !used)
    .map(|(name, ..)| name)
    .collect()
}

/// What the manifest asks for, in its own words.
pub fn asked(manifest: &Manifest) -> Vec<String> {
    let asked = &manifest.capabilities;
    let switches = [
        ("ledger", asked.ledger),
        ("events", asked.events),
        ("state", asked.state),
        ("http", asked.http),
        ("log", asked.log),
        ("wasi", asked.wasi),
    ];
    let mut words: Vec<String> = switches
        .into_iter()
        .filter(|(_, asked)| *asked)
        .map(|(name, _)| name.to_owned())
        .collect();
    words.extend(asked.sources.iter().map(|name| format!("source {name}")));
    words.extend(asked.keychain.iter().map(|name| format!("key {name}")));
    let directories = asked.directories.iter();
    words.extend(directories.map(|name| format!("directory {name}")));
    words
}

/// What a person is told of a kind.
pub fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Contract => "contract: bound to one contract, which it may write to",
        Kind::Utility => "utility: answers questions, writes to no ledger",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(capabilities: &str) -> Manifest {
        Manifest::parse(&format!(
            "[cryptlet]\nname = \"a\"\nversion = \"1.0.0\"\nkind = \"contract\"\n\
             description = \"-\"\n[capabilities]\n{capabilities}"
        ))
        .unwrap()
    }

    #[test]
    fn names_what_is_asked_for_and_never_used() {
        let manifest = manifest("ledger = true\nstate = true\nsources = [\"rates\"]\nlog = true");
        let imports = ["cryptlet:fabric/router@0.1.0", "cryptlet:fabric/log@0.1.0"];
        assert_eq!(
            unused(&manifest, &imports.map(str::to_owned)),
            ["sources", "state"]
        );
        assert_eq!(asked(&manifest), ["ledger", "state", "log", "source rates"]);
    }

    #[test]
    fn a_component_of_another_version_is_told_which_sdk_to_take() {
        let error = LoadError::ForeignImport {
            import: "cryptlet:fabric/log@0.9.0".into(),
        };
        let text = explained(&error);
        assert!(text.contains("another version"), "{text}");
        assert!(text.contains("log@0.9.0"), "{text}");
    }
}

//! One of the two components that are compared.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use cryptlet_attest::Measurement;
use cryptlet_build::{Interface, Provenance, interface, read_manifest};
use cryptlet_schema::Manifest;
use semver::Version;

use crate::author::bench::Component;
use crate::author::shown;
use crate::failure::Failure;
use crate::state::StateFolder;

/// What the export of a migration begins with.
const MIGRATION: &str = "cryptlet:fabric/migration@";

/// A component, and what it says of itself.
pub struct Subject {
    /// What the command line calls it.
    pub name: String,
    /// Whether it is a version of the host rather than a file.
    pub deployed: bool,
    pub bytes: Vec<u8>,
    pub manifest: Manifest,
    pub interface: Interface,
    /// What was stated of its build, if that lies beside the file.
    pub provenance: Option<Provenance>,
}

impl Subject {
    /// The file of that name, or else the version of the host.
    ///
    /// # Errors
    ///
    /// There is none, or it is no component with a manifest.
    pub fn read(argument: &OsStr, state: &StateFolder) -> Result<Self, Failure> {
        let path = Path::new(argument);
        if let (false, Some((cryptlet, version))) = (path.exists(), named(argument)) {
            return deployed(cryptlet, &version, state);
        }
        let component = Component::read(path)?;
        let provenance = provenance(path, &component.bytes)?;
        let subject = Self::of(shown(path), component.bytes)?;
        Ok(Self {
            provenance,
            ..subject
        })
    }

    fn of(name: String, bytes: Vec<u8>) -> Result<Self, Failure> {
        let refused = |reason: String| Failure::Refused(format!("{name}: {reason}"));
        let text = read_manifest(&bytes).map_err(|error| refused(error.to_string()))?;
        let manifest =
            Manifest::parse(text).map_err(|error| refused(format!("its manifest, {error}")))?;
        let interface = interface(&bytes).map_err(|error| refused(error.to_string()))?;
        Ok(Self {
            name,
            deployed: false,
            bytes,
            manifest,
            interface,
            provenance: None,
        })
    }

    pub fn measurement(&self) -> Measurement {
        Measurement::of(&self.bytes)
    }

    /// Whether it takes over the state of versions with a lower state version.
    pub fn migrates(&self) -> bool {
        let exports = &self.interface.exports;
        exports.iter().any(|name| name.starts_with(MIGRATION))
    }
}

/// `interest-rate-swap@1.1.0`
fn named(argument: &OsStr) -> Option<(&str, Version)> {
    let (cryptlet, version) = argument.to_str()?.split_once('@')?;
    Some((cryptlet, version.parse().ok()?))
}

fn deployed(cryptlet: &str, version: &Version, state: &StateFolder) -> Result<Subject, Failure> {
    state.existing()?;
    let journal = state.journal()?;
    let rows = journal.versions()?;
    let row = rows
        .iter()
        .find(|row| row.cryptlet == cryptlet && row.version == *version)
        .ok_or_else(|| {
            Failure::Usage(format!(
                "there is no file {cryptlet}@{version}, and {} has no such version; `{}` shows those it has",
                state.path().display(),
                state.command("ls")
            ))
        })?;
    let bytes = journal.component(&row.measurement)?.ok_or_else(|| {
        Failure::Refused(format!(
            "the journal of {} does not hold the component of {cryptlet} {version}; name its file",
            state.path().display()
        ))
    })?;
    let subject = Subject::of(format!("{cryptlet}@{version}"), bytes)?;
    Ok(Subject {
        deployed: true,
        ..subject
    })
}

/// The statement beside a component, as `cryptlet build --locked` writes it.
fn provenance(component: &Path, bytes: &[u8]) -> Result<Option<Provenance>, Failure> {
    let path = component.with_extension("provenance.json");
    if !path.is_file() {
        return Ok(None);
    }
    let text = fs::read(&path).map_err(|error| Failure::unreadable(&path, &error))?;
    let refused = |reason: String| {
        Failure::Refused(format!(
            "{}: {reason}; move it away to compare without it",
            path.display()
        ))
    };
    let provenance = Provenance::from_json(&text).map_err(|error| refused(error.to_string()))?;
    if !provenance.is_about(bytes) {
        return Err(refused(format!(
            "it is about another component than {}",
            component.display()
        )));
    }
    Ok(Some(provenance))
}

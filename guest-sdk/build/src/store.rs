//! Cryptlets in a folder, built again only when something that decides their bytes has changed.

use std::fs;
use std::path::{Path, PathBuf};

use cryptlet_schema::Manifest;

use crate::project::{absolute, describe, make, read};
use crate::workspace::Workspace;
use crate::{BuildError, Built, Project, Provenance, inputs};

/// Whether a cryptlet had to be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The file was there, and everything that it was built from is the same.
    Unchanged,
    /// It was compiled now.
    Compiled,
}

/// A cryptlet in a file.
#[derive(Clone, Debug)]
pub struct Stored {
    /// `<name>-<version>.wasm`.
    pub path: PathBuf,
    /// What is in it.
    pub built: Built,
    /// Whether it had to be built.
    pub freshness: Freshness,
}

/// Builds the project into `<folder>/<name>-<version>.wasm`, unless the file there already is what
/// the build would give.
///
/// Beside it lies `<name>-<version>.inputs`: the digest of what it was built from. Times of files
/// play no part; a component that was altered afterwards is built again.
///
/// # Errors
///
/// See [`BuildError`].
pub fn build_into(project: &Project, folder: &Path) -> Result<Stored, BuildError> {
    let folder = &absolute(folder)?;
    let (manifest, _) = read(&project.manifest)?;
    let workspace = Workspace::of(project)?;
    let path = folder.join(file_name(&manifest));
    let record_path = path.with_extension("inputs");

    if let Some(component) = unchanged(project, &workspace, &path, &record_path) {
        let built = describe(component, manifest, &workspace)?;
        return Ok(Stored {
            path,
            built,
            freshness: Freshness::Unchanged,
        });
    }
    let before = inputs::digest(project, &workspace, folder, &[])?;
    let (built, sources) = make(project, &workspace)?;
    let outside = inputs::outside(sources, &workspace);
    let record = Record {
        inputs: inputs::digest(project, &workspace, folder, &outside)?.to_string(),
        measurement: built.measurement.to_string(),
        outside,
    };
    put(&built, folder)?;
    // Sources that changed while they were compiled may or may not be in the component: without a
    // record the next call builds it again.
    if inputs::digest(project, &workspace, folder, &[])? == before {
        replace(&record_path, record.to_text().as_bytes())?;
    }
    Ok(Stored {
        path,
        built,
        freshness: Freshness::Compiled,
    })
}

/// `<name>-<version>.wasm`.
pub(crate) fn file_name(manifest: &Manifest) -> String {
    format!(
        "{}-{}.wasm",
        manifest.cryptlet.name, manifest.cryptlet.version
    )
}

/// Writes the component into `folder`, which is made if it is not there, and gives its path.
pub(crate) fn put(built: &Built, folder: &Path) -> Result<PathBuf, BuildError> {
    fs::create_dir_all(folder).map_err(BuildError::file("create", folder))?;
    let path = folder.join(file_name(&built.manifest));
    replace(&path, &built.component)?;
    remove_other_statement(&path, &built.component)?;
    Ok(path)
}

/// A statement about the component that was there before says nothing about this one.
fn remove_other_statement(path: &Path, component: &[u8]) -> Result<(), BuildError> {
    let statement = path.with_extension("provenance.json");
    let Ok(text) = fs::read(&statement) else {
        return Ok(());
    };
    if Provenance::from_json(&text).is_ok_and(|statement| statement.is_about(component)) {
        return Ok(());
    }
    fs::remove_file(&statement).map_err(BuildError::file("remove", &statement))
}

/// The component that is there, if it is what the build would give. What cannot be read does not
/// count as there.
fn unchanged(
    project: &Project,
    workspace: &Workspace,
    path: &Path,
    record_path: &Path,
) -> Option<Vec<u8>> {
    let record = Record::from_text(&fs::read_to_string(record_path).ok()?)?;
    let component = fs::read(path).ok()?;
    let measurement = cryptlet_attest::Measurement::of(&component).to_string();
    let folder = path.parent()?;
    let inputs = inputs::digest(project, workspace, folder, &record.outside)
        .ok()?
        .to_string();
    (measurement == record.measurement && inputs == record.inputs).then_some(component)
}

/// Nobody who reads `path` meanwhile sees half of it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let partial = path.with_extension("partial");
    fs::write(&partial, bytes).map_err(BuildError::file("write", &partial))?;
    fs::rename(&partial, path).map_err(BuildError::file("write", path))
}

/// What a stored cryptlet was built from, as lines of text.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    inputs: String,
    measurement: String,
    outside: Vec<PathBuf>,
}

impl Record {
    fn to_text(&self) -> String {
        let mut text = format!("inputs {}\nmeasurement {}\n", self.inputs, self.measurement);
        for path in &self.outside {
            text.push_str(&format!("source {}\n", path.display()));
        }
        text
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let inputs = lines.next()?.strip_prefix("inputs ")?.to_owned();
        let measurement = lines.next()?.strip_prefix("measurement ")?.to_owned();
        let outside = lines.map(|line| line.strip_prefix("source ").map(PathBuf::from));
        Some(Self {
            inputs,
            measurement,
            outside: outside.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_written() {
        let record = Record {
            inputs: "aa".to_owned(),
            measurement: "bb".to_owned(),
            outside: vec!["/some where/fabric.wit".into()],
        };

        assert_eq!(Record::from_text(&record.to_text()), Some(record));
    }

    #[test]
    fn a_record_that_was_cut_off_counts_for_nothing() {
        assert_eq!(Record::from_text("inputs aa\n"), None);
        assert_eq!(Record::from_text("inputs aa\nmeasurement bb\nsour"), None);
    }
}

//! What a component was made of and with, as a statement that others can check.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cryptlet_attest::Measurement;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The kind of document: an [in-toto Statement] version 1.
///
/// [in-toto Statement]: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// What it states: [SLSA provenance] version 1.
///
/// [SLSA provenance]: https://slsa.dev/spec/v1.1/provenance
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// How the component was built: the URI of the section that says it.
pub const BUILD_TYPE: &str = "https://github.com/cryptlet-fabric/cryptlet-fabric/blob/main/docs/spec/provenance.md#cryptlet-build-v1";

/// Who built it: whoever ran the command, on a machine that nobody vouches for.
pub const BUILDER: &str =
    "https://github.com/cryptlet-fabric/cryptlet-fabric/blob/main/docs/spec/provenance.md#builder";

/// Names of the resolved dependencies that are no crates.
pub(crate) const SOURCE_TREE: &str = "source";
pub(crate) const LOCK_FILE: &str = "Cargo.lock";
pub(crate) const STANDARD_LIBRARY: &str = "rust-src";

/// The folder of a package that is the whole source tree.
pub(crate) const ROOT_PACKAGE: &str = ".";

/// The name of the digest that a [`crate::TreeDigest`] is.
pub(crate) const DIRECTORY_HASH: &str = "dirHash";

/// An in-toto Statement with SLSA provenance; `docs/spec/provenance.md` explains each field.
///
/// It holds neither times nor paths of a machine, so whoever builds the same gets the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The component, by name and digests; exactly one.
    pub subject: Vec<Resource>,
    /// [`PREDICATE_TYPE`].
    pub predicate_type: String,
    /// What is stated.
    pub predicate: Predicate,
}

/// SLSA's predicate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Predicate {
    /// What the build was.
    pub build_definition: BuildDefinition,
    /// Who ran it.
    pub run_details: RunDetails,
}

/// All that decides the component's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// [`BUILD_TYPE`].
    pub build_type: String,
    /// What the person chose.
    pub external_parameters: ExternalParameters,
    /// What the machine brought.
    pub internal_parameters: InternalParameters,
    /// The source tree, the lock file, and every package that it locks.
    pub resolved_dependencies: Vec<Resource>,
}

/// What the person chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalParameters {
    /// Whether the lock file had to fit; provenance is only written if so.
    pub locked: bool,
    /// The manifest, relative to the source tree.
    pub manifest: String,
    /// `wasm32-unknown-unknown` or `wasm32-wasip2`.
    pub target: String,
}

/// What the machine brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InternalParameters {
    /// What compiled, linked and wrapped the component.
    pub toolchain: ToolchainVersions,
}

/// Every program that takes part, as it names itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolchainVersions {
    /// `cargo --version`.
    pub cargo: String,
    /// The linker's `--version`.
    pub linker: String,
    /// `rustc --version --verbose`, lines separated by line feeds.
    pub rustc: String,
    /// `installed` with the compiler, or `compiled` from the resolved dependency `rust-src`.
    pub standard_library: String,
    /// The crate that makes a component of the module.
    pub wit_component: String,
}

/// Who ran the build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetails {
    /// The builder.
    pub builder: Builder,
}

/// The builder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Builder {
    /// [`BUILDER`].
    pub id: String,
    /// Its parts and their versions.
    #[serde(default)]
    pub version: BTreeMap<String, String>,
}

/// in-toto's resource descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its name, where it is a part of something: a file, or a folder of the source tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its package URL, where it is a package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Digests in hex digits, by algorithm.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: BTreeMap<String, String>,
}

impl Resource {
    /// Name and version of the package that it is, the version with where it is from if that is not
    /// crates.io: `0.1.0?vcs_url=git+https://example.org/own`.
    #[must_use]
    pub fn package(&self) -> Option<(String, String)> {
        let (name, version) = self
            .uri
            .as_deref()?
            .strip_prefix("pkg:cargo/")?
            .split_once('@')?;
        Some((percent_decoded(name), percent_decoded(version)))
    }
}

/// Why a document is no provenance that could be compared with anything.
#[derive(Debug, thiserror::Error)]
pub enum ProvenanceError {
    /// No JSON, or a field is missing or of another type.
    #[error("it is no statement in JSON: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Another kind of document.
    #[error("its {field} is {found:?}, not {expected:?}")]
    OtherKind {
        /// Which field says so.
        field: &'static str,
        /// What it says.
        found: String,
        /// What this crate understands.
        expected: &'static str,
    },
    /// About nothing, or about several things.
    #[error("it has {count} subjects, not the one component")]
    Subjects {
        /// How many.
        count: usize,
    },
}

impl Provenance {
    /// Reads a statement. Fields that this crate does not know are passed over, as in-toto asks.
    ///
    /// # Errors
    ///
    /// See [`ProvenanceError`].
    pub fn from_json(text: &[u8]) -> Result<Self, ProvenanceError> {
        let document: serde_json::Value = serde_json::from_slice(text)?;
        // Before everything else: the parameters of other kinds of builds have other fields.
        for (field, place, expected) in [
            ("_type", "/_type", STATEMENT_TYPE),
            ("predicateType", "/predicateType", PREDICATE_TYPE),
            (
                "buildType",
                "/predicate/buildDefinition/buildType",
                BUILD_TYPE,
            ),
        ] {
            let found = document.pointer(place).and_then(|value| value.as_str());
            if found != Some(expected) {
                return Err(ProvenanceError::OtherKind {
                    field,
                    found: found.unwrap_or_default().to_owned(),
                    expected,
                });
            }
        }
        let statement: Self = serde_json::from_value(document)?;
        match statement.subject.len() {
            1 => Ok(statement),
            count => Err(ProvenanceError::Subjects { count }),
        }
    }

    /// The document: indented by two blanks, keys in one order, a line feed at the end.
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("its keys are strings and nothing fails");
        text.push('\n');
        text
    }

    /// Whether this is a statement about exactly these bytes.
    pub fn is_about(&self, component: &[u8]) -> bool {
        let digests = component_digests(component);
        self.subject.first().is_some_and(|subject| {
            !subject.digest.is_empty()
                && subject
                    .digest
                    .iter()
                    .all(|(algorithm, digest)| digests.get(algorithm) == Some(digest))
        })
    }

    /// The resolved dependency of that name.
    pub(crate) fn dependency(&self, name: &str) -> Option<&Resource> {
        self.dependencies()
            .iter()
            .find(|resource| resource.name.as_deref() == Some(name))
    }

    pub(crate) fn dependencies(&self) -> &[Resource] {
        &self.predicate.build_definition.resolved_dependencies
    }
}

/// The digests by which a component is the subject of a statement.
pub(crate) fn component_digests(component: &[u8]) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("blake3".to_owned(), Measurement::of(component).to_string()),
        ("sha256".to_owned(), hex::encode(Sha256::digest(component))),
    ])
}

/// The package URL of a crate; `qualifier` says where it is from, if not from crates.io.
pub(crate) fn package_url(name: &str, version: &str, qualifier: Option<(&str, &str)>) -> String {
    let mut url = format!("pkg:cargo/{name}@{}", percent_encoded(version));
    if let Some((key, value)) = qualifier {
        let _ = write!(url, "?{key}={}", percent_encoded(value));
    }
    url
}

/// As the purl specification wants it: everything but its unreserved characters and `:`.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// The inverse; what is not encoded as purl has it stays as it is.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        let byte = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = byte {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(b'%');
            rest = after;
        }
    }
    bytes.extend(rest.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_urls_follow_the_purl_specification() {
        assert_eq!(
            package_url("serde", "1.0.228", None),
            "pkg:cargo/serde@1.0.228"
        );
        assert_eq!(
            package_url("zstd-sys", "2.0.15+zstd.1.5.7", None),
            "pkg:cargo/zstd-sys@2.0.15%2Bzstd.1.5.7"
        );
        assert_eq!(
            package_url(
                "own",
                "0.1.0",
                Some(("vcs_url", "git+https://example.org/own"))
            ),
            "pkg:cargo/own@0.1.0?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fown"
        );
    }

    #[test]
    fn a_package_is_read_back_from_its_url() {
        let package = |uri: &str| {
            Resource {
                uri: Some(uri.to_owned()),
                ..Resource::default()
            }
            .package()
        };
        let pair = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
        assert_eq!(
            package(&package_url("zstd-sys", "2.0.15+zstd.1.5.7", None)),
            pair("zstd-sys", "2.0.15+zstd.1.5.7")
        );
        let own = package_url(
            "own",
            "0.1.0",
            Some(("vcs_url", "git+https://example.org/own")),
        );
        assert_eq!(
            package(&own),
            pair("own", "0.1.0?vcs_url=git+https://example.org/own")
        );
        assert_eq!(package("pkg:cargo/odd@1%2"), pair("odd", "1%2"));
        assert_eq!(package("pkg:npm/odd@1"), None);
    }
}

//! What two components were made of and with.

use std::collections::{BTreeMap, BTreeSet};

use cryptlet_build::provenance::Resource;
use cryptlet_build::{Provenance, producers};
use serde::Serialize;
use utoipa::ToSchema;

use super::subject::Subject;
use crate::failure::Failure;

/// What the components were made of and with, as far as that is stated.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Dependencies {
    /// Who says so.
    pub stated_by: StatedBy,
    /// What differs, by name.
    pub changes: Vec<DependencyChange>,
}

/// Who says what a component was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StatedBy {
    /// The provenance beside both files: every package, and the toolchain.
    Provenance,
    /// The components alone: tools that wrote their names into them.
    Components,
}

/// One package or tool that differs.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DependencyChange {
    /// Its name.
    pub name: String,
    /// Its version before, or several with commas between; absent if it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The same for the later component; absent if it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Digits of a digest that are enough to see that it is another.
const DIGEST_DIGITS: usize = 12;

/// Names, and for each the versions or contents that there are.
type Parts = BTreeMap<String, BTreeSet<String>>;

pub fn compare(before: &Subject, after: &Subject) -> Result<Dependencies, Failure> {
    let (stated_by, before, after) = match (&before.provenance, &after.provenance) {
        (Some(before), Some(after)) => (StatedBy::Provenance, parts(before), parts(after)),
        _ => (StatedBy::Components, tools(before)?, tools(after)?),
    };
    Ok(Dependencies {
        stated_by,
        changes: changes(&before, &after),
    })
}

fn changes(before: &Parts, after: &Parts) -> Vec<DependencyChange> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let listed = |parts: &Parts, name: &String| {
        let versions = parts.get(name)?.iter().map(String::as_str);
        Some(versions.collect::<Vec<_>>().join(", "))
    };
    names
        .into_iter()
        .map(|name| DependencyChange {
            name: name.clone(),
            before: listed(before, name),
            after: listed(after, name),
        })
        .filter(|change| change.before != change.after)
        .collect()
}

fn tools(subject: &Subject) -> Result<Parts, Failure> {
    producers(&subject.bytes)
        .map_err(|error| Failure::Refused(format!("{}: {error}", subject.name)))
}

fn parts(provenance: &Provenance) -> Parts {
    let definition = &provenance.predicate.build_definition;
    let toolchain = &definition.internal_parameters.toolchain;
    let mut parts = Parts::new();
    let mut add = |name: &str, version: String| {
        parts.entry(name.to_owned()).or_default().insert(version);
    };
    for (name, version) in [
        ("cargo", &toolchain.cargo),
        ("linker", &toolchain.linker),
        ("rustc", &toolchain.rustc),
        ("standard library", &toolchain.standard_library),
        ("wit-component", &toolchain.wit_component),
    ] {
        add(name, version.lines().next().unwrap_or_default().to_owned());
    }
    for resource in &definition.resolved_dependencies {
        match (resource.package(), &resource.name) {
            // A folder of the source tree, which is built as it lies there.
            (Some((package, version)), Some(_)) => {
                add(&package, format!("{version} ({})", content(resource)));
            }
            (Some((package, version)), None) => add(&package, version),
            (None, Some(name)) => add(name, content(resource)),
            (None, None) => {}
        }
    }
    parts
}

fn content(resource: &Resource) -> String {
    let digests = resource.digest.iter();
    let shown: Vec<String> = digests
        .map(|(algorithm, digest)| {
            let digits: String = digest.chars().take(DIGEST_DIGITS).collect();
            format!("{algorithm} {digits}…")
        })
        .collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts_of(pairs: &[(&str, &str)]) -> Parts {
        let mut parts = Parts::new();
        for (name, version) in pairs {
            parts
                .entry((*name).to_owned())
                .or_default()
                .insert((*version).to_owned());
        }
        parts
    }

    #[test]
    fn several_versions_of_a_package_are_one_line() {
        let before = parts_of(&[("syn", "1.0.0"), ("syn", "2.0.0"), ("serde", "1.0.1")]);
        let after = parts_of(&[("syn", "2.0.0"), ("serde", "1.0.1"), ("itoa", "1.0.0")]);
        let change = |name: &str, before: Option<&str>, after: Option<&str>| DependencyChange {
            name: name.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        assert_eq!(
            changes(&before, &after),
            [
                change("itoa", None, Some("1.0.0")),
                change("syn", Some("1.0.0, 2.0.0"), Some("2.0.0")),
            ]
        );
    }
}

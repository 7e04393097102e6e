//! In what a component, and what is said of it, differ from what its source gives.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use wasmparser::{BinaryReaderError, Parser, Payload};

use crate::Provenance;
use crate::provenance::{
    DIRECTORY_HASH, LOCK_FILE, ROOT_PACKAGE, Resource, SOURCE_TREE, STANDARD_LIBRARY,
    ToolchainVersions,
};

/// One thing that differs. The order of the variants is that of causes before their effects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// The provenance speaks of another component.
    #[error("the provenance is about {stated}, not about this component")]
    Subject {
        /// The name and a digest that it states.
        stated: String,
    },
    /// A program or the standard library is another one.
    #[error("{part}: the provenance names {stated:?}, here it is {found:?}")]
    Toolchain {
        /// Which part, as the provenance calls it.
        part: &'static str,
        /// What the provenance says.
        stated: String,
        /// What rebuilt the component.
        found: String,
    },
    /// The manifest, the target or the version of the build.
    #[error("{parameter}: the provenance names {stated:?}, here it is {found:?}")]
    Parameter {
        /// Which, as the provenance calls it.
        parameter: &'static str,
        /// What the provenance says.
        stated: String,
        /// What was used here.
        found: String,
    },
    /// The files are others.
    #[error("{part}: the provenance names the tree {stated}, here it is {found}")]
    SourceTree {
        /// `source`, which is the whole, or the folder of a package in it.
        part: String,
        /// The digest that the provenance states.
        stated: String,
        /// The digest here.
        found: String,
    },
    /// A package is missing, is another one, or came in.
    #[error("{package}: the provenance names {stated}, here it is {found}")]
    Package {
        /// Its package URL, or `Cargo.lock` if only the file's bytes differ.
        package: String,
        /// The digest that the provenance states, or "nothing".
        stated: String,
        /// The digest here, or "nothing".
        found: String,
    },
    /// The first section of the component that is not what the source gives.
    #[error("{section}: {says}")]
    Section {
        /// Where, from the outermost level inwards: `core module 0, code section`.
        section: String,
        /// How it differs, in sizes.
        says: String,
        /// How many sections differ in all.
        count: usize,
    },
}

impl Difference {
    /// The name that programs know it by.
    pub fn name(&self) -> &'static str {
        match self {
            Difference::Subject { .. } => "subject",
            Difference::Toolchain { .. } => "toolchain",
            Difference::Parameter { .. } => "parameter",
            Difference::SourceTree { .. } => "source-tree",
            Difference::Package { .. } => "lock-file",
            Difference::Section { .. } => "section",
        }
    }
}

/// Everything in which a provenance differs from what the same source gives here, apart from the
/// subject.
pub fn compare_provenance(stated: &Provenance, found: &Provenance) -> Vec<Difference> {
    let mut differences = compare_toolchains(stated, found);
    differences.extend(compare_parameters(stated, found));
    differences.extend(compare_trees(stated, found));
    differences.extend(compare_packages(stated, found));
    differences
}

fn compare_toolchains(stated: &Provenance, found: &Provenance) -> Vec<Difference> {
    let parts = |provenance: &Provenance| {
        let definition = &provenance.predicate.build_definition;
        let ToolchainVersions {
            cargo,
            linker,
            rustc,
            standard_library,
            wit_component,
        } = definition.internal_parameters.toolchain.clone();
        let sources = digest(provenance.dependency(STANDARD_LIBRARY), DIRECTORY_HASH);
        let builder = provenance
            .predicate
            .run_details
            .builder
            .version
            .get("cryptlet-build");
        [
            ("rustc", rustc),
            ("cargo", cargo),
            ("linker", linker),
            ("standardLibrary", standard_library),
            (STANDARD_LIBRARY, sources),
            ("witComponent", wit_component),
            ("cryptlet-build", builder.cloned().unwrap_or_default()),
        ]
    };
    let pairs = parts(stated).into_iter().zip(parts(found));
    pairs
        .filter_map(|((part, stated), (_, found))| {
            let (stated, found) = first_differing_line(&stated, &found)?;
            Some(Difference::Toolchain {
                part,
                stated,
                found,
            })
        })
        .collect()
}

/// rustc answers in many lines, of which one tells enough.
fn first_differing_line(one: &str, other: &str) -> Option<(String, String)> {
    if one == other {
        return None;
    }
    let mut lines = (one.lines(), other.lines());
    loop {
        match (lines.0.next(), lines.1.next()) {
            (None, None) => return Some((one.to_owned(), other.to_owned())),
            (first, second) if first == second => {}
            (first, second) => {
                let text = |line: Option<&str>| line.unwrap_or_default().to_owned();
                return Some((text(first), text(second)));
            }
        }
    }
}

fn compare_parameters(stated: &Provenance, found: &Provenance) -> Vec<Difference> {
    let parameters = |provenance: &Provenance| {
        let chosen = provenance
            .predicate
            .build_definition
            .external_parameters
            .clone();
        [
            ("locked", chosen.locked.to_string()),
            ("manifest", chosen.manifest),
            ("target", chosen.target),
        ]
    };
    let pairs = parameters(stated).into_iter().zip(parameters(found));
    pairs
        .filter(|((_, stated), (_, found))| stated != found)
        .map(|((parameter, stated), (_, found))| Difference::Parameter {
            parameter,
            stated,
            found,
        })
        .collect()
}

/// The whole tree first, then the packages that have a folder of it.
fn compare_trees(stated: &Provenance, found: &Provenance) -> Vec<Difference> {
    let trees = |provenance: &Provenance| -> BTreeMap<(bool, String), String> {
        let folders = provenance.dependencies().iter().filter_map(|resource| {
            let name = resource.name.clone()?;
            let digest = resource.digest.get(DIRECTORY_HASH)?.clone();
            let own = name != STANDARD_LIBRARY && name != ROOT_PACKAGE;
            own.then_some(((name != SOURCE_TREE, name), digest))
        });
        folders.collect()
    };
    differing(&trees(stated), &trees(found))
        .map(|((_, part), stated, found)| Difference::SourceTree {
            part: part.clone(),
            stated,
            found,
        })
        .collect()
}

/// The keys under which two maps hold different values, with both.
fn differing<'a, K: Ord>(
    stated: &'a BTreeMap<K, String>,
    found: &'a BTreeMap<K, String>,
) -> impl Iterator<Item = (&'a K, String, String)> {
    let keys: BTreeSet<&K> = stated.keys().chain(found.keys()).collect();
    keys.into_iter()
        .filter(|key| stated.get(*key) != found.get(*key))
        .map(|key| {
            let of = |map: &BTreeMap<K, String>| map.get(key).cloned();
            let nothing = || "nothing".to_owned();
            (
                key,
                of(stated).unwrap_or_else(nothing),
                of(found).unwrap_or_else(nothing),
            )
        })
}

fn compare_packages(stated: &Provenance, found: &Provenance) -> Vec<Difference> {
    let mut differences: Vec<Difference> = differing(&packages(stated), &packages(found))
        .map(|(package, stated, found)| Difference::Package {
            package: package.clone(),
            stated,
            found,
        })
        .collect();
    let file = |provenance: &Provenance| digest(provenance.dependency(LOCK_FILE), "sha256");
    if differences.is_empty() && file(stated) != file(found) {
        differences.push(Difference::Package {
            package: LOCK_FILE.to_owned(),
            stated: file(stated),
            found: file(found),
        });
    }
    differences
}

/// The digests of every package of the lock file that has no folder of the source tree.
fn packages(provenance: &Provenance) -> BTreeMap<String, String> {
    let resources = provenance.dependencies().iter();
    resources
        .filter(|resource| resource.name.is_none())
        .filter_map(|resource| {
            let digests: Vec<String> = resource
                .digest
                .iter()
                .map(|(algorithm, digest)| format!("{algorithm}:{digest}"))
                .collect();
            Some((resource.uri.clone()?, digests.join(" ")))
        })
        .collect()
}

fn digest(resource: Option<&Resource>, algorithm: &str) -> String {
    resource
        .and_then(|resource| resource.digest.get(algorithm))
        .cloned()
        .unwrap_or_else(|| "nothing".to_owned())
}

/// The first section in which two components differ, or none if they are the same.
///
/// # Errors
///
/// If one of them does not parse.
pub fn compare_components(
    given: &[u8],
    rebuilt: &[u8],
) -> Result<Option<Difference>, BinaryReaderError> {
    if given == rebuilt {
        return Ok(None);
    }
    let (one, other) = (sections(given)?, sections(rebuilt)?);
    let mut differing = (0..one.len().max(other.len())).filter(|at| one.get(*at) != other.get(*at));
    let Some(at) = differing.next() else {
        // Headers and lengths can be written in several ways.
        return Ok(Some(Difference::Section {
            section: "component".to_owned(),
            says: "every section is the same, but they are encoded in another way".to_owned(),
            count: 0,
        }));
    };
    let count = 1 + differing.count();
    let (first, second) = (one.get(at), other.get(at));
    let place = first.or(second).map(|section| section.place.clone());
    let says = match (first, second) {
        (Some(first), Some(second)) if first.place == second.place => format!(
            "{} bytes here and {} bytes rebuilt, not the same",
            first.content.len(),
            second.content.len()
        ),
        (Some(_), Some(second)) => format!("rebuilt, there is {} in its place", second.place),
        (Some(_), None) => "rebuilt, there is none".to_owned(),
        (None, _) => "only the rebuilt component has it".to_owned(),
    };
    Ok(Some(Difference::Section {
        section: place.unwrap_or_default(),
        says,
        count,
    }))
}

#[derive(PartialEq, Eq)]
struct Section<'a> {
    place: String,
    content: &'a [u8],
}

/// The sections at every level, in their order. Modules and components appear as what is in them.
fn sections(component: &[u8]) -> Result<Vec<Section<'_>>, BinaryReaderError> {
    let mut found = Vec::new();
    let mut around: Vec<String> = Vec::new();
    let (mut modules, mut components) = (0, 0);
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        match &payload {
            Payload::ModuleSection { .. } => {
                around.push(format!("core module {modules}"));
                modules += 1;
            }
            Payload::ComponentSection { .. } => {
                around.push(format!("component {components}"));
                components += 1;
            }
            Payload::End(_) => {
                around.pop();
            }
            _ => {
                let content = payload.as_section().and_then(|(_, range)| {
                    let (start, end) = (range.start.try_into().ok()?, range.end.try_into().ok()?);
                    component.get::<Range<usize>>(start..end)
                });
                if let Some(content) = content {
                    let place = around.iter().cloned().chain([section_name(&payload)]);
                    found.push(Section {
                        place: place.collect::<Vec<_>>().join(", "),
                        content,
                    });
                }
            }
        }
    }
    Ok(found)
}

fn section_name(payload: &Payload<'_>) -> String {
    let name = match payload {
        Payload::CustomSection(section) => return format!("custom section {:?}", section.name()),
        Payload::TypeSection(_) => "type",
        Payload::ImportSection(_) => "import",
        Payload::FunctionSection(_) => "function",
        Payload::TableSection(_) => "table",
        Payload::MemorySection(_) => "memory",
        Payload::GlobalSection(_) => "global",
        Payload::ExportSection(_) => "export",
        Payload::StartSection { .. } => "start",
        Payload::ElementSection(_) => "element",
        Payload::DataCountSection { .. } => "data count",
        Payload::DataSection(_) => "data",
        Payload::CodeSectionStart { .. } => "code",
        Payload::InstanceSection(_) => "core instance",
        Payload::CoreTypeSection(_) => "core type",
        Payload::ComponentInstanceSection(_) => "instance",
        Payload::ComponentAliasSection(_) => "alias",
        Payload::ComponentTypeSection(_) => "component type",
        Payload::ComponentCanonicalSection(_) => "canonical function",
        Payload::ComponentStartSection { .. } => "component start",
        Payload::ComponentImportSection(_) => "component import",
        Payload::ComponentExportSection(_) => "component export",
        _ => "unknown",
    };
    format!("{name} section")
}

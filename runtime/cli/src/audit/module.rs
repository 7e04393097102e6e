//! `cryptlet audit module`: whether a component is what a source gives. The source is compiled, as by
//! `cryptlet build`, so its build scripts and macros run on this machine.

use std::fmt::Display;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use cryptlet_attest::Measurement;
use cryptlet_build::toolchain::{Target, Toolchain};
use cryptlet_build::{
    BuildError, Difference, Messages, Project, Provenance, SourceTree, compare_components,
    compare_provenance, read_manifest, rebuild, source_root,
};
use cryptlet_schema::Manifest;
use serde::Serialize;
use utoipa::ToSchema;

use crate::author::build_failure;
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{BAD, GOOD, HEADING, printable, progress};

#[derive(Args)]
#[command(
    after_help = "Compiles the source in a fresh folder: its build scripts and macros run on this machine.

Examples:
  cryptlet audit module swap-1.0.0.wasm --source swap
  cryptlet audit module swap-1.0.0.wasm --source swap --provenance swap-1.0.0.provenance.json
  cryptlet audit module swap-1.0.0.wasm --source swap --json"
)]
pub struct Arguments {
    /// The component.
    #[arg(value_name = "COMPONENT.wasm")]
    component: PathBuf,
    /// The sources that it is said to be built from: the folder of their Cargo.toml.
    #[arg(long, value_name = "FOLDER")]
    source: PathBuf,
    /// What was stated of its build; without it, the `.provenance.json` beside the component, if
    /// there is one.
    #[arg(long, value_name = "FILE")]
    provenance: Option<PathBuf>,
    /// Where to keep what is compiled, for the next audit; without it, a folder that goes away.
    #[arg(long, value_name = "FOLDER")]
    target_dir: Option<PathBuf>,
    /// Print the comparison as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let claimed = Claimed::read(arguments)?;
    let source = Source::read(&arguments.source, &claimed)?;
    let compared = compare(arguments, &claimed, &source)?;
    if arguments.json {
        json(&compared, output)?;
    } else {
        print(&compared, output)?;
    }
    compared.verdict(arguments)
}

/// What is to be checked.
struct Claimed {
    component: Vec<u8>,
    /// The manifest in it, as text and as what it means.
    text: String,
    manifest: Manifest,
    provenance: Option<Provenance>,
}

impl Claimed {
    fn read(arguments: &Arguments) -> Result<Self, Failure> {
        let file = &arguments.component;
        let component = fs::read(file).map_err(|error| Failure::unreadable(file, &error))?;
        let text = read_manifest(&component)
            .map_err(|error| unreadable(file, &error))?
            .to_owned();
        let manifest = Manifest::parse(&text).map_err(|error| unreadable(file, &error))?;
        Ok(Self {
            component,
            text,
            manifest,
            provenance: provenance(arguments)?,
        })
    }

    fn target(&self) -> Target {
        if self.manifest.build.wasi {
            Target::Wasi
        } else {
            Target::Bare
        }
    }
}

fn unreadable(file: &Path, reason: &dyn Display) -> Failure {
    Failure::Refused(format!("{}: {reason}", file.display()))
}

fn provenance(arguments: &Arguments) -> Result<Option<Provenance>, Failure> {
    let beside = arguments.component.with_extension("provenance.json");
    let path = match &arguments.provenance {
        Some(path) => path,
        None if beside.is_file() => &beside,
        None => return Ok(None),
    };
    let text = fs::read(path).map_err(|error| Failure::unreadable(path, &error))?;
    Provenance::from_json(&text)
        .map(Some)
        .map_err(|error| {
            Failure::Refused(format!(
                "{} is no provenance of `cryptlet build`: {error}; move it away, or name the right one with --provenance",
                path.display()
            ))
        })
}

/// Where it is said to come from.
struct Source {
    tree: SourceTree,
    /// The manifest, by its name in the tree.
    manifest: String,
}

impl Source {
    fn read(folder: &Path, claimed: &Claimed) -> Result<Self, Failure> {
        if !folder.join("Cargo.toml").is_file() {
            return Err(Failure::Usage(format!(
                "there is no {}; name the folder of the sources with --source",
                folder.join("Cargo.toml").display()
            )));
        }
        let tree = tree(folder, claimed.target()).map_err(build_failure)?;
        let manifest = match &claimed.provenance {
            Some(provenance) => stated_manifest(provenance, &tree),
            None => manifest_of(claimed, &tree),
        };
        let manifest = manifest
            .map_err(|reason| Failure::Refused(format!("{} {reason}", tree.root().display())))?;
        Ok(Self { tree, manifest })
    }
}

fn tree(folder: &Path, target: Target) -> Result<SourceTree, BuildError> {
    let toolchain = Toolchain::find_in(target, folder)?;
    Ok(SourceTree::read(&source_root(&toolchain, folder)?)?)
}

fn stated_manifest(provenance: &Provenance, tree: &SourceTree) -> Result<String, String> {
    let definition = &provenance.predicate.build_definition;
    let name = &definition.external_parameters.manifest;
    if tree.contains(name) {
        Ok(name.clone())
    } else {
        Err(format!(
            "has no {name}, which the provenance names as the manifest"
        ))
    }
}

/// The manifest that is embedded in the component, or else one of the same cryptlet.
fn manifest_of(claimed: &Claimed, tree: &SourceTree) -> Result<String, String> {
    let name = &claimed.manifest.cryptlet.name;
    let mut same_name = None;
    for file in tree.names().filter(|file| file.ends_with(".toml")) {
        let Ok(text) = fs::read_to_string(tree.root().join(file)) else {
            continue;
        };
        if text == claimed.text {
            return Ok(file.to_owned());
        }
        let of_the_same =
            Manifest::parse(&text).is_ok_and(|manifest| manifest.cryptlet.name == *name);
        if of_the_same && same_name.is_none() {
            same_name = Some(file.to_owned());
        }
    }
    same_name.ok_or_else(|| format!("has no manifest of a cryptlet {name:?}"))
}

fn compare(
    arguments: &Arguments,
    claimed: &Claimed,
    source: &Source,
) -> Result<AuditedModule, Failure> {
    let place = tempfile::tempdir()
        .map_err(|error| Failure::Refused(format!("cannot make a folder to build in: {error}")))?;
    let target = match &arguments.target_dir {
        Some(folder) => folder.clone(),
        None => place.path().join("target"),
    };
    let manifest = source.tree.root().join(&source.manifest);
    let project = Project {
        messages: Messages::Kept,
        ..Project::at(manifest, target).map_err(build_failure)?
    };
    let waiting = progress(format!(
        "building {} from {}",
        claimed.manifest.cryptlet.name,
        arguments.source.display()
    ));
    let (built, found) = rebuild(
        &source.tree,
        &source.manifest,
        &project,
        &place.path().join("source"),
    )
    .map_err(|error| not_built(error, &arguments.source))?;
    drop(waiting);

    let mut differences = Vec::new();
    if let Some(stated) = &claimed.provenance {
        if !stated.is_about(&claimed.component) {
            differences.push(Difference::Subject {
                stated: subject(stated),
            });
        }
        differences.extend(compare_provenance(stated, &found));
    }
    let bytes = compare_components(&claimed.component, &built.component)
        .map_err(|error| unreadable(&arguments.component, &error))?;
    differences.extend(bytes);
    Ok(AuditedModule {
        reproduced: claimed.component == built.component,
        measurement: Measurement::of(&claimed.component).to_string(),
        rebuilt: built.measurement.to_string(),
        manifest: source.manifest.clone(),
        source_tree: source.tree.digest().to_string(),
        provenance_holds: claimed.provenance.as_ref().map(|_| {
            differences
                .iter()
                .all(|difference| matches!(difference, Difference::Section { .. }))
        }),
        differences: differences.iter().map(ShownDifference::from).collect(),
    })
}

/// The folder that it was built in is gone when a person reads this.
fn not_built(error: BuildError, source: &Path) -> Failure {
    let source = source.display();
    match error {
        BuildError::LockChanges { .. } => Failure::Refused(format!(
            "the Cargo.lock of {source} is missing or does not fit its Cargo.toml; take all files of the release, and change none"
        )),
        BuildError::PathInComponent { .. } => Failure::Refused(format!(
            "what {source} gives holds the path of the folder that it is built in, so every build gives other bytes, and whether this component comes from it cannot be told; ask its author to look for `env!(\"CARGO_MANIFEST_DIR\")`, and for a release by `cryptlet build --locked`, which refuses that"
        )),
        error => match build_failure(error) {
            Failure::Refused(reason) => {
                Failure::Refused(format!("a copy of {source} does not build: {reason}"))
            }
            failure => failure,
        },
    }
}

fn subject(provenance: &Provenance) -> String {
    let subject = provenance.subject.first().cloned().unwrap_or_default();
    let digest = subject.digest.into_iter().next();
    let digest = digest.map(|(algorithm, digest)| format!("{algorithm} {digest}"));
    [subject.name, digest]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// `cryptlet audit module --json`: a component beside what its source gives.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AuditedModule {
    /// Whether the source gives exactly this component.
    reproduced: bool,
    /// BLAKE3 of the component.
    measurement: String,
    /// BLAKE3 of what the source gives.
    rebuilt: String,
    /// The manifest that was built, by its name in the source tree.
    manifest: String,
    /// in-toto's dirHash of the source tree.
    source_tree: String,
    /// Whether the provenance says what was found here, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance_holds: Option<bool>,
    /// What differs, causes before their effects.
    differences: Vec<ShownDifference>,
}

/// One thing that differs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownDifference {
    /// `subject`, `toolchain`, `parameter`, `source-tree`, `lock-file` or `section`.
    name: &'static str,
    /// In what.
    says: String,
}

impl From<&Difference> for ShownDifference {
    fn from(difference: &Difference) -> Self {
        Self {
            name: difference.name(),
            says: difference.to_string(),
        }
    }
}

impl AuditedModule {
    fn verdict(&self, arguments: &Arguments) -> Result<(), Failure> {
        let Some(ShownDifference { name, says }) = self.differences.first() else {
            return Ok(());
        };
        let (component, source) = (arguments.component.display(), arguments.source.display());
        Err(Failure::Refused(if self.reproduced {
            format!("{source} gives {component}, but not as its provenance says ({name}): {says}")
        } else {
            format!("{component} is not what {source} gives here ({name}): {says}")
        }))
    }
}

fn print(compared: &AuditedModule, output: &mut impl Write) -> Result<(), Failure> {
    if compared.reproduced {
        writeln!(
            output,
            "{GOOD}reproduced{GOOD:#}: the source gives these bytes"
        )?;
    } else {
        writeln!(
            output,
            "{BAD}not reproduced{BAD:#}: the source gives other bytes"
        )?;
    }
    writeln!(output, "  measurement  {}", compared.measurement)?;
    if !compared.reproduced {
        writeln!(output, "  rebuilt      {}", compared.rebuilt)?;
    }
    writeln!(output, "  manifest     {}", printable(&compared.manifest))?;
    writeln!(output, "  source tree  {}", compared.source_tree)?;
    let provenance = match compared.provenance_holds {
        None => "none to compare with",
        Some(true) => "says what was found here",
        Some(false) => "says something else",
    };
    writeln!(output, "  provenance   {provenance}")?;
    for difference in &compared.differences {
        let (name, says) = (difference.name, printable(&difference.says));
        writeln!(output, "{HEADING}{name}:{HEADING:#} {says}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(error: BuildError) -> String {
        match not_built(error, Path::new("swap")) {
            Failure::Refused(sentence) => sentence,
            _ => panic!("an audit that cannot be done is refused"),
        }
    }

    #[test]
    fn a_source_that_builds_but_never_the_same_is_not_said_to_fail() {
        let said = sentence(BuildError::PathInComponent {
            package: "swap".to_owned(),
            path: "/tmp/copy/source".into(),
        });

        assert!(said.starts_with("what swap gives holds the path"), "{said}");
        assert!(!said.contains("does not build"), "{said}");
        // Nobody can look there any more.
        assert!(!said.contains("/tmp/copy"), "{said}");
    }
}

//! What `cryptlet diff` says.

use std::io::Write;
use std::sync::Arc;

use cryptlet_fabric::Binding;
use cryptlet_schema::{Bump, Change, ChangeKind, check_bump, compare_manifests};
use serde::Serialize;
use utoipa::ToSchema;

use super::agreement::{Agreement, ProposalKind, agreements};
use super::dependencies::{self, Dependencies, StatedBy};
use super::subject::Subject;
use crate::author::bytes;
use crate::failure::Failure;
use crate::terminal::{BAD, Cell, HEADING, Table, printable};

/// `cryptlet diff --json`: what another version of a cryptlet changes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct VersionDifference {
    /// The earlier version.
    before: ComparedVersion,
    /// The later version.
    after: ComparedVersion,
    /// How far the version number is raised: `patch`, `minor` or `major`. Absent if nothing is
    /// promised: of two cryptlets, of a number that is not raised, of what follows a pre-release.
    #[serde(skip_serializing_if = "Option::is_none")]
    bump: Option<String>,
    /// How far it has to be raised for what changed; absent if the manifests say the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    needed: Option<String>,
    /// Whether a host that has the earlier version deploys the later one.
    fits: bool,
    /// The first number that would do, if it does not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// What differs in the manifests.
    changes: Vec<ManifestChange>,
    /// What differs in the imports of the components.
    imports: ImportChanges,
    /// What the components were made of and with.
    dependencies: Dependencies,
    /// What counterparties must agree to, binding by binding.
    agreements: Vec<Agreement>,
}

/// One of the two.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ComparedVersion {
    /// File or NAME@VERSION, as the command line names it.
    source: String,
    /// The cryptlet.
    cryptlet: String,
    /// Its version.
    version: String,
    /// BLAKE3 of the component, in hex digits.
    measurement: String,
    /// Its size.
    bytes: u64,
    /// Its state version; absent if it keeps no state.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_version: Option<u32>,
    /// Whether it takes over the state of versions with a lower state version.
    migrates: bool,
    #[serde(skip)]
    is_pre_release: bool,
}

/// One thing that the manifests differ in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ManifestChange {
    /// The key of `cryptlet.toml`.
    what: String,
    /// `added`, `removed` or `changed`.
    kind: &'static str,
    /// What was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// What is there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// How far the version must be raised for it: `patch`, `minor` or `major`.
    least: String,
}

/// What differs in the imports.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ImportChanges {
    /// Only the later one imports them.
    added: Vec<String>,
    /// Only the earlier one did.
    removed: Vec<String>,
}

impl VersionDifference {
    /// Compares two versions; without bindings, with one that was made for the earlier version.
    pub fn of(
        before: &Subject,
        after: &Subject,
        bindings: Option<&[Arc<Binding>]>,
    ) -> Result<Self, Failure> {
        let changes = compare_manifests(&before.manifest, &after.manifest);
        let (was, is) = (&before.manifest.cryptlet, &after.manifest.cryptlet);
        let bump = (was.name == is.name)
            .then(|| Bump::between(&was.version, &is.version))
            .flatten();
        let remedy = check_bump(&before.manifest, &after.manifest)
            .err()
            .map(|breach| breach.needed().after(&was.version).to_string());
        let needed = changes.iter().map(|change| change.least).max();
        Ok(Self {
            before: ComparedVersion::of(before),
            after: ComparedVersion::of(after),
            bump: bump.map(|bump| bump.to_string()),
            needed: needed.map(|bump| bump.to_string()),
            fits: remedy.is_none(),
            remedy,
            changes: changes.into_iter().map(ManifestChange::from).collect(),
            imports: ImportChanges {
                added: missing_in(&before.interface.imports, &after.interface.imports),
                removed: missing_in(&after.interface.imports, &before.interface.imports),
            },
            dependencies: dependencies::compare(before, after)?,
            agreements: agreements(before, after, bindings),
        })
    }

    /// Prints it for people.
    pub fn print(&self, output: &mut impl Write) -> Result<(), Failure> {
        let (before, after) = (&self.before, &self.after);
        let title = format!(
            "{} {} -> {} {}",
            before.cryptlet, before.version, after.cryptlet, after.version
        );
        writeln!(output, "{HEADING}{}{HEADING:#}", printable(&title))?;
        for (label, was, is) in [
            ("component", before.source.clone(), after.source.clone()),
            (
                "measurement",
                before.measurement.clone(),
                after.measurement.clone(),
            ),
            ("size", bytes(before.bytes), bytes(after.bytes)),
            ("state version", before.state(), after.state()),
        ] {
            let is = if was == is { "the same".to_owned() } else { is };
            writeln!(output, "  {label:<15}{}", printable(&was))?;
            writeln!(output, "  {:<15}{}", "", printable(&is))?;
        }
        self.print_verdict(output)?;
        self.print_changes(output)?;
        self.print_imports(output)?;
        self.print_dependencies(output)?;
        self.print_agreements(output)
    }

    fn print_verdict(&self, output: &mut impl Write) -> Result<(), Failure> {
        let changes = match &self.needed {
            None => "its manifest says the same".to_owned(),
            Some(needed) => format!("its manifest changes what a {needed} version may"),
        };
        match (&self.bump, &self.remedy) {
            (Some(bump), None) => writeln!(output, "  {:<15}{bump}: {changes}", "raised by")?,
            (Some(bump), Some(remedy)) => writeln!(
                output,
                "  {:<15}{BAD}{bump}, which is too little{BAD:#}: {changes}; no host that has {} deploys it, call it {remedy} or later",
                "raised by", self.before.version
            )?,
            (None, _) => {
                let why = if self.before.cryptlet != self.after.cryptlet {
                    "these are two cryptlets"
                } else if self.before.is_pre_release {
                    "nobody is held to a pre-release"
                } else {
                    "the number is not raised"
                };
                writeln!(output, "  {:<15}nothing is: {why}; {changes}", "promised")?;
            }
        }
        Ok(())
    }

    fn print_changes(&self, output: &mut impl Write) -> Result<(), Failure> {
        if self.changes.is_empty() {
            return Ok(());
        }
        writeln!(output)?;
        let mut table = Table::new(["CHANGE", "TAKES"]);
        for change in &self.changes {
            table.row([Cell::from(&change.what), Cell::from(&change.least)]);
            for (sign, text) in [("-", &change.before), ("+", &change.after)] {
                if let Some(text) = text {
                    table.note(&format!("{sign} {text}"));
                }
            }
        }
        table.print(output)?;
        Ok(())
    }

    fn print_imports(&self, output: &mut impl Write) -> Result<(), Failure> {
        let ImportChanges { added, removed } = &self.imports;
        if added.is_empty() && removed.is_empty() {
            return Ok(());
        }
        writeln!(output, "\n{HEADING}IMPORTS{HEADING:#}")?;
        for (sign, names) in [("-", removed), ("+", added)] {
            for name in names {
                writeln!(output, "  {sign} {}", printable(name))?;
            }
        }
        Ok(())
    }

    fn print_dependencies(&self, output: &mut impl Write) -> Result<(), Failure> {
        let Dependencies { stated_by, changes } = &self.dependencies;
        writeln!(output)?;
        if !changes.is_empty() {
            let mut table = Table::new(["DEPENDENCY", "BEFORE", "AFTER"]);
            for change in changes {
                let cell = |version: &Option<String>| Cell::from(version.as_deref().unwrap_or(""));
                table.row([
                    Cell::from(&change.name),
                    cell(&change.before),
                    cell(&change.after),
                ]);
            }
            table.print(output)?;
        }
        match (stated_by, changes.is_empty()) {
            (StatedBy::Provenance, true) => {
                writeln!(output, "Both were made of and with the same.")?;
            }
            (StatedBy::Provenance, false) => {}
            (StatedBy::Components, _) => writeln!(
                output,
                "Only tools that name themselves were compared: not both files have the .provenance.json\nbeside them that `cryptlet build --locked` writes."
            )?,
        }
        Ok(())
    }

    fn print_agreements(&self, output: &mut impl Write) -> Result<(), Failure> {
        writeln!(output, "\n{HEADING}TO AGREE ON{HEADING:#}")?;
        if self.agreements.is_empty() {
            writeln!(output, "  nothing: no binding has to do with it")?;
        }
        for agreement in &self.agreements {
            let binding = match &agreement.binding {
                Some(name) => format!("binding {name}"),
                None => format!("a binding made for {}", self.before.version),
            };
            let proposal = match agreement.proposal {
                ProposalKind::None => "nothing, these bytes are agreed on",
                ProposalKind::Allow => "one more module; propose it with `cryptlet bind allow`",
                ProposalKind::Change => {
                    "another version of the binding; propose it with `cryptlet bind propose --change`"
                }
            };
            writeln!(output, "  {}: {proposal}", printable(&binding))?;
            for field in &agreement.fields {
                let line = format!("{} {}", field.key, field.reason);
                writeln!(output, "    {}", printable(&line))?;
            }
        }
        Ok(())
    }
}

impl ComparedVersion {
    fn of(subject: &Subject) -> Self {
        let identity = &subject.manifest.cryptlet;
        Self {
            source: subject.name.clone(),
            cryptlet: identity.name.clone(),
            version: identity.version.to_string(),
            measurement: subject.measurement().to_string(),
            bytes: subject.bytes.len() as u64,
            state_version: subject.manifest.state_version(),
            migrates: subject.migrates(),
            is_pre_release: !identity.version.pre.is_empty(),
        }
    }

    fn state(&self) -> String {
        match (self.state_version, self.migrates) {
            (None, _) => "keeps no state".to_owned(),
            (Some(version), true) => format!("{version}, migrates lower ones"),
            (Some(version), false) => version.to_string(),
        }
    }
}

impl From<Change> for ManifestChange {
    fn from(change: Change) -> Self {
        Self {
            kind: match change.kind() {
                ChangeKind::Added => "added",
                ChangeKind::Removed => "removed",
                ChangeKind::Changed => "changed",
            },
            what: change.what,
            before: change.before,
            after: change.after,
            least: change.least.to_string(),
        }
    }
}

/// Names of the second list that the first has not.
fn missing_in(list: &[String], other: &[String]) -> Vec<String> {
    let missing = other.iter().filter(|name| !list.contains(name));
    missing.cloned().collect()
}

//! What semantic versioning lets a version of a cryptlet change.

use std::fmt;

use semver::Version;
use serde::Serialize;

use crate::{Manifest, Message};

/// How far a version number is raised, or has to be.
///
/// Numbers are read as Cargo reads them: before 1.0.0 the first number that is not zero is the
/// major one, so 0.2.0 is major after 0.1.0, 0.1.1 minor after 0.1.0, and 0.0.2 major after 0.0.1.
/// A range such as `^0.1` of a binding is read in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bump {
    /// Speaks the same messages, asks for no more than before, and reads the same state.
    Patch,
    /// May add messages, ask for more, and raise the state version.
    Minor,
    /// May do anything.
    Major,
}

impl Bump {
    /// How far `after` is raised above `before`; none if it is not later, or if `before` is a
    /// pre-release, to which nobody is held.
    #[must_use]
    pub fn between(before: &Version, after: &Version) -> Option<Bump> {
        if after < before || !before.pre.is_empty() {
            return None;
        }
        Some(if before.major != after.major {
            Bump::Major
        } else if before.minor != after.minor {
            if before.major == 0 {
                Bump::Major
            } else {
                Bump::Minor
            }
        } else if before.patch == after.patch {
            // They differ in build metadata alone.
            Bump::Patch
        } else {
            match (before.major, before.minor) {
                (0, 0) => Bump::Major,
                (0, _) => Bump::Minor,
                _ => Bump::Patch,
            }
        })
    }

    /// The first release after `version` that is raised at least so far. A number that cannot be
    /// raised any more stays.
    #[must_use]
    pub fn after(self, version: &Version) -> Version {
        let Version {
            major,
            minor,
            patch,
            ..
        } = *version;
        match (self, major, minor) {
            (_, 0, 0) | (Bump::Minor, 0, _) | (Bump::Patch, _, _) => {
                Version::new(major, minor, patch.saturating_add(1))
            }
            (Bump::Major, 0, _) | (Bump::Minor, _, _) => {
                Version::new(major, minor.saturating_add(1), 0)
            }
            (Bump::Major, _, _) => Version::new(major.saturating_add(1), 0, 0),
        }
    }
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bump::Patch => "patch",
            Bump::Minor => "minor",
            Bump::Major => "major",
        })
    }
}

/// One thing that two manifests differ in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// The key of `cryptlet.toml`, such as `messages.actions`.
    pub what: String,
    /// What was there; nothing if it is new.
    pub before: Option<String>,
    /// What is there now; nothing if it is gone. Before or after, there is something.
    pub after: Option<String>,
    /// How far the version must be raised for it.
    pub least: Bump,
}

/// What became of a part of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

impl Change {
    /// What became of it.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        match (&self.before, &self.after) {
            (None, _) => ChangeKind::Added,
            (Some(_), None) => ChangeKind::Removed,
            (Some(_), Some(_)) => ChangeKind::Changed,
        }
    }
}

/// `messages.topics gains Netted(uint32 period)`
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{what} changes from {before} to {after}"),
            (Some(before), None) => write!(f, "{what} loses {before}"),
            (None, after) => write!(f, "{what} gains {}", after.as_deref().unwrap_or_default()),
        }
    }
}

/// A version changes more than its number says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Breach {
    /// The cryptlet.
    pub cryptlet: String,
    /// The earlier version.
    pub before: Version,
    /// The later version.
    pub after: Version,
    /// How far the later is raised above the earlier.
    pub bump: Bump,
    /// What it takes more than that for; at least one.
    pub changes: Vec<Change>,
}

impl Breach {
    /// How far the later version has to be raised.
    #[must_use]
    pub fn needed(&self) -> Bump {
        let needs = self.changes.iter().map(|change| change.least);
        needs.max().unwrap_or(self.bump)
    }
}

/// Changes that a sentence names; how many more there are is said, too.
const NAMED_CHANGES: usize = 8;

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Breach {
            cryptlet,
            before,
            after,
            bump,
            changes,
        } = self;
        write!(
            f,
            "{cryptlet} {after} is a {bump} version after {before}, and changes more than that:"
        )?;
        for (position, change) in changes.iter().take(NAMED_CHANGES).enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(f, "{comma} {change} (takes a {} version)", change.least)?;
        }
        match changes.len().saturating_sub(NAMED_CHANGES) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

/// Everything that two manifests differ in, and how far a version must be raised for it. Names and
/// versions are not compared; those of two cryptlets have little in common.
///
/// Messages are the same if they have the same name: the order of a list says nothing.
#[must_use]
pub fn compare_manifests(before: &Manifest, after: &Manifest) -> Vec<Change> {
    let mut found = Comparison::default();
    let (was, is) = (&before.messages, &after.messages);
    found.messages("messages.actions", &was.actions, &is.actions);
    found.messages(
        "messages.contract-events",
        &was.contract_events,
        &is.contract_events,
    );
    found.messages("messages.topics", &was.topics, &is.topics);
    for (what, was, is) in [
        ("messages.request", &was.request, &is.request),
        ("messages.reply", &was.reply, &is.reply),
    ] {
        found.part(what, text(was.as_ref()), text(is.as_ref()), Need::SCHEMA);
    }

    let (was, is) = (&before.capabilities, &after.capabilities);
    for (name, was, is) in [
        ("ledger", was.ledger, is.ledger),
        ("events", was.events, is.events),
        ("state", was.state, is.state),
        ("http", was.http, is.http),
        ("log", was.log, is.log),
        ("wasi", was.wasi, is.wasi),
    ] {
        let name = |asked: bool| asked.then(|| name.to_owned());
        found.part("capabilities", name(was), name(is), Need::CAPABILITY);
    }
    found.names(
        "capabilities.sources",
        &was.sources,
        &is.sources,
        Need::CAPABILITY,
    );
    found.names(
        "capabilities.keychain",
        &was.keychain,
        &is.keychain,
        Need::CAPABILITY,
    );
    found.names(
        "capabilities.directories",
        &was.directories,
        &is.directories,
        Need::CAPABILITY,
    );

    let (was, is) = (before.state_version(), after.state_version());
    let said = |version: Option<u32>| version.map(|version| version.to_string());
    let need = if is > was {
        Need::CAPABILITY
    } else {
        Need::STATE_LOST
    };
    found.part("state.version", said(was), said(is), need);

    let kind = |manifest: &Manifest| Some(manifest.cryptlet.kind.to_string());
    found.part("cryptlet.kind", kind(before), kind(after), Need::KIND);
    let description = |manifest: &Manifest| Some(manifest.cryptlet.description.clone());
    found.part(
        "cryptlet.description",
        description(before),
        description(after),
        Need::NOTHING,
    );
    let limits = before
        .limits
        .entries()
        .into_iter()
        .zip(after.limits.entries());
    for ((name, was), (_, is)) in limits {
        let what = format!("limits.{name}");
        found.part(
            &what,
            Some(was.to_string()),
            Some(is.to_string()),
            Need::NOTHING,
        );
    }
    found.names(
        "build.features",
        &before.build.features,
        &after.build.features,
        Need::NOTHING,
    );
    let target = |manifest: &Manifest| manifest.build.wasi.then(|| "wasi".to_owned());
    found.part("build", target(before), target(after), Need::NOTHING);
    found.changes
}

/// Checks that `after` changes no more than its number says.
///
/// # Errors
///
/// What it changes beyond that. Nothing is said of another cryptlet, of one that is not later, and
/// of what follows a pre-release.
pub fn check_bump(before: &Manifest, after: &Manifest) -> Result<(), Box<Breach>> {
    let (was, is) = (&before.cryptlet, &after.cryptlet);
    let Some(bump) = Bump::between(&was.version, &is.version) else {
        return Ok(());
    };
    if was.name != is.name {
        return Ok(());
    }
    let mut changes = compare_manifests(before, after);
    changes.retain(|change| change.least > bump);
    if changes.is_empty() {
        return Ok(());
    }
    Err(Box::new(Breach {
        cryptlet: is.name.clone(),
        before: was.version.clone(),
        after: is.version.clone(),
        bump,
        changes,
    }))
}

/// The versions that a new one has to fit among those there are: the next lower and the next higher
/// release. Whoever fits those fits all. A pre-release has to fit the lower one alone.
#[must_use]
pub fn neighbours<'a>(
    versions: impl IntoIterator<Item = &'a Version>,
    new: &Version,
) -> (Option<&'a Version>, Option<&'a Version>) {
    let (mut lower, mut higher) = (None, None);
    for version in versions {
        if !version.pre.is_empty() {
            continue;
        }
        if version < new {
            lower = lower.max(Some(version));
        } else if version > new && new.pre.is_empty() {
            higher = Some(higher.map_or(version, |higher: &Version| higher.min(version)));
        }
    }
    (lower, higher)
}

/// How far a version must be raised for what becomes of one part.
#[derive(Clone, Copy)]
struct Need {
    added: Bump,
    removed: Bump,
    changed: Bump,
}

impl Need {
    /// Others read and write it, and they are there already.
    const SCHEMA: Need = Need {
        added: Bump::Minor,
        removed: Bump::Major,
        changed: Bump::Major,
    };
    /// Counterparties grant it: more is for them to decide, less hurts nobody.
    const CAPABILITY: Need = Need {
        added: Bump::Minor,
        removed: Bump::Patch,
        changed: Bump::Minor,
    };
    /// What a binding has kept cannot be read any more.
    const STATE_LOST: Need = Need {
        added: Bump::Major,
        removed: Bump::Major,
        changed: Bump::Major,
    };
    /// Another kind of cryptlet is bound in another way.
    const KIND: Need = Need {
        added: Bump::Major,
        removed: Bump::Major,
        changed: Bump::Major,
    };
    /// Nobody relies on it: a host and a binding have limits of their own.
    const NOTHING: Need = Need {
        added: Bump::Patch,
        removed: Bump::Patch,
        changed: Bump::Patch,
    };
}

#[derive(Default)]
struct Comparison {
    changes: Vec<Change>,
}

impl Comparison {
    fn part(&mut self, what: &str, before: Option<String>, after: Option<String>, need: Need) {
        if before == after {
            return;
        }
        let mut change = Change {
            what: what.to_owned(),
            before,
            after,
            least: Bump::Patch,
        };
        change.least = match change.kind() {
            ChangeKind::Added => need.added,
            ChangeKind::Removed => need.removed,
            ChangeKind::Changed => need.changed,
        };
        self.changes.push(change);
    }

    /// Messages of a list, which have names of their own.
    fn messages(&mut self, what: &str, before: &[Message], after: &[Message]) {
        let named = |messages: &[Message], name: &str| {
            text(messages.iter().find(|message| message.name() == name))
        };
        for message in before {
            let is = named(after, message.name());
            self.part(what, Some(message.to_string()), is, Need::SCHEMA);
        }
        for message in after {
            if named(before, message.name()).is_none() {
                self.part(what, None, Some(message.to_string()), Need::SCHEMA);
            }
        }
    }

    /// Names of a list; none is there twice.
    fn names(&mut self, what: &str, before: &[String], after: &[String], need: Need) {
        for name in before.iter().filter(|name| !after.contains(name)) {
            self.part(what, Some(name.clone()), None, need);
        }
        for name in after.iter().filter(|name| !before.contains(name)) {
            self.part(what, None, Some(name.clone()), need);
        }
    }
}

fn text(message: Option<&Message>) -> Option<String> {
    message.map(Message::to_string)
}

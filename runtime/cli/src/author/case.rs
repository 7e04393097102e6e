//! A case: a folder with an input, the outside, and what is expected of the run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cryptlet_container::{Container, Cryptlet};
use cryptlet_fabric::Directories;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::run;
use super::sandbox::{
    GivenPage, Input, Outside, RunReport, Session, State, Usage, instant, read_state,
};
use crate::failure::Failure;

const EXPECTED: &str = "expected.json";

/// A case's name, which is its folder's, and the folder.
pub struct Case {
    /// The name.
    pub name: String,
    folder: PathBuf,
}

/// What a case came to.
pub enum Verdict {
    /// As expected.
    Passed,
    /// Otherwise; the new expectation was written.
    Accepted,
    /// Otherwise: both as texts.
    Differs {
        /// What `expected.json` says; nothing if it is not there.
        expected: String,
        /// What the run came to.
        found: String,
    },
    /// It could not run.
    Broken(String),
}

/// A case that was run.
pub struct Tried {
    /// How it compares.
    pub verdict: Verdict,
    /// What it used; nothing if it could not run.
    pub usage: Vec<Usage>,
}

/// What `expected.json` holds: what a run came to, without what it cost.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    outcome: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    actions: Vec<ExpectedAction>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    events: Vec<ExpectedEvent>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    state: BTreeMap<String, Option<Value>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ExpectedAction {
    action: String,
    fields: Value,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ExpectedEvent {
    topic: String,
    body: Value,
}

impl Case {
    /// The cases of a project whose name contains `filter`, in the order of their names.
    ///
    /// # Errors
    ///
    /// The folder of cases cannot be read.
    pub fn all(project: &Path, filter: &str) -> Result<Vec<Self>, Failure> {
        let folder = project.join("cases");
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut cases = Vec::new();
        for path in entries(&folder).map_err(Failure::Usage)? {
            let name = file_name(&path);
            if path.is_dir() && name.contains(filter) {
                cases.push(Self { name, folder: path });
            }
        }
        Ok(cases)
    }

    /// Runs it and compares; with `accept`, a difference becomes the expectation.
    pub fn run(&self, container: &Container, cryptlet: &Cryptlet, accept: bool) -> Tried {
        match self.report(container, cryptlet) {
            Err(reason) => Tried {
                verdict: Verdict::Broken(reason),
                usage: Vec::new(),
            },
            Ok(report) => Tried {
                verdict: self
                    .compare(&report, accept)
                    .unwrap_or_else(Verdict::Broken),
                usage: report.usage,
            },
        }
    }

    fn report(&self, container: &Container, cryptlet: &Cryptlet) -> Result<RunReport, String> {
        let path = |name: &str| self.folder.join(name);
        let input = Input::read(&path("input.json"), cryptlet.manifest())?;
        let at = match fs::read_to_string(path("instant")) {
            Ok(text) => Some(instant(text.trim())?),
            Err(_) => None,
        };
        let state = if path("state.json").exists() {
            read_state(&path("state.json"))?
        } else {
            State::new()
        };
        let mut pages = pages(None, &path("pages"))?;
        let mut files = Vec::new();
        if path("sources").is_dir() {
            for entry in entries(&path("sources"))? {
                if entry.is_dir() {
                    let name = file_name(&entry);
                    pages.extend(self::pages(Some(&name), &entry.join("pages"))?);
                } else {
                    let stem = entry.file_stem().unwrap_or_default();
                    files.push((stem.to_string_lossy().into_owned(), entry));
                }
            }
        }
        let (directories, directory_bytes) = directories(&path("directories"))?;
        let session = Session {
            container,
            cryptlet,
            input: input.at(at),
            state,
            sources: run::sources(container, &files).map_err(|failure| failure.to_string())?,
            directory_bytes,
            outside: Arc::new(
                Outside::new(
                    &cryptlet.manifest().messages.actions,
                    pages,
                    Vec::new(),
                    None,
                )?
                .with_directories(directories),
            ),
        };
        run::report(&session).map_err(|failure| failure.to_string())
    }

    fn compare(&self, report: &RunReport, accept: bool) -> Result<Verdict, String> {
        let path = self.folder.join(EXPECTED);
        let found = text(&Expected::of(report));
        let expected = match fs::read_to_string(&path) {
            Ok(written) => {
                let read: Result<Expected, _> = serde_json::from_str(&written);
                match read {
                    Ok(expected) => text(&expected),
                    Err(_) if accept => String::new(),
                    Err(error) => return Err(format!("{EXPECTED}: {error}")),
                }
            }
            Err(_) => String::new(),
        };
        if expected == found {
            return Ok(Verdict::Passed);
        }
        if accept {
            return match fs::write(&path, &found) {
                Ok(()) => Ok(Verdict::Accepted),
                Err(error) => Err(format!("cannot write {}: {error}", path.display())),
            };
        }
        Ok(Verdict::Differs { expected, found })
    }
}

impl Expected {
    fn of(report: &RunReport) -> Self {
        let actions = report.actions.iter().map(|action| ExpectedAction {
            action: action.action.clone(),
            fields: action.fields.clone(),
        });
        let events = report.events.iter().map(|event| ExpectedEvent {
            topic: event.topic.clone(),
            body: event.body.clone(),
        });
        Self {
            outcome: report.outcome.clone(),
            reply: report.reply.clone().filter(|reply| !reply.is_null()),
            actions: actions.collect(),
            events: events.collect(),
            state: report.state.clone(),
        }
    }
}

fn text(expected: &Expected) -> String {
    let text = serde_json::to_string_pretty(expected);
    text.expect("names and JSON values are JSON") + "\n"
}

/// Every file below a folder of pages: the first folder is the grant, the rest the path.
fn pages(source: Option<&str>, folder: &Path) -> Result<Vec<GivenPage>, String> {
    let mut pages = Vec::new();
    if !folder.is_dir() {
        return Ok(pages);
    }
    for grant in entries(folder)? {
        let name = file_name(&grant);
        let mut below = vec![(String::new(), grant)];
        while let Some((path, place)) = below.pop() {
            if place.is_dir() {
                for entry in entries(&place)? {
                    let path = match path.as_str() {
                        "" => file_name(&entry),
                        path => format!("{path}/{}", file_name(&entry)),
                    };
                    below.push((path, entry));
                }
                continue;
            }
            if path.is_empty() {
                return Err(format!(
                    "{} belongs into a folder with the name of its grant",
                    place.display()
                ));
            }
            pages.push(GivenPage {
                source: source.map(str::to_owned),
                grant: name.clone(),
                path,
                body: fs::read(&place)
                    .map_err(|error| format!("cannot read {}: {error}", place.display()))?,
            });
        }
    }
    Ok(pages)
}

/// Every folder of a folder, by its name, and the bounds that lie beside them in `NAME.bytes`.
fn directories(folder: &Path) -> Result<(Directories, BTreeMap<String, u64>), String> {
    let mut places = BTreeMap::new();
    let mut bounds = BTreeMap::new();
    if folder.is_dir() {
        for place in entries(folder)? {
            let name = file_name(&place);
            match name.strip_suffix(".bytes") {
                Some(bounded) => {
                    bounds.insert(bounded.to_owned(), bound(&place)?);
                }
                None => {
                    places.insert(name, place);
                }
            }
        }
    }
    Ok((Directories::new(places), bounds))
}

fn bound(file: &Path) -> Result<u64, String> {
    let text = fs::read_to_string(file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    run::number(text.trim()).map_err(|reason| format!("{}: {reason}", file.display()))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        paths.push(entry.map_err(cannot)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_named_by_the_folders_they_lie_in() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("rates/2026/q1");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("a.json"), "1").unwrap();

        let pages = pages(Some("s"), folder.path()).unwrap();

        assert_eq!(pages.len(), 1);
        assert_eq!(
            (pages[0].grant.as_str(), pages[0].path.as_str()),
            ("rates", "2026/q1/a.json")
        );
        fs::write(folder.path().join("stray"), "1").unwrap();
        assert!(self::pages(None, folder.path()).is_err());
    }

    #[test]
    fn directories_are_the_folders_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("documents")).unwrap();
        fs::create_dir_all(folder.path().join("tables")).unwrap();
        let bound = folder.path().join("tables.bytes");
        fs::write(&bound, "4096\n").unwrap();

        let (found, bounds) = directories(folder.path()).unwrap();

        assert!(found.has("documents") && found.has("tables") && !found.has("others"));
        assert_eq!(bounds, BTreeMap::from([("tables".to_owned(), 4096)]));
        let (none, _) = directories(&folder.path().join("none")).unwrap();
        assert!(!none.has("documents"));
        fs::write(&bound, "4 KiB").unwrap();
        let refused = directories(folder.path()).err().unwrap();
        assert!(refused.contains("tables.bytes: `4 KiB` is no number of bytes"));
    }
}

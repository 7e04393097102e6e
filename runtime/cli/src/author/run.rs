//! `cryptlet run`: one invocation in the real container, and what it cost.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use cryptlet_container::Container;
use cryptlet_fabric::{Directories, PublicWeb, Web};
use url::Url;

use super::bench::{self, Component};
use super::project::Choice;
use super::sandbox::{
    FixedSource, GivenPage, GivenSite, GivenSource, Input, Outside, RunReport, Session, State,
    instant, read_state,
};
use crate::failure::Failure;

#[derive(Args)]
#[command(after_help = "\
INPUT, for a contract cryptlet one of
    {\"event\": \"GoodsReceived\", \"fields\": {…}}
    {\"message\": \"Dispute\", \"sender\": \"acme\", \"body\": {…}}
    {\"schedule\": \"2026-01-01T00:00:00Z\"}
    {\"submission\": 3, \"status\": \"finalized\"}
and for a utility cryptlet the request itself.

A SOURCE is a component, run for real, or a JSON file: a reply, or a list of
    {\"request\": {…}, \"reply\": {…}}
    {\"request\": {…}, \"failure\": {\"code\": \"…\", \"message\": \"…\"}}

Examples:
    cryptlet run --input due.json --source exchange-rate=rates.json
    cryptlet run rates.wasm --input eur.json --page rates/latest.json=latest.json
    cryptlet run file-notary.wasm --input path.json --directory documents=papers
    cryptlet run --input due.json --source exchange-rate=rates.wasm \\
        --http exchange-rate:rates=https://rates.example/ --state before.json --json")]
pub struct Arguments {
    /// The component; without it, the project's own, built if need be.
    #[arg(value_name = "COMPONENT")]
    component: Option<PathBuf>,
    #[command(flatten)]
    project: Choice,
    /// Why it runs, as JSON; `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// What stands behind the name of a source: fixed answers or a component.
    #[arg(long = "source", value_name = "NAME=FILE", value_parser = source)]
    sources: Vec<(String, PathBuf)>,
    /// A file for what `grant://GRANT/PATH` fetches. Other paths of that grant are not found.
    #[arg(long = "page", value_name = "[SOURCE:]GRANT/PATH=FILE", value_parser = page)]
    pages: Vec<Page>,
    /// A real address for an HTTP grant: the run reaches into the network.
    #[arg(long = "http", value_name = "[SOURCE:]GRANT=URL", value_parser = site)]
    sites: Vec<GivenSite>,
    /// A folder that stands for a directory that the manifest names.
    #[arg(long = "directory", value_name = "NAME=FOLDER", value_parser = directory)]
    directories: Vec<(String, PathBuf)>,
    /// Most bytes that the run may read of a directory, as `bytes` in the binding's grant; 1 MiB without it.
    #[arg(long, value_name = "NAME=BYTES", value_parser = directory_bytes)]
    directory_bytes: Vec<(String, u64)>,
    /// The binding's state before the run, a JSON object.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// When it runs, in RFC 3339 or milliseconds since 1970; without it, when the input's
    /// schedule says, or at the beginning of 2026.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    instant: Option<u64>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Where a page lies.
#[derive(Clone, Debug, PartialEq)]
struct Page {
    source: Option<String>,
    grant: String,
    path: String,
    file: PathBuf,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let component = Component::of(arguments.component.as_deref(), &arguments.project)?;
    let container = bench::container()?;
    let cryptlet = component.load(&container)?;
    let manifest = cryptlet.manifest();
    let input = Input::read(&arguments.input, manifest)
        .map_err(Failure::Usage)?
        .at(arguments.instant);
    let state = match &arguments.state {
        Some(path) => read_state(path).map_err(Failure::Usage)?,
        None => State::new(),
    };
    let asked = &manifest.capabilities.sources;
    let sources = sources(&container, &arguments.sources)?;
    let strangers = sources.keys().map(String::as_str).chain(
        arguments
            .pages
            .iter()
            .map(|page| &page.source)
            .chain(arguments.sites.iter().map(|site| &site.source))
            .flatten()
            .map(String::as_str),
    );
    for name in strangers {
        if !asked.iter().any(|asked| asked == name) {
            return Err(Failure::Usage(format!(
                "{} asks for no source `{name}`; it asks for {}",
                manifest.cryptlet.name,
                if asked.is_empty() {
                    "none".to_owned()
                } else {
                    asked.join(", ")
                }
            )));
        }
    }
    let pages = arguments.pages.iter().map(read_page);
    let outside = Outside::new(
        &manifest.messages.actions,
        pages.collect::<Result<_, _>>()?,
        arguments.sites.clone(),
        web(&arguments.sites)?,
    );
    let directories = Directories::new(arguments.directories.iter().cloned().collect());
    directories
        .check()
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let session = Session {
        container: &container,
        cryptlet: &cryptlet,
        input,
        state,
        sources,
        directory_bytes: bounds(arguments)?,
        outside: Arc::new(
            outside
                .map_err(Failure::Usage)?
                .with_directories(directories),
        ),
    };
    let report = report(&session)?;
    if arguments.json {
        super::print_json(&report, output)?;
    } else {
        report.print(output)?;
        super::warn(&report.notes);
    }
    if report.succeeded {
        Ok(())
    } else {
        output.flush()?;
        Err(Failure::Refused(format!(
            "{} did not succeed: {}",
            report.cryptlet, report.outcome
        )))
    }
}

/// Runs the session and says what came of it.
///
/// # Errors
///
/// It could not run at all.
pub fn report(session: &Session<'_>) -> Result<RunReport, Failure> {
    let run = session.run().map_err(Failure::Refused)?;
    let missed = session.outside.missed();
    let notes = missed.into_iter().map(|url| {
        format!(
            "{url} was not found: no page is given that lies there; give --page GRANT/PATH=FILE"
        )
    });
    Ok(RunReport::of(
        session.cryptlet,
        &session.input,
        &run,
        notes.collect(),
    ))
}

/// The sources in files: a component if the name says so, else fixed answers.
///
/// # Errors
///
/// A file cannot be read, or is neither.
pub fn sources(
    container: &Container,
    files: &[(String, PathBuf)],
) -> Result<BTreeMap<String, GivenSource>, Failure> {
    let mut sources = BTreeMap::new();
    for (name, file) in files {
        let source = if file.extension().is_some_and(|end| end == "wasm") {
            GivenSource::Component(Component::read(file)?.load(container)?)
        } else {
            let text =
                fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))?;
            GivenSource::Fixed(FixedSource::parse(file, &text).map_err(Failure::Usage)?)
        };
        if sources.insert(name.clone(), source).is_some() {
            return Err(Failure::Usage(format!(
                "source `{name}` is given twice; keep one"
            )));
        }
    }
    Ok(sources)
}

/// What each directory is bounded by. Those without a bound here have the one that a grant has.
fn bounds(arguments: &Arguments) -> Result<BTreeMap<String, u64>, Failure> {
    let mut bounds = BTreeMap::new();
    for (name, bytes) in &arguments.directory_bytes {
        if !arguments.directories.iter().any(|(given, _)| given == name) {
            return Err(Failure::Usage(format!(
                "--directory-bytes bounds `{name}`, which is not given; add --directory {name}=FOLDER"
            )));
        }
        if bounds.insert(name.clone(), *bytes).is_some() {
            return Err(Failure::Usage(format!(
                "--directory-bytes bounds `{name}` twice; keep one"
            )));
        }
    }
    Ok(bounds)
}

/// The network, if anybody asked for it.
fn web(sites: &[GivenSite]) -> Result<Option<Arc<dyn Web>>, Failure> {
    if sites.is_empty() {
        return Ok(None);
    }
    let web = PublicWeb::new()
        .map_err(|error| Failure::Refused(format!("TLS does not start here: {error}")))?;
    Ok(Some(Arc::new(web)))
}

fn read_page(page: &Page) -> Result<GivenPage, Failure> {
    Ok(GivenPage {
        source: page.source.clone(),
        grant: page.grant.clone(),
        path: page.path.clone(),
        body: fs::read(&page.file).map_err(|error| Failure::unreadable(&page.file, &error))?,
    })
}

fn source(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), file.into()))
        }
        _ => Err("write NAME=FILE".to_owned()),
    }
}

fn directory(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, folder)) if !name.is_empty() && !folder.is_empty() => {
            Ok((name.to_owned(), folder.into()))
        }
        _ => Err("write NAME=FOLDER".to_owned()),
    }
}

fn directory_bytes(text: &str) -> Result<(String, u64), String> {
    match text.split_once('=') {
        Some((name, bytes)) if !name.is_empty() => Ok((name.to_owned(), number(bytes)?)),
        _ => Err("write NAME=BYTES".to_owned()),
    }
}

/// Bytes as a binding says them.
///
/// # Errors
///
/// The text is no number.
pub fn number(text: &str) -> Result<u64, String> {
    let parsed = text.parse();
    parsed.map_err(|_| format!("`{text}` is no number of bytes; write one like 4194304"))
}

fn page(text: &str) -> Result<Page, String> {
    let parts = || {
        let (place, file) = text.split_once('=')?;
        let (grant, path) = place.split_once('/')?;
        let (source, grant) = owner(grant);
        (!grant.is_empty() && !path.is_empty() && !file.is_empty()).then(|| Page {
            source,
            grant,
            path: path.to_owned(),
            file: file.into(),
        })
    };
    parts().ok_or_else(|| "write GRANT/PATH=FILE, or SOURCE:GRANT/PATH=FILE".to_owned())
}

fn site(text: &str) -> Result<GivenSite, String> {
    let (grant, url) = text
        .split_once('=')
        .ok_or("write GRANT=URL, or SOURCE:GRANT=URL")?;
    let base = Url::parse(url).map_err(|error| format!("`{url}` is no URL: {error}"))?;
    let (source, grant) = owner(grant);
    Ok(GivenSite {
        source,
        grant,
        base,
    })
}

fn owner(grant: &str) -> (Option<String>, String) {
    match grant.split_once(':') {
        Some((source, grant)) => (Some(source.to_owned()), grant.to_owned()),
        None => (None, grant.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_page_names_grant_path_and_file() {
        let read = page("rates/a/b.json=x=y.json").unwrap();
        assert_eq!(
            (read.source, read.grant.as_str(), read.path.as_str()),
            (None, "rates", "a/b.json")
        );
        assert_eq!(read.file, Path::new("x=y.json"));
        assert_eq!(page("s:rates/a=f").unwrap().source.as_deref(), Some("s"));
        for odd in ["rates=f", "rates/=f", "/a=f", "rates/a", "rates/a="] {
            assert!(page(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_site_names_grant_and_address() {
        let read = site("s:rates=https://rates.example/v1/").unwrap();
        assert_eq!(
            (read.source.as_deref(), read.grant.as_str()),
            (Some("s"), "rates")
        );
        assert!(site("rates=nowhere").is_err());
        assert!(source("rates").is_err() && source("=f").is_err());
        assert!(directory("documents").is_err() && directory("documents=").is_err());
        assert_eq!(directory_bytes("a=5"), Ok(("a".to_owned(), 5)));
        for odd in ["a", "=5", "a=", "a=1 MiB", "a=-1"] {
            assert!(directory_bytes(odd).is_err(), "{odd}");
        }
    }
}

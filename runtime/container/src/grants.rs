//! What a binding gives its cryptlet. Nothing is given by default.

use std::collections::BTreeMap;
use std::time::Duration;

use cryptlet_schema::{Capabilities, Kind, Limits};
use url::Url;

use crate::Cryptlet;
use crate::files::MOST_DIRECTORY_BYTES;
use crate::services::HttpError;

/// What a binding gives. A capability works only if the manifest asks for it and the binding gives it.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// `transaction-builder` and `router`.
    pub ledger: bool,
    /// `events`.
    pub events: bool,
    /// `state`.
    pub state: bool,
    /// `log`.
    pub log: bool,
    /// The virtual WASI.
    pub wasi: bool,
    /// Keys by name.
    pub keys: Vec<String>,
    /// Where `http` may go, by name.
    pub http: BTreeMap<String, HttpGrant>,
    /// What WASI may read, by name: `documents` is the directory `/documents`.
    pub directories: BTreeMap<String, DirectoryGrant>,
    /// Utility cryptlets that may be asked, by name.
    pub sources: BTreeMap<String, Source>,
    /// Limits below those of the manifest; the lower one of each counts.
    pub limits: Option<Limits>,
}

impl Grants {
    /// Checks that every grant of `http` bounds something, whatever a cryptlet asks for.
    ///
    /// # Errors
    ///
    /// Names the first one that cannot be used.
    pub fn check_http(&self) -> Result<(), GrantError> {
        self.http
            .iter()
            .try_for_each(|(name, grant)| check_http(name, grant))
    }

    /// Checks that every grant of a directory has a name and bytes that can be, and that all together
    /// give no more than [`MOST_DIRECTORY_BYTES`].
    ///
    /// # Errors
    ///
    /// Names the first one that cannot be used.
    pub fn check_directories(&self) -> Result<(), GrantError> {
        let mut together: u64 = 0;
        for (name, grant) in &self.directories {
            check_directory(name, grant)?;
            together = together.saturating_add(grant.bytes);
            if together > MOST_DIRECTORY_BYTES {
                return Err(GrantError::Directory {
                    name: name.clone(),
                    reason: format!(
                        "{together} bytes with the directories before it; all together have \
                         {MOST_DIRECTORY_BYTES} at most"
                    ),
                });
            }
        }
        Ok(())
    }

    /// Where a guest's request goes: the absolute address, inside a grant that allows the method.
    ///
    /// # Errors
    ///
    /// What the guest hears instead of an answer.
    pub fn reach(&self, method: &str, address: &str) -> Result<Url, HttpError> {
        crate::address::resolve(&self.http, method, address).map(|found| found.url)
    }
}

/// One place that `http` may reach: `grant://<name>/<path>` stands for `base` with that path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGrant {
    /// Scheme, host, port and path prefix; nothing outside is reachable.
    pub base: Url,
    /// Methods in upper case.
    pub methods: Vec<String>,
    /// How much may be asked of it.
    pub bounds: HttpBounds,
}

/// How much one run may ask of one HTTP grant, beside the limits of the run. A request beyond them
/// fails; the guest hears it and may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpBounds {
    /// Requests in one run.
    pub requests: u64,
    /// Bytes of one request: method, address, headers and body.
    pub request_bytes: u64,
    /// Bytes of one answer: headers and body.
    pub response_bytes: u64,
    /// From the resolution of the name to the end of the answer's body.
    pub timeout: Duration,
}

impl HttpBounds {
    /// The most that a grant can give.
    pub const MAXIMUM: HttpBounds = HttpBounds {
        requests: Limits::MAXIMUM.host_calls,
        request_bytes: Limits::MAXIMUM.output_bytes,
        response_bytes: Limits::MAXIMUM.http_response_bytes,
        timeout: Duration::from_millis(Limits::MAXIMUM.wall_clock_milliseconds),
    };

    /// The first bound, as a binding calls it, that nothing could pass or that is more than
    /// [`MAXIMUM`](Self::MAXIMUM), and the most that it can be.
    #[must_use]
    pub fn unfit(&self) -> Option<(&'static str, u64)> {
        let most = Self::MAXIMUM.entries();
        let entries = self.entries().into_iter().zip(most);
        let mut unfit = entries.filter(|((_, value), (_, most))| !(1..=*most).contains(value));
        unfit.next().map(|((name, _), (_, most))| (name, most))
    }

    /// Names, as in a binding, and values, in a fixed order.
    #[must_use]
    pub fn entries(&self) -> [(&'static str, u64); 4] {
        let milliseconds = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        [
            ("requests", self.requests),
            ("request-bytes", self.request_bytes),
            ("response-bytes", self.response_bytes),
            ("timeout-milliseconds", milliseconds),
        ]
    }
}

/// No less than the limits of an ordinary host leave to a run in any case, but for the time.
impl Default for HttpBounds {
    fn default() -> Self {
        HttpBounds {
            requests: 4_000,
            request_bytes: 2 << 20,
            response_bytes: 16 << 20,
            timeout: Duration::from_secs(30),
        }
    }
}

impl HttpGrant {
    /// A grant to read: GET and HEAD.
    pub fn reading(base: Url) -> HttpGrant {
        HttpGrant {
            base,
            methods: vec!["GET".to_owned(), "HEAD".to_owned()],
            bounds: HttpBounds::default(),
        }
    }
}

/// One directory that may be read. Where it lies is for the host to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryGrant {
    /// The most bytes of it that one run may read: contents of files, and of listings the names with
    /// 256 bytes more for each. From 1 to [`MOST_DIRECTORY_BYTES`], which all directories of a
    /// cryptlet share.
    pub bytes: u64,
}

impl Default for DirectoryGrant {
    /// One MiB.
    fn default() -> DirectoryGrant {
        DirectoryGrant { bytes: 1 << 20 }
    }
}

/// A utility cryptlet that may be asked, with what it is given itself.
#[derive(Clone, Debug)]
pub struct Source {
    /// What answers.
    pub cryptlet: Cryptlet,
    /// What it is given.
    pub grants: Grants,
}

/// Grants do not fit what the cryptlet asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// The manifest asks for something that the binding does not give.
    #[error(
        "cryptlet `{cryptlet}` asks for {capability}, which the binding does not grant; \
         grant it or take a version whose manifest does without"
    )]
    Missing {
        /// Name of the cryptlet.
        cryptlet: String,
        /// What is missing, as the manifest calls it.
        capability: String,
    },
    /// A source is no utility cryptlet.
    #[error("source `{name}` is a contract cryptlet; only utility cryptlets can be asked")]
    NotAUtility {
        /// Name of the source.
        name: String,
    },
    /// The base of an HTTP grant cannot bound anything.
    #[error("HTTP grant `{name}`: base {base} {reason}")]
    Base {
        /// Name of the grant.
        name: String,
        /// The base as given.
        base: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A grant's name or method cannot be used.
    #[error("HTTP grant `{name}`: {reason}")]
    Http {
        /// Name of the grant.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A grant of a directory has a name or a bound that cannot be.
    #[error("directory `{name}`: {reason}")]
    Directory {
        /// Name of the grant.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Something about a source's own grants.
    #[error("source `{name}`: {error}")]
    Source {
        /// Name of the source.
        name: String,
        /// What is wrong with it.
        error: Box<GrantError>,
    },
}

/// Checks that `grants` give all that `cryptlet` asks for, all the way down its sources.
pub(crate) fn check(cryptlet: &Cryptlet, grants: &Grants) -> Result<(), GrantError> {
    let manifest = cryptlet.manifest();
    if let Some(capability) = first_missing(&manifest.capabilities, grants) {
        return Err(GrantError::Missing {
            cryptlet: manifest.cryptlet.name.clone(),
            capability,
        });
    }
    grants.check_http()?;
    grants.check_directories()?;
    for (name, source) in &grants.sources {
        if source.cryptlet.manifest().cryptlet.kind != Kind::Utility {
            return Err(GrantError::NotAUtility { name: name.clone() });
        }
        check(&source.cryptlet, &source.grants).map_err(|error| GrantError::Source {
            name: name.clone(),
            error: Box::new(error),
        })?;
    }
    Ok(())
}

fn first_missing(asked: &Capabilities, given: &Grants) -> Option<String> {
    let switches = [
        ("ledger", asked.ledger, given.ledger),
        ("events", asked.events, given.events),
        ("state", asked.state, given.state),
        ("log", asked.log, given.log),
        ("wasi", asked.wasi, given.wasi),
        ("http", asked.http, !given.http.is_empty()),
    ];
    if let Some((name, ..)) = switches.iter().find(|(_, asked, given)| *asked && !given) {
        return Some((*name).to_owned());
    }
    if let Some(key) = asked.keychain.iter().find(|key| !given.keys.contains(key)) {
        return Some(format!("key `{key}`"));
    }
    let mut directories = asked.directories.iter();
    if let Some(name) = directories.find(|name| !given.directories.contains_key(*name)) {
        return Some(format!("directory `{name}`"));
    }
    asked
        .sources
        .iter()
        .find(|name| !given.sources.contains_key(*name))
        .map(|name| format!("source `{name}`"))
}

fn is_name(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !name.is_empty() && name.bytes().all(is_plain)
}

fn check_directory(name: &str, grant: &DirectoryGrant) -> Result<(), GrantError> {
    let refused = |reason: String| GrantError::Directory {
        name: name.to_owned(),
        reason,
    };
    if !is_name(name) {
        let reason = "a name is lower-case letters, digits and hyphens";
        return Err(refused(reason.to_owned()));
    }
    if !(1..=MOST_DIRECTORY_BYTES).contains(&grant.bytes) {
        return Err(refused(format!(
            "{} bytes lie outside 1 to {MOST_DIRECTORY_BYTES}",
            grant.bytes
        )));
    }
    Ok(())
}

fn check_http(name: &str, grant: &HttpGrant) -> Result<(), GrantError> {
    let base = |reason: &str| GrantError::Base {
        name: name.to_owned(),
        base: grant.base.to_string(),
        reason: reason.to_owned(),
    };
    let http = |reason: &str| GrantError::Http {
        name: name.to_owned(),
        reason: reason.to_owned(),
    };
    if !is_name(name) {
        return Err(http("a name is lower-case letters, digits and hyphens"));
    }
    if !matches!(grant.base.scheme(), "http" | "https") {
        return Err(base("is neither http nor https"));
    }
    if !grant.base.username().is_empty() || grant.base.password().is_some() {
        return Err(base(
            "carries a user name or password; they would end up in transcripts",
        ));
    }
    if grant.base.query().is_some() || grant.base.fragment().is_some() {
        return Err(base(
            "has a query or fragment; a grant is a host and a path prefix",
        ));
    }
    if grant.methods.is_empty() {
        return Err(http("no method is granted; GET and HEAD are usual"));
    }
    if let Some(method) = grant.methods.iter().find(|m| !crate::address::is_method(m)) {
        return Err(http(&format!("`{method}` is no method in upper case")));
    }
    if let Some((bound, most)) = grant.bounds.unfit() {
        return Err(http(&format!("{bound} is from 1 to {most}")));
    }
    Ok(())
}

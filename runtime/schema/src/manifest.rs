use std::fmt;

use semver::Version;
use serde::Serialize;

use crate::{Limits, Message};

mod error;
mod reader;
mod rules;

pub use error::{ManifestError, Problem};

/// The component's custom section that carries `cryptlet.toml`, whole, as UTF-8: at the outermost
/// component level, exactly once. The measurement therefore covers the manifest.
pub const MANIFEST_SECTION: &str = "cryptlet:manifest";

/// What a cryptlet says about itself, read from `cryptlet.toml`.
///
/// A manifest asks; it grants nothing. What is not asked for cannot be granted, and what the
/// binding does not grant is not there.
///
/// ```
/// let manifest = cryptlet_schema::Manifest::parse(r#"
///     [cryptlet]
///     name = "reference-rate"
///     version = "1.0.0"
///     kind = "utility"
///     description = "Quarterly means of the 3-month treasury bill rate"
///
///     [capabilities]
///     http = true
///
///     [messages]
///     request = "RateFor(string quarter)"
///     reply = "Rate(string quarter, uint32 ratePpm, string source)"
/// "#)?;
/// assert_eq!(manifest.limits, cryptlet_schema::Limits::default());
/// # Ok::<(), cryptlet_schema::ManifestError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// `[cryptlet]`
    pub cryptlet: Identity,
    /// `[build]`, read by the build alone.
    pub build: Build,
    /// `[capabilities]`, denied unless asked for.
    pub capabilities: Capabilities,
    /// `[state]`, of a cryptlet that asks for the capability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateSchema>,
    /// `[limits]`, defaults where it is silent.
    pub limits: Limits,
    /// `[messages]`
    pub messages: Messages,
}

/// Who a cryptlet is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Words of lower-case letters and digits, each starting with a letter, joined by `-`.
    pub name: String,
    /// Its semantic version.
    pub version: Version,
    /// Contract or utility.
    pub kind: Kind,
    /// One line for people.
    pub description: String,
}

/// The two kinds of cryptlets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Holds one contract's business logic; bound to it and its counterparties.
    Contract,
    /// Answers questions; never writes to a ledger.
    Utility,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Contract => "contract",
            Kind::Utility => "utility",
        })
    }
}

/// How the guest is built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Build {
    /// Cargo features of the guest crate.
    pub features: Vec<String>,
    /// Whether it is compiled for WASI instead of the sealed target.
    pub wasi: bool,
}

/// The host interfaces that a cryptlet needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// `transaction-builder` and `router`; contract cryptlets only.
    pub ledger: bool,
    /// Names of the utility cryptlets that it asks; contract cryptlets only.
    pub sources: Vec<String>,
    /// `events`
    pub events: bool,
    /// `state`
    pub state: bool,
    /// `http`; utility cryptlets only.
    pub http: bool,
    /// Names of the keys that it signs with.
    pub keychain: Vec<String>,
    /// `log`
    pub log: bool,
    /// WASI 0.2, virtualised.
    pub wasi: bool,
    /// Names of the directories that it reads through WASI; utility cryptlets only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<String>,
}

/// How a cryptlet lays out what it keeps from run to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StateSchema {
    /// The state version, from 1: versions of a cryptlet that share it read each other's entries.
    pub version: u32,
}

impl Default for StateSchema {
    fn default() -> Self {
        StateSchema { version: 1 }
    }
}

/// The messages that a cryptlet reads and writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Messages {
    /// Functions of the bound contract that it calls.
    pub actions: Vec<Message>,
    /// Events of the bound contract that it is run for.
    pub contract_events: Vec<Message>,
    /// What it publishes; the topic is the message's name.
    pub topics: Vec<Message>,
    /// What it is asked.
    pub request: Option<Message>,
    /// What it answers.
    pub reply: Option<Message>,
}

impl Messages {
    /// The action of this name.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<&Message> {
        self.actions.iter().find(|message| message.name() == name)
    }

    /// The contract event of this name.
    #[must_use]
    pub fn contract_event(&self, name: &str) -> Option<&Message> {
        self.contract_events
            .iter()
            .find(|message| message.name() == name)
    }

    /// What may be published under this topic.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Message> {
        self.topics.iter().find(|message| message.name() == name)
    }
}

impl Manifest {
    /// Reads `cryptlet.toml`. Keys that it does not know are errors.
    ///
    /// # Errors
    /// The first mistake, with its key, its place and what to write instead.
    pub fn parse(text: &str) -> Result<Manifest, ManifestError> {
        rules::manifest(text)
    }

    /// The state version; none if the cryptlet keeps no state.
    #[must_use]
    pub fn state_version(&self) -> Option<u32> {
        self.state.map(|schema| schema.version)
    }
}

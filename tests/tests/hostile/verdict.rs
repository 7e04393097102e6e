//! What `verdict.toml` says: where a guest is stopped, by what, and what it was given.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How an attack must end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Verdict {
    /// Where the guest is stopped.
    pub stopped: Stage,
    /// Variant of the error, or outcome of the run.
    pub by: String,
    /// What the error, the failure or the engine's diagnostic must name, all of it. Where `by` stops
    /// guests for many reasons, this says for which.
    #[serde(default)]
    pub says: Vec<String>,
    /// The reply of a guest that is let go on: what it came to know.
    pub replies: Option<String>,
    /// Reply of the honest run that follows in the same container.
    pub next: String,
    /// What the binding gives it.
    #[serde(default)]
    pub binding: Given,
    /// What it may fetch, in this order, and what the web answers.
    #[serde(default)]
    pub web: Vec<Exchange>,
}

/// A door that an attack does not get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The component is not loaded.
    Load,
    /// The binding's grants do not fit.
    Grants,
    /// The run is stopped.
    Run,
    /// The run ends well: what it asked for was not given.
    Nowhere,
}

/// What a binding gives; all that the manifest asks for unless something else stands here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Given {
    /// Capabilities and keys that are asked for and not given.
    pub withholds: Vec<String>,
    /// The check of the grants is passed over, to see the wall behind it.
    pub unchecked: bool,
    /// Sources by name, each another folder of `tests/hostile`.
    pub sources: BTreeMap<String, String>,
    /// Bases of HTTP grants by name; `rates = "https://rates.example/"` if none is named.
    pub http: BTreeMap<String, String>,
    /// Entries of the binding's state.
    pub state: BTreeMap<String, String>,
    /// Runs that went well before this one, each of which left its state to the next.
    pub runs_before: usize,
}

/// One request that leaves the sandbox, and its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Exchange {
    /// The address that is asked for.
    pub url: String,
    /// The web refuses it, for this reason.
    pub denied: Option<String>,
    /// The answer's status.
    #[serde(default)]
    pub status: u16,
    /// Its headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Its body.
    #[serde(default)]
    pub body: String,
}

//! The operator's one file: `fabric.toml` in the state folder.

mod compilation;
mod log;
mod runs;
mod service;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use alloy_primitives::Address;
use cryptlet_ledger::{ChainId, Finality};
use cryptlet_schema::Limits;
use cryptlet_vault::KeyName;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use crate::document::{self, DocumentError};

pub use compilation::Compilation;
pub use log::{Publication, Witness};
pub use runs::{BindingSettings, Runs};
pub use service::{LogFormat, Service};

/// Everything an operator decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Configuration {
    /// Who this fabric is.
    pub fabric: Identity,
    /// Chains it can deliver to, by the names that bindings use.
    #[serde(default)]
    pub ledgers: BTreeMap<String, Ledger>,
    /// Limits that no manifest can exceed.
    #[serde(default = "host_limits", with = "HostLimits")]
    pub limits: Limits,
    /// How it serves.
    #[serde(default)]
    pub service: Service,
    /// How its log is published.
    #[serde(default)]
    pub log: Publication,
    /// How runs share this host.
    #[serde(default)]
    pub runs: Runs,
    /// What compiling a component may take.
    #[serde(default)]
    pub compilation: Compilation,
    /// Where the directories lie that bindings grant by these names. Absolute; they are read and never
    /// written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub directories: BTreeMap<String, PathBuf>,
    /// What single bindings get, by their names; the others get what is usual.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bindings: BTreeMap<String, BindingSettings>,
}

/// Section `[fabric]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Identity {
    /// The log's origin, such as `fabric.example.com/log`; also the name of its key.
    pub origin: String,
    /// The attestation key's name in the vault.
    pub attestation_key: String,
}

/// One of `[ledgers.<name>]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ledger {
    /// CAIP-2 id; the node must agree.
    #[schema(value_type = String)]
    pub chain: ChainId,
    /// JSON-RPC address of the node.
    #[schema(value_type = String)]
    pub rpc: Url,
    /// Address of the CryptoDelegate contract.
    #[schema(value_type = String)]
    pub gateway: Address,
    /// Address of the SignerRegistry contract.
    #[schema(value_type = String)]
    pub registry: Address,
    /// Name of the key that pays for transactions.
    pub account: String,
    /// When a block counts as final: `instant`, `depth:N` (that many blocks on top), `safe` or
    /// `finalized`.
    #[schema(value_type = String)]
    pub finality: Finality,
    /// Most wei a unit of gas may cost, as a decimal string.
    #[serde(with = "document::decimal")]
    #[schema(value_type = String)]
    pub max_fee_per_gas: u128,
}

/// Section `[limits]`: a key that is left out is as the host has it by default, not as a manifest
/// has it.
#[derive(Serialize, Deserialize)]
#[serde(
    remote = "Limits",
    default = "host_limits",
    deny_unknown_fields,
    rename_all = "kebab-case"
)]
struct HostLimits {
    fuel: u64,
    memory_bytes: u64,
    table_elements: u64,
    output_bytes: u64,
    log_bytes: u64,
    host_calls: u64,
    call_depth: u64,
    http_response_bytes: u64,
    wall_clock_milliseconds: u64,
}

/// The origin stands in every receipt, which has room for this much.
const MOST_ORIGIN_BYTES: usize = 255;

fn host_limits() -> Limits {
    cryptlet_container::Settings::default().limits
}

/// The configuration could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The file is not a configuration.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A key has a value that cannot be.
    #[error("{file}, {key}: {reason}; {remedy}")]
    Invalid {
        /// The file, as the person named it.
        file: String,
        /// Dotted key.
        key: String,
        /// What is wrong.
        reason: String,
        /// The way out.
        remedy: String,
    },
    /// The file could not be opened.
    #[error("{}", unreadable(path, source))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

fn unreadable(path: &Path, source: &std::io::Error) -> String {
    let path = path.display();
    match source.kind() {
        std::io::ErrorKind::NotFound => format!(
            "there is no {path}; make it with `cryptlet config init`, or name the state folder of \
             a fabric with --state"
        ),
        _ => {
            format!("cannot read {path}: {source}; name the state folder of a fabric with --state")
        }
    }
}

impl Configuration {
    /// The file's place in a state folder.
    #[must_use]
    pub fn path(state: &Path) -> PathBuf {
        state.join("fabric.toml")
    }

    /// Reads a configuration; `name` names the file in errors.
    ///
    /// # Errors
    ///
    /// If it is not TOML, has unknown or missing keys, or names what cannot be a name.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigurationError> {
        let configuration: Self = document::parse(name, text)?;
        configuration.check(name)?;
        Ok(configuration)
    }

    fn check(&self, file: &str) -> Result<(), ConfigurationError> {
        let invalid = |key: String, reason: String, remedy: &str| ConfigurationError::Invalid {
            file: file.into(),
            key,
            reason,
            remedy: remedy.into(),
        };
        let origin = &self.fabric.origin;
        if origin.is_empty()
            || origin.len() > MOST_ORIGIN_BYTES
            || origin.contains(|letter: char| letter.is_whitespace() || letter == '+')
        {
            return Err(invalid(
                "fabric.origin".into(),
                format!("\"{origin}\" is no name for a log"),
                "take one of at most 255 letters without spaces and plus signs, such as fabric.example.com/log",
            ));
        }
        let attestation = (
            "fabric.attestation-key".to_owned(),
            &self.fabric.attestation_key,
        );
        let accounts = self
            .ledgers
            .iter()
            .map(|(name, ledger)| (format!("ledgers.{name}.account"), &ledger.account));
        for (key, name) in std::iter::once(attestation).chain(accounts) {
            name.parse::<KeyName>().map_err(|error| {
                invalid(
                    key,
                    error.to_string(),
                    "`cryptlet key ls` shows the keys there are",
                )
            })?;
        }
        for (name, ledger) in &self.ledgers {
            let other = self.ledgers.iter().find(|(other, theirs)| {
                *other < name && theirs.chain == ledger.chain && theirs.account == ledger.account
            });
            if let Some((other, _)) = other {
                return Err(invalid(
                    format!("ledgers.{name}.account"),
                    format!(
                        "ledgers.{other} sends from {} on {} too, and both would take the same nonces",
                        ledger.account, ledger.chain
                    ),
                    "make an account for each with `cryptlet key new`",
                ));
            }
        }
        let instances = cryptlet_container::Settings::default().instances;
        if self.limits.call_depth > u64::from(instances) {
            return Err(invalid(
                "limits.call-depth".into(),
                format!(
                    "{} calls deep, but there are {instances} instances",
                    self.limits.call_depth
                ),
                "take less",
            ));
        }
        for (name, path) in &self.directories {
            let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            if name.is_empty() || !name.bytes().all(is_plain) {
                return Err(invalid(
                    format!("directories.{name}"),
                    "no cryptlet can ask for that name".into(),
                    "take lower-case letters, digits and hyphens",
                ));
            }
            if !path.is_absolute() {
                return Err(invalid(
                    format!("directories.{name}"),
                    format!("{} begins nowhere", path.display()),
                    "write the whole path, such as \"/srv/documents\"",
                ));
            }
        }
        for (name, binding) in &self.bindings {
            if let Some((reason, remedy)) = binding.mistake() {
                return Err(invalid(format!("bindings.{name}.weight"), reason, remedy));
            }
        }
        let mistake = self.service.mistake().or_else(|| self.log.mistake());
        let mistake = mistake
            .or_else(|| self.runs.mistake())
            .or_else(|| self.compilation.mistake());
        if let Some((key, reason, remedy)) = mistake {
            return Err(invalid(key.into(), reason, remedy));
        }
        Ok(())
    }

    /// Reads the configuration of a state folder.
    ///
    /// # Errors
    ///
    /// If there is none, or it is not understood.
    pub fn read(state: &Path) -> Result<Self, ConfigurationError> {
        let path = Self::path(state);
        let text = std::fs::read_to_string(&path).map_err(|source| ConfigurationError::Read {
            path: path.clone(),
            source,
        })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Writes the configuration into a state folder, making the folder if need be.
    ///
    /// # Errors
    ///
    /// If the folder or the file cannot be written.
    pub fn write(&self, state: &Path) -> Result<(), ConfigurationError> {
        let path = Self::path(state);
        let text = toml::to_string(self).expect("every part of a configuration has a TOML form");
        // Node addresses often hold access keys.
        let write = || {
            document::make_private_folder(state)?;
            let mut file = document::open_private(&path)?;
            file.set_len(0)?;
            file.write_all(text.as_bytes())
        };
        write().map_err(|source| ConfigurationError::Write { path, source })
    }
}

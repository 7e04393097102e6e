//! The operator's one file: `fabric.toml` in the state folder.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use alloy_primitives::Address;
use cryptlet_ledger::{ChainId, Finality};
use cryptlet_schema::Limits;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::document::{self, DocumentError};

/// Everything an operator decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Configuration {
    /// Who this fabric is.
    pub fabric: Identity,
    /// Chains it can deliver to, by the names that bindings use.
    #[serde(default)]
    pub ledgers: BTreeMap<String, Ledger>,
    /// Limits that no manifest can exceed.
    #[serde(default = "host_limits")]
    pub limits: Limits,
}

/// Section `[fabric]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Identity {
    /// The log's origin, such as `fabric.example.com/log`; also the name of its key.
    pub origin: String,
    /// The attestation key's name in the vault.
    pub attestation_key: String,
}

/// One of `[ledgers.<name>]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ledger {
    /// CAIP-2 id; the node must agree.
    pub chain: ChainId,
    /// JSON-RPC endpoint.
    pub rpc: Url,
    /// The CryptoDelegate.
    pub gateway: Address,
    /// The SignerRegistry.
    pub registry: Address,
    /// Name of the key that pays for transactions.
    pub account: String,
    /// When a block counts as final.
    pub finality: Finality,
    /// Most wei a unit of gas may cost, as a decimal string.
    #[serde(with = "document::decimal")]
    pub max_fee_per_gas: u128,
}

fn host_limits() -> Limits {
    cryptlet_container::Settings::default().limits
}

/// The configuration could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The file is not a configuration.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The file could not be opened.
    #[error("cannot read {path}: {source}; name the state folder of a fabric with --state")]
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
    /// If it is not TOML or has unknown or missing keys.
    pub fn parse(name: &str, text: &str) -> Result<Self, DocumentError> {
        document::parse(name, text)
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
        Ok(Self::parse(&path.display().to_string(), &text)?)
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

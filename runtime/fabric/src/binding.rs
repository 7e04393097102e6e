//! What ties a cryptlet to a contract: the document that its counterparties sign.

mod approval;
mod check;
mod http;

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use cryptlet_attest::{BindingId, BindingVersion, Measurement};
use cryptlet_container::DirectoryGrant;
use cryptlet_contracts::{Signable as _, Terms};
use cryptlet_ledger::ChainId;
use cryptlet_schema::Message;
use semver::VersionReq;
use serde::{Deserialize, Serialize};

use crate::document::{self, DocumentError};

pub use approval::Approval;
pub use http::Http;

/// A binding, as its counterparties wrote and signed it.
///
/// Its version is a hash of all parts: change one and the counterparties sign anew. The active
/// version of the cryptlet is not a part; the range that it may lie in is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Binding {
    /// The cryptlet and the terms of agreement.
    pub binding: Agreement,
    /// The contract: where it is, and what it can be told and tells.
    pub contract: Contract,
    /// Who must agree; in ascending order of address.
    pub counterparties: Vec<Counterparty>,
    /// Keys by their names in the vault.
    pub keys: Keys,
    /// What wakes the cryptlet.
    pub triggers: Triggers,
    /// What the cryptlet may use.
    #[serde(default)]
    pub grants: Granted,
    /// Utility cryptlets it may ask, by the name it asks them under.
    #[serde(default)]
    pub sources: BTreeMap<String, Source>,
    /// What a version must have shown before it becomes active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Promotion>,
}

/// Section `[promotion]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Promotion {
    /// Shadow runs beside the active version, one after the other without a difference, that a
    /// promotion needs; at most 1000. A rollback needs none.
    pub clean_shadow_runs: u32,
}

/// Section `[binding]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Agreement {
    /// The operator's name for it; unique in one fabric.
    pub name: String,
    /// The bound cryptlet.
    pub cryptlet: String,
    /// Versions of it that may run.
    pub versions: VersionReq,
    /// The version that runs when the binding is activated, by its measurement.
    pub measurement: Measurement,
    /// Makes the id unique among bindings of the same counterparties.
    pub salt: B256,
    /// How many counterparties must sign a change. Creation needs all of them.
    pub threshold: u8,
    /// What becomes of the binding from the signing of another document until that is in force.
    #[serde(default, skip_serializing_if = "WhileChanging::is_run")]
    pub while_changing: WhileChanging,
}

/// What a binding does while a change of its document is signed and not in force yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhileChanging {
    /// It runs as it was agreed on before.
    #[default]
    Run,
    /// It takes nothing new; what was accepted before still runs.
    Pause,
}

impl WhileChanging {
    /// Whether nothing has to be said: documents without the key keep their version.
    fn is_run(&self) -> bool {
        *self == Self::Run
    }
}

/// Section `[contract]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Contract {
    /// The ledger's name in the fabric's configuration.
    pub ledger: String,
    /// CAIP-2 id of the chain.
    pub chain: ChainId,
    /// The CryptoDelegate.
    pub gateway: Address,
    /// The contract that deliveries are forwarded to and whose events are read.
    pub consumer: Address,
    /// First block that can hold an event of this binding.
    #[serde(default)]
    pub from_block: u64,
    /// Whether deliveries must arrive one after the other.
    pub ordered: bool,
    /// How many admitted signers a delivery needs.
    pub signer_threshold: u8,
    /// Seconds between the signing of a new version and its first use.
    pub version_delay_seconds: u64,
    /// Seconds of chain time for which a signed delivery stays valid.
    pub validity_seconds: u64,
    /// Most gas that the consumer's callback may use.
    pub gas_limit: u32,
    /// Highest gas price, in wei, that the counterparties accept; 0 for no cap.
    #[serde(default, with = "document::decimal")]
    pub max_fee: u128,
    /// Functions that the cryptlet may call, in human-readable ABI.
    pub actions: Vec<Message>,
    /// Events that may wake it.
    pub events: Vec<Message>,
}

/// One of `[[counterparties]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Counterparty {
    /// For people.
    pub name: String,
    /// The wallet that signs for it.
    pub address: Address,
}

/// Section `[keys]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Keys {
    /// Signs deliveries; admitted on the chain for this binding alone.
    pub delivery: String,
    /// Keys the cryptlet may sign messages with.
    #[serde(default)]
    pub granted: Vec<String>,
}

/// Section `[triggers]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Triggers {
    /// Names of contract events.
    #[serde(default)]
    pub contract_events: Vec<String>,
    /// Messages that callers may send, in human-readable ABI.
    #[serde(default)]
    pub messages: Vec<Message>,
}

/// What a cryptlet may use; nothing unless it stands here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Granted {
    /// Publishing events.
    #[serde(default)]
    pub events: bool,
    /// Keeping state from run to run.
    #[serde(default)]
    pub state: bool,
    /// Writing to the log.
    #[serde(default)]
    pub log: bool,
    /// WASI, virtualised.
    #[serde(default)]
    pub wasi: bool,
    /// Web addresses by the name the cryptlet knows them under.
    #[serde(default)]
    pub http: BTreeMap<String, Http>,
    /// Directories of the host by the name the cryptlet knows them under; where they lie, the host
    /// says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub directories: BTreeMap<String, Directory>,
    /// Lower limits than the manifest's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<cryptlet_schema::Limits>,
}

/// One directory that may be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Directory {
    /// The most bytes of it that one run may read; all directories of a cryptlet together at most 16 MiB.
    #[serde(default = "one_mebibyte")]
    pub bytes: u64,
}

fn one_mebibyte() -> u64 {
    DirectoryGrant::default().bytes
}

/// One of `[sources.<name>]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Source {
    /// The utility cryptlet.
    pub cryptlet: String,
    /// Its exact version: the counterparties agreed on this code.
    pub version: semver::Version,
    /// And on exactly these bytes.
    pub measurement: Measurement,
    /// What it may use.
    #[serde(default)]
    pub grants: Granted,
}

/// A binding contradicts itself, its cryptlet, or its signatures.
#[derive(Debug, thiserror::Error)]
pub enum BindingError {
    /// The document is not one.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The JSON form of a document is not one.
    #[error("{name} is no binding document in JSON: {reason}")]
    Json {
        /// What was read.
        name: String,
        /// Why it is none.
        reason: String,
    },
    /// A key has a value that cannot be.
    #[error("binding \"{binding}\", {key}: {reason}; {remedy}")]
    Invalid {
        /// The binding's name.
        binding: String,
        /// Dotted key.
        key: String,
        /// What is wrong.
        reason: String,
        /// The way out.
        remedy: String,
    },
    /// A counterparty has not signed these terms.
    #[error(
        "binding \"{binding}\" is not signed by {counterparty} ({address}); have them sign its terms {terms}"
    )]
    Unsigned {
        /// The binding's name.
        binding: String,
        /// Who is missing.
        counterparty: String,
        /// Their wallet.
        address: Address,
        /// The EIP-712 digest to sign.
        terms: B256,
    },
}

impl Binding {
    /// Reads a binding document; `name` names the file in errors.
    ///
    /// # Errors
    ///
    /// If it is not TOML, has unknown or missing keys, or contradicts itself.
    pub fn parse(name: &str, text: &str) -> Result<Self, BindingError> {
        let binding: Self = document::parse(name, text)?;
        binding.check()?;
        Ok(binding)
    }

    /// The document as TOML; parsing it gives the same binding.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("every part of a binding has a TOML form")
    }

    /// What the CryptoDelegate knows it by: keccak256 of its counterparties and its salt.
    #[must_use]
    pub fn id(&self) -> BindingId {
        BindingId::from_bytes(
            cryptlet_contracts::binding_id(&self.addresses(), self.binding.salt).0,
        )
    }

    /// A hash of all parts.
    #[must_use]
    pub fn version(&self) -> BindingVersion {
        BindingVersion::of(&self.to_json())
    }

    /// The document in the one JSON form whose hash is the version.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("every part of a binding has a JSON form")
    }

    /// Reads what [`Self::to_json`] wrote; any other form of the same document is refused, because
    /// it has another version.
    ///
    /// # Errors
    ///
    /// If it is no binding in that form, or contradicts itself.
    pub fn from_json(name: &str, bytes: &[u8]) -> Result<Self, BindingError> {
        let refused = |reason: String| BindingError::Json {
            name: name.into(),
            reason,
        };
        let binding: Self =
            serde_json::from_slice(bytes).map_err(|error| refused(error.to_string()))?;
        if binding.to_json() != bytes {
            return Err(refused("not the form whose hash is the version".into()));
        }
        binding.check()?;
        Ok(binding)
    }

    /// What the counterparties sign and the CryptoDelegate keeps.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            counterparties: self.addresses(),
            threshold: self.binding.threshold,
            salt: self.binding.salt,
            consumer: self.contract.consumer,
            signerThreshold: self.contract.signer_threshold,
            ordered: self.contract.ordered,
            versionDelay: self.contract.version_delay_seconds,
            bindingVersion: B256::from(*self.version().as_bytes()),
            measurement: B256::from(*self.binding.measurement.as_bytes()),
        }
    }

    /// The EIP-712 digest of [`Self::terms`] for this binding's chain and gateway.
    #[must_use]
    pub fn terms_digest(&self) -> B256 {
        let domain = cryptlet_contracts::domain(self.contract.chain.0, self.contract.gateway);
        self.terms().digest(&domain)
    }

    /// Names of the directories that it grants, to the bound cryptlet and to its sources.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &str> {
        let sources = self.sources.values().map(|source| &source.grants);
        let granted = std::iter::once(&self.grants).chain(sources);
        granted.flat_map(|grants| grants.directories.keys().map(String::as_str))
    }

    pub(crate) fn invalid(&self, key: &str, reason: String, remedy: &str) -> BindingError {
        BindingError::Invalid {
            binding: self.binding.name.clone(),
            key: key.into(),
            reason,
            remedy: remedy.into(),
        }
    }

    fn addresses(&self) -> Vec<Address> {
        self.counterparties
            .iter()
            .map(|counterparty| counterparty.address)
            .collect()
    }
}

//! Changes of bindings, as they go over the wire and stand in proposal files.

use alloy_primitives::Address;
use cryptlet_fabric::Binding;
use cryptlet_fabric::change::{Change, ChangeApproval, ChangeKind};
use cryptlet_fabric::journal::ChangeRow;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST …/changes`: what the counterparties of a binding are asked to change, with whatever
/// signatures there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProposedChange {
    /// `change` for another document, `allow` for one more module, `revoke` for one less.
    pub kind: String,
    /// The document in force when it was proposed, TOML.
    pub in_force: String,
    /// The document that shall be in force, TOML; for `change` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The module that is allowed or revoked; for `allow` and `revoke` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurement: Option<String>,
    /// The version of the binding whose module is revoked; for `revoke` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The gateway's number of the change, or, for `revoke`, of the one that allowed the module.
    pub nonce: u64,
    /// The signatures so far.
    #[serde(default)]
    pub approvals: Vec<SignedChange>,
}

/// A counterparty's signatures under a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignedChange {
    /// Its wallet, `0x…`.
    pub counterparty: String,
    /// One for each message, in their order: 65 bytes `r || s || v`, or whatever a contract wallet
    /// takes, `0x…`.
    pub signatures: Vec<String>,
    /// Whether a contract wallet stands for them, which its chain alone can say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contract: bool,
}

/// `POST …/changes/{number}/approvals`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChangeApprovals {
    /// Further signatures.
    pub approvals: Vec<SignedChange>,
}

/// `GET …/changes`: how a binding changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct BindingChanges {
    /// The binding.
    pub binding: String,
    /// A hash of the document in force.
    pub version: String,
    /// The document in force, TOML.
    pub document: String,
    /// The nonce that the next change takes; none while the gateway cannot be asked.
    pub next_nonce: Option<u64>,
    /// Its changes, oldest first.
    pub changes: Vec<ChangeView>,
}

/// One change of a binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ChangeView {
    /// Counts the binding's changes from 1.
    pub number: u64,
    /// `change`, `allow` or `revoke`.
    pub kind: String,
    /// The version of the binding that is proposed, allowed or revoked.
    pub version: String,
    /// The module.
    pub measurement: String,
    /// The gateway's number of the change, or, for `revoke`, of the one that allowed the module.
    pub nonce: u64,
    /// How many counterparties must sign.
    pub required: u64,
    /// The wallets that have.
    pub signed: Vec<String>,
    /// `proposed`, `signed`, `carried`, `active` or `refused`.
    pub status: String,
    /// Why it was refused.
    pub reason: Option<String>,
    /// It counts from this block time on, seconds since 1970; none before the gateway has it.
    pub counts_from: Option<u64>,
    /// When it was proposed.
    pub proposed_at: u64,
}

/// A proposed change cannot be read, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct MalformedChange {
    /// The part that cannot be read.
    pub key: &'static str,
    /// Why.
    pub reason: String,
}

fn malformed(key: &'static str, reason: impl ToString) -> MalformedChange {
    MalformedChange {
        key,
        reason: reason.to_string(),
    }
}

impl ProposedChange {
    /// The change as it goes over the wire, without signatures.
    #[must_use]
    pub fn of(change: &Change) -> Self {
        let is = |kind| change.kind == kind;
        Self {
            kind: change.kind.to_string(),
            in_force: change.in_force.to_toml(),
            document: is(ChangeKind::Change).then(|| change.document.to_toml()),
            measurement: (!is(ChangeKind::Change)).then(|| change.measurement.to_string()),
            version: is(ChangeKind::Revoke).then(|| change.version.to_string()),
            nonce: change.nonce,
            approvals: Vec::new(),
        }
    }

    /// Reads what is proposed and who has signed it; no signature is checked.
    ///
    /// # Errors
    ///
    /// Names the part that is missing, too much or malformed.
    pub fn read(&self) -> Result<(Change, Vec<ChangeApproval>), MalformedChange> {
        let kind: ChangeKind = self
            .kind
            .parse()
            .map_err(|reason: String| malformed("kind", reason))?;
        let in_force = Binding::parse("in-force", &self.in_force)
            .map_err(|error| malformed("in-force", error))?;
        let only = |key, given: bool, wanted: bool| match (given, wanted) {
            (false, true) => Err(malformed(
                key,
                format!("is missing in a proposal of kind {kind}"),
            )),
            (true, false) => Err(malformed(
                key,
                format!("has no place in a proposal of kind {kind}"),
            )),
            _ => Ok(()),
        };
        only(
            "document",
            self.document.is_some(),
            kind == ChangeKind::Change,
        )?;
        only(
            "measurement",
            self.measurement.is_some(),
            kind != ChangeKind::Change,
        )?;
        only(
            "version",
            self.version.is_some(),
            kind == ChangeKind::Revoke,
        )?;
        let measurement = || {
            let text = self.measurement.as_deref().unwrap_or_default();
            text.parse()
                .map_err(|error| malformed("measurement", error))
        };
        let change = match kind {
            ChangeKind::Change => {
                let text = self.document.as_deref().unwrap_or_default();
                let document = Binding::parse("document", text)
                    .map_err(|error| malformed("document", error))?;
                Change::to(in_force, document, self.nonce)
                    .map_err(|error| malformed("document", error))?
            }
            ChangeKind::Allow => Change::allow(in_force, measurement()?, self.nonce),
            ChangeKind::Revoke => {
                let text = self.version.as_deref().unwrap_or_default();
                let version = text.parse().map_err(|error| malformed("version", error))?;
                Change::revoke(in_force, version, measurement()?, self.nonce)
            }
        };
        let approvals = read_approvals(&self.approvals)?;
        Ok((change, approvals))
    }
}

/// Reads signatures; none is checked.
///
/// # Errors
///
/// If an address or a signature is not in hex digits.
pub fn read_approvals(approvals: &[SignedChange]) -> Result<Vec<ChangeApproval>, MalformedChange> {
    approvals.iter().map(SignedChange::read).collect()
}

impl SignedChange {
    fn read(&self) -> Result<ChangeApproval, MalformedChange> {
        let counterparty: Address = self.counterparty.parse().map_err(|error| {
            malformed(
                "approvals",
                format!("\"{}\" is no address: {error}", self.counterparty),
            )
        })?;
        let signatures = self
            .signatures
            .iter()
            .map(|signature| {
                signature.parse().map_err(|error| {
                    malformed(
                        "approvals",
                        format!("a signature of {counterparty} is no hex: {error}"),
                    )
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(ChangeApproval {
            counterparty,
            signatures,
        })
    }
}

impl From<&ChangeApproval> for SignedChange {
    fn from(approval: &ChangeApproval) -> Self {
        Self {
            counterparty: approval.counterparty.to_string(),
            signatures: approval
                .signatures
                .iter()
                .map(ToString::to_string)
                .collect(),
            contract: false,
        }
    }
}

impl From<&ChangeRow> for ChangeView {
    fn from(row: &ChangeRow) -> Self {
        let signed = row.approvals.iter();
        Self {
            number: row.number,
            kind: row.change.kind.to_string(),
            version: row.change.version.to_string(),
            measurement: row.change.measurement.to_string(),
            nonce: row.change.nonce,
            required: row.change.required() as u64,
            signed: signed
                .map(|approval| approval.counterparty.to_string())
                .collect(),
            status: row.status.to_string(),
            reason: row.reason.clone(),
            counts_from: row.counts_from,
            proposed_at: row.proposed_at,
        }
    }
}

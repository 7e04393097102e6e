//! A change of a binding that goes from hand to hand until enough have signed.

use alloy_primitives::{Address, B256, Bytes};
use cryptlet_fabric::Binding;
use cryptlet_fabric::change::{Change, ChangeApproval, Difference, Signed};
use cryptlet_service::api::{ProposedChange, SignedChange};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::typed_data;

/// A change of a binding on its way to its counterparties: JSON, made by `cryptlet bind propose
/// --change`, `bind allow` or `bind revoke`.
///
/// Only `change` says anything; the rest is worked out from it, for wallets and readers, and compared
/// with it whenever the file is read. A wallet signs each entry of `typed-data` by
/// `eth_signTypedData_v4`, in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChangeProposal {
    /// The binding's name.
    pub binding: String,
    /// What the chain knows it by.
    pub id: String,
    /// The version of the binding that is proposed, allowed or revoked.
    pub version: String,
    /// The module that may run under it, or may not any more.
    pub measurement: String,
    /// How many counterparties must sign.
    pub required: u64,
    /// What the new document says otherwise; empty unless there is one.
    pub differences: Vec<ShownDifference>,
    /// The 32 bytes that each signature is over, `0x…`: the EIP-712 digests of `typed-data`.
    pub digests: Vec<String>,
    /// What `eth_signTypedData_v4` takes, one after the other.
    #[schema(value_type = Vec<Object>)]
    pub typed_data: Vec<Value>,
    /// What is asked for, and who has signed it.
    pub change: ProposedChange,
}

/// One part that two documents differ in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ShownDifference {
    /// Dotted key.
    pub key: String,
    /// What stands there, as JSON; null if nothing does.
    pub before: Option<String>,
    /// What shall stand there, as JSON; null if nothing shall.
    pub after: Option<String>,
}

impl From<Difference> for ShownDifference {
    fn from(difference: Difference) -> Self {
        Self {
            key: difference.key,
            before: difference.before,
            after: difference.after,
        }
    }
}

impl ChangeProposal {
    /// Proposes a change; nobody has signed yet.
    pub fn new(change: &Change) -> Self {
        Self::around(change, ProposedChange::of(change))
    }

    fn around(change: &Change, proposed: ProposedChange) -> Self {
        let messages = change.messages();
        Self {
            binding: change.in_force.binding.name.clone(),
            id: change.in_force.id().to_string(),
            version: change.version.to_string(),
            measurement: change.measurement.to_string(),
            required: change.required() as u64,
            differences: change.differences().into_iter().map(Into::into).collect(),
            digests: change.digests().iter().map(B256::to_string).collect(),
            typed_data: messages
                .iter()
                .map(|message| typed_data::change(&change.in_force, message))
                .collect(),
            change: proposed,
        }
    }
}

/// A proposal of a change that agrees with itself.
pub struct UnderstoodChange {
    pub proposal: ChangeProposal,
    pub change: Change,
    pub approvals: Vec<ChangeApproval>,
}

impl UnderstoodChange {
    /// Checks everything in a proposal against the change that it asks for; `name` is the file's.
    pub fn of(name: &str, proposal: ChangeProposal) -> Result<Self, String> {
        let (change, approvals) = proposal
            .change
            .read()
            .map_err(|error| format!("{name}, {error}"))?;
        if proposal != ChangeProposal::around(&change, proposal.change.clone()) {
            return Err(format!(
                "{name} shows something else than it proposes; do not sign it, and have it made anew with `cryptlet bind`"
            ));
        }
        let given = proposal.change.approvals.clone();
        let mut understood = Self {
            proposal,
            change,
            approvals: Vec::new(),
        };
        for (approval, signed) in approvals.into_iter().zip(given) {
            understood
                .check(&approval, signed.contract)
                .map_err(|reason| format!("an approval in {name} is none: {reason}"))?;
            understood.approvals.push(approval);
        }
        Ok(understood)
    }

    /// Checks signatures under the change; those of a contract wallet its chain alone can check.
    pub fn check(&self, approval: &ChangeApproval, by_contract: bool) -> Result<(), String> {
        match approval.check(&self.change) {
            Err(error) => Err(error.to_string()),
            Ok(Signed::ByWallet) if !by_contract => Err(format!(
                "the signature is not one of {} under this change; have that wallet sign typed-data with eth_signTypedData_v4, or say with --wallet that it is a contract",
                approval.counterparty
            )),
            Ok(_) => Ok(()),
        }
    }

    /// Takes in signatures that were checked; a counterparty's newer ones replace the older.
    pub fn add(&mut self, approval: ChangeApproval, by_contract: bool) {
        let signed = SignedChange {
            contract: by_contract,
            ..SignedChange::from(&approval)
        };
        let account = signed.counterparty.clone();
        self.approvals
            .retain(|other| other.counterparty != approval.counterparty);
        self.approvals.push(approval);
        let all = &mut self.proposal.change.approvals;
        all.retain(|other| other.counterparty != account);
        all.push(signed);
        all.sort_by(|one, other| one.counterparty.cmp(&other.counterparty));
    }

    pub fn binding(&self) -> &Binding {
        &self.change.in_force
    }

    pub fn has_signed(&self, counterparty: Address) -> bool {
        self.approvals
            .iter()
            .any(|approval| approval.counterparty == counterparty)
    }

    /// How many more counterparties must sign.
    pub fn lacking(&self) -> usize {
        self.change.required().saturating_sub(self.approvals.len())
    }
}

/// Signatures as a file holds them, read from hex digits.
pub fn bytes(signatures: &[String]) -> Result<Vec<Bytes>, String> {
    signatures
        .iter()
        .map(|signature| {
            signature
                .parse()
                .map_err(|error| format!("a signature is not in hex digits ({error})"))
        })
        .collect()
}

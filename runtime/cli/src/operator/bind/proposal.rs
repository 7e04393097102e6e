//! What goes from hand to hand until everybody has signed.

use alloy_primitives::{Address, Bytes, Signature};
use cryptlet_fabric::{Approval, Binding};
use cryptlet_service::api::SignedApproval;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::typed_data;
use crate::failure::Failure;

/// A binding on its way to its counterparties: JSON, made by `cryptlet bind propose`.
///
/// Only `document` and `approvals` say anything; the rest is worked out from the document, for
/// wallets and readers, and compared with it whenever the file is read. A wallet signs `typed-data`
/// by `eth_signTypedData_v4`:
///
/// ```json
/// {
///   "binding": "acme-globex-swap",
///   "id": "0x…",
///   "version": "…",
///   "digest": "0x…",
///   "document": "[binding]\nname = \"acme-globex-swap\"\n…",
///   "typed-data": { "types": {}, "primaryType": "Terms", "domain": {}, "message": {} },
///   "approvals": [{ "counterparty": "0x…", "signature": "0x…" }]
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Proposal {
    /// The binding's name.
    pub binding: String,
    /// What the chain knows it by.
    pub id: String,
    /// A hash of all parts of the document.
    pub version: String,
    /// The 32 bytes that a signature is over, `0x…`: the EIP-712 digest of `typed-data`.
    pub digest: String,
    /// The binding document, TOML.
    pub document: String,
    /// What `eth_signTypedData_v4` takes.
    #[schema(value_type = Object)]
    pub typed_data: Value,
    /// The signatures so far.
    pub approvals: Vec<SignedApproval>,
}

/// A proposal that agrees with itself, and what it proposes.
pub struct Understood {
    pub proposal: Proposal,
    pub binding: Binding,
    /// One for each counterparty that has signed, all of them genuine.
    pub approvals: Vec<Approval>,
}

impl Proposal {
    /// Proposes a binding; nobody has signed yet.
    pub fn new(document: String, binding: &Binding) -> Self {
        Self {
            binding: binding.binding.name.clone(),
            id: binding.id().to_string(),
            version: binding.version().to_string(),
            digest: binding.terms_digest().to_string(),
            document,
            typed_data: typed_data::terms(binding),
            approvals: Vec::new(),
        }
    }

    /// The proposal as its file holds it.
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("a proposal's texts have a JSON form");
        text.push('\n');
        text
    }
}

impl Understood {
    /// Checks everything in a proposal against its document; `name` is the file's.
    pub fn of(name: &str, proposal: Proposal) -> Result<Self, Failure> {
        let binding = Binding::parse(&format!("document in {name}"), &proposal.document)
            .map_err(|error| Failure::Refused(error.to_string()))?;
        let genuine = Proposal {
            approvals: proposal.approvals.clone(),
            ..Proposal::new(proposal.document.clone(), &binding)
        };
        if proposal != genuine {
            return Err(Failure::Refused(format!(
                "{name} shows something else than its document says; do not sign it, and have it made anew with `cryptlet bind propose`"
            )));
        }
        let mut understood = Self {
            proposal,
            binding,
            approvals: Vec::new(),
        };
        for approval in understood.proposal.approvals.clone() {
            let approval = understood.check(&approval).map_err(|reason| {
                Failure::Refused(format!("an approval in {name} is none: {reason}"))
            })?;
            understood.approvals.push(approval);
        }
        Ok(understood)
    }

    /// Checks a signature under this proposal.
    pub fn check(&self, signed: &SignedApproval) -> Result<Approval, String> {
        let counterparty: Address = signed
            .counterparty
            .parse()
            .map_err(|_| format!("{} is no address", signed.counterparty))?;
        let parties = &self.binding.counterparties;
        if !parties.iter().any(|party| party.address == counterparty) {
            return Err(format!(
                "{counterparty} is no counterparty of {}; they are {}",
                self.binding.binding.name,
                listed(&self.binding)
            ));
        }
        let bytes: Bytes = signed.signature.parse().map_err(|error| {
            format!("the signature of {counterparty} is not in hex digits ({error})")
        })?;
        if signed.contract {
            return Ok(Approval {
                counterparty,
                signature: bytes,
            });
        }
        // Wallets differ in the last byte and in the half that s lies in; the gateway does not.
        let signature = Signature::from_raw(&bytes)
            .map_err(|_| {
                format!(
                    "the signature of {counterparty} is not 65 bytes r, s, v with 27 or 28 as v"
                )
            })?
            .normalized_s();
        let approval = Approval {
            counterparty,
            signature: signature.as_bytes().into(),
        };
        if !approval.signed(self.binding.terms_digest()) {
            return Err(format!(
                "the signature is not one of {counterparty} under these terms; have that wallet sign typed-data with eth_signTypedData_v4"
            ));
        }
        Ok(approval)
    }

    /// Takes in a signature that was checked; a counterparty's newer one replaces the older.
    pub fn add(&mut self, approval: Approval, by_contract: bool) {
        self.approvals
            .retain(|other| other.counterparty != approval.counterparty);
        self.approvals.push(approval.clone());
        self.approvals.sort_by_key(|approval| approval.counterparty);
        let account = approval.counterparty.to_string();
        let all = &mut self.proposal.approvals;
        all.retain(|other| other.counterparty != account);
        all.push(SignedApproval {
            counterparty: account,
            signature: approval.signature.to_string(),
            contract: by_contract,
        });
        all.sort_by(|one, other| one.counterparty.cmp(&other.counterparty));
    }

    pub fn has_signed(&self, counterparty: Address) -> bool {
        self.approvals
            .iter()
            .any(|approval| approval.counterparty == counterparty)
    }
}

fn listed(binding: &Binding) -> String {
    let parties = binding.counterparties.iter();
    let addresses: Vec<String> = parties.map(|party| party.address.to_string()).collect();
    addresses.join(", ")
}

#[cfg(test)]
mod tests {
    use alloy::dyn_abi::TypedData;
    use proptest::prelude::*;

    use super::*;

    const DOCUMENT: &str = include_str!("../../../tests/command/operator/binding.toml");

    #[test]
    fn wallets_sign_what_the_gateway_checks() {
        let binding = Binding::parse("binding.toml", DOCUMENT).expect("a binding");
        let proposal = Proposal::new(DOCUMENT.into(), &binding);

        let typed_data: TypedData =
            serde_json::from_value(proposal.typed_data).expect("what wallets take");
        let digest = typed_data.eip712_signing_hash().expect("complete");

        assert_eq!(digest, binding.terms_digest());
        assert_eq!(digest.to_string(), proposal.digest);
    }

    proptest! {
        #[test]
        fn no_signature_panics_and_none_counts_by_chance(counterparty in ".*", signature in "(0x)?[0-9a-f]{0,132}|.*") {
            let binding = Binding::parse("binding.toml", DOCUMENT).expect("a binding");
            let party = binding.counterparties[0].address.to_string();
            let understood = Understood {
                proposal: Proposal::new(DOCUMENT.into(), &binding),
                binding,
                approvals: Vec::new(),
            };
            for counterparty in [counterparty, party] {
                let signature = signature.clone();
                let signed = SignedApproval { counterparty, signature, contract: false };
                prop_assert!(understood.check(&signed).is_err());
            }
        }
    }

    #[test]
    fn a_proposal_survives_its_file() {
        let binding = Binding::parse("binding.toml", DOCUMENT).expect("a binding");
        let proposal = Proposal::new(DOCUMENT.into(), &binding);
        let read: Proposal = serde_json::from_str(&proposal.to_json()).expect("JSON");
        assert_eq!(read, proposal);
    }
}

//! What goes from hand to hand until everybody has signed.

use std::fs;
use std::path::Path;

use alloy_primitives::{Address, Bytes, Signature};
use cryptlet_contracts::{Signable, Terms, domain};
use cryptlet_fabric::{Approval, Binding};
use cryptlet_service::api::SignedApproval;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::terminal::printable;

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
            typed_data: typed_data(binding),
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
    /// Reads a proposal and checks everything in it against its document.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let text = fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
        let proposal: Proposal = serde_json::from_str(&text).map_err(|error| {
            Failure::Refused(format!(
                "{name} is no proposal: {error}; make one with `cryptlet bind propose`"
            ))
        })?;
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
        // Wallets differ in the last byte and in the half that s lies in; the gateway does not.
        let bytes: Bytes = signed.signature.parse().map_err(|error| {
            format!("the signature of {counterparty} is not in hex digits ({error})")
        })?;
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
    pub fn add(&mut self, approval: Approval) {
        self.approvals
            .retain(|other| other.counterparty != approval.counterparty);
        self.approvals.push(approval);
        self.approvals.sort_by_key(|approval| approval.counterparty);
        self.proposal.approvals = self
            .approvals
            .iter()
            .map(|approval| SignedApproval {
                counterparty: approval.counterparty.to_string(),
                signature: approval.signature.to_string(),
            })
            .collect();
    }

    pub fn has_signed(&self, counterparty: Address) -> bool {
        self.approvals
            .iter()
            .any(|approval| approval.counterparty == counterparty)
    }

    /// The counterparties that have not signed, for people; none if all have.
    pub fn missing(&self) -> Vec<String> {
        let parties = self.binding.counterparties.iter();
        parties
            .filter(|party| !self.has_signed(party.address))
            .map(|party| format!("{} ({})", printable(&party.name), party.address))
            .collect()
    }
}

fn listed(binding: &Binding) -> String {
    let parties = binding.counterparties.iter();
    let addresses: Vec<String> = parties.map(|party| party.address.to_string()).collect();
    addresses.join(", ")
}

/// The binding's terms as wallets take them. Integers are decimal strings, which every wallet
/// reads without loss.
fn typed_data(binding: &Binding) -> Value {
    let terms = binding.terms();
    let domain = domain(binding.contract.chain.0, binding.contract.gateway);
    json!({
        "types": {
            "EIP712Domain": members("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
            "Terms": members(&encoded_type::<Terms>()),
        },
        "primaryType": "Terms",
        "domain": {
            "name": domain.name,
            "version": domain.version,
            "chainId": binding.contract.chain.0,
            "verifyingContract": binding.contract.gateway,
        },
        "message": {
            "counterparties": terms.counterparties,
            "threshold": terms.threshold.to_string(),
            "salt": terms.salt,
            "consumer": terms.consumer,
            "signerThreshold": terms.signerThreshold.to_string(),
            "ordered": terms.ordered,
            "versionDelay": terms.versionDelay.to_string(),
            "bindingVersion": terms.bindingVersion,
            "measurement": terms.measurement,
        },
    })
}

/// `Terms(address[] counterparties,…)`, as EIP-712 hashes it.
fn encoded_type<M: Signable>() -> String {
    M::eip712_encode_type().into_owned()
}

/// The members of an encoded type that names no other.
fn members(encoded: &str) -> Vec<Value> {
    let inner = encoded
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or_default();
    inner
        .split(',')
        .filter_map(|member| member.split_once(' '))
        .map(|(kind, name)| json!({ "name": name, "type": kind }))
        .collect()
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

    #[test]
    fn the_types_are_those_of_the_contract_to_the_letter() {
        let binding = Binding::parse("binding.toml", DOCUMENT).expect("a binding");
        let types = typed_data(&binding)["types"]["Terms"].clone();
        let written: Vec<String> = types
            .as_array()
            .expect("a list")
            .iter()
            .map(|member| {
                let text = |key: &str| member[key].as_str().expect("a text").to_owned();
                format!("{} {}", text("type"), text("name"))
            })
            .collect();
        // From Bindings.sol.
        assert_eq!(
            written.join(","),
            "address[] counterparties,uint8 threshold,bytes32 salt,address consumer,uint8 signerThreshold,bool ordered,uint64 versionDelay,bytes32 bindingVersion,bytes32 measurement"
        );
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
                let signed = SignedApproval { counterparty, signature };
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

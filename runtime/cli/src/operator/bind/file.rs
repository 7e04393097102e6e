//! Proposals of every kind, as commands take them from files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use alloy_primitives::{Address, B256, Bytes};
use cryptlet_fabric::Binding;
use cryptlet_fabric::change::ChangeApproval;
use cryptlet_service::api::SignedApproval;
use serde_json::Value;

use super::changing::UnderstoodChange;
use super::proposal::Understood;
use crate::failure::Failure;
use crate::terminal::printable;

/// A proposal that agrees with itself.
pub enum Proposed {
    /// A new binding.
    Creation(Box<Understood>),
    /// A change of one that there is.
    Change(Box<UnderstoodChange>),
}

impl Proposed {
    /// Reads a proposal and checks everything in it.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
        let none = |error: serde_json::Error| {
            Failure::Refused(format!(
                "{name} is no proposal: {error}; make one with `cryptlet bind propose`"
            ))
        };
        let value: Value = serde_json::from_str(&text).map_err(none)?;
        if value.get("change").is_some() {
            let proposal = serde_json::from_str(&text).map_err(none)?;
            let understood = UnderstoodChange::of(&name, proposal).map_err(Failure::Refused)?;
            return Ok(Self::Change(Box::new(understood)));
        }
        let proposal = serde_json::from_str(&text).map_err(none)?;
        Understood::of(&name, proposal)
            .map(Box::new)
            .map(Self::Creation)
    }

    /// The binding as it is or shall be: its counterparties, chain and gateway never change.
    pub fn binding(&self) -> &Binding {
        match self {
            Self::Creation(understood) => &understood.binding,
            Self::Change(understood) => understood.binding(),
        }
    }

    /// What must be signed, one after the other.
    pub fn digests(&self) -> Vec<B256> {
        match self {
            Self::Creation(understood) => vec![understood.binding.terms_digest()],
            Self::Change(understood) => understood.change.digests(),
        }
    }

    /// Takes in a counterparty's signatures, one for each of the digests; those of a contract wallet
    /// are taken unseen.
    pub fn sign(
        &mut self,
        counterparty: Address,
        signatures: Vec<Bytes>,
        by_contract: bool,
    ) -> Result<(), String> {
        match self {
            Self::Creation(understood) => {
                let [signature] = signatures.as_slice() else {
                    return Err(format!(
                        "a new binding takes one signature, and {} are given",
                        signatures.len()
                    ));
                };
                let approval = understood.check(&SignedApproval {
                    counterparty: counterparty.to_string(),
                    signature: signature.to_string(),
                    contract: by_contract,
                })?;
                understood.add(approval, by_contract);
            }
            Self::Change(understood) => {
                let approval = ChangeApproval {
                    counterparty,
                    signatures,
                };
                understood.check(&approval, by_contract)?;
                understood.add(approval, by_contract);
            }
        }
        Ok(())
    }

    /// Takes in what another copy of the same proposal has.
    pub fn join(&mut self, copy: Self) -> Result<(), String> {
        let other = || {
            "they propose different bindings or changes; activate them one after the other"
                .to_owned()
        };
        match (self, copy) {
            (Self::Creation(understood), Self::Creation(copy)) => {
                if copy.proposal.digest != understood.proposal.digest {
                    return Err(other());
                }
                let contracts = contracts(&copy.proposal.approvals, |signed| {
                    (&signed.counterparty, signed.contract)
                });
                for approval in copy.approvals {
                    let by_contract = contracts.contains(&approval.counterparty.to_string());
                    understood.add(approval, by_contract);
                }
            }
            (Self::Change(understood), Self::Change(copy)) => {
                if copy.proposal.digests != understood.proposal.digests {
                    return Err(other());
                }
                let contracts = contracts(&copy.proposal.change.approvals, |signed| {
                    (&signed.counterparty, signed.contract)
                });
                for approval in copy.approvals {
                    let by_contract = contracts.contains(&approval.counterparty.to_string());
                    understood.add(approval, by_contract);
                }
            }
            _ => return Err(other()),
        }
        Ok(())
    }

    /// The counterparties that have not signed, for people.
    pub fn missing(&self) -> Vec<String> {
        let parties = self.binding().counterparties.iter();
        parties
            .filter(|party| !self.has_signed(party.address))
            .map(|party| format!("{} ({})", printable(&party.name), party.address))
            .collect()
    }

    pub fn has_signed(&self, counterparty: Address) -> bool {
        match self {
            Self::Creation(understood) => understood.has_signed(counterparty),
            Self::Change(understood) => understood.has_signed(counterparty),
        }
    }

    /// Whether a counterparty's signature is that of a contract, which nobody has asked yet.
    pub fn is_contract(&self, counterparty: Address) -> bool {
        let account = counterparty.to_string();
        match self {
            Self::Creation(understood) => {
                let signed = &understood.proposal.approvals;
                contracts(signed, |signed| (&signed.counterparty, signed.contract))
            }
            Self::Change(understood) => {
                let signed = &understood.proposal.change.approvals;
                contracts(signed, |signed| (&signed.counterparty, signed.contract))
            }
        }
        .contains(&account)
    }

    /// How many more counterparties must sign.
    pub fn lacking(&self) -> usize {
        match self {
            Self::Creation(_) => self.missing().len(),
            Self::Change(understood) => understood.lacking(),
        }
    }

    /// The proposal as its file holds it.
    pub fn to_json(&self) -> String {
        let text = match self {
            Self::Creation(understood) => serde_json::to_string_pretty(&understood.proposal),
            Self::Change(understood) => serde_json::to_string_pretty(&understood.proposal),
        };
        let mut text = text.expect("a proposal's texts have a JSON form");
        text.push('\n');
        text
    }
}

/// The accounts whose signatures are said to be a contract's.
fn contracts<S>(signed: &[S], of: impl Fn(&S) -> (&String, bool)) -> BTreeSet<String> {
    signed
        .iter()
        .map(of)
        .filter(|(_, is_contract)| *is_contract)
        .map(|(account, _)| account.clone())
        .collect()
}

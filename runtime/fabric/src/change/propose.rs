//! Changes taken in, and the signatures under them.

use alloy_primitives::B256;
use cryptlet_ledger::{ChangeStanding, EvmLedger};

use super::approval::{ChangeApproval, Signed, is_signed_by};
use super::document::{Change, ChangeKind};
use crate::binding::{Approval, Binding, BindingError};
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{BindingRow, ChangeRow, ChangeStatus, JournalError};

impl Fabric {
    /// Takes in a change of a binding, with whatever signatures there are. When enough
    /// counterparties have signed, [`Fabric::deliver`] carries it to the gateway.
    ///
    /// Returns the change's number. A change that is there already gets the signatures.
    ///
    /// # Errors
    ///
    /// If another document is in force, the new one cannot be, its cryptlet is not deployed or does
    /// not fit it, or a signature is not genuine. Contract wallets are asked on their chain.
    pub async fn propose(
        &self,
        change: Change,
        approvals: Vec<ChangeApproval>,
    ) -> Result<u64, FabricError> {
        let name = change.in_force.binding.name.clone();
        let row = self.binding(&name)?;
        let id = row.document.id();
        self.refuse_overtaken(&row)?;
        change.check()?;
        if change.in_force.version() != row.document.version() || change.in_force.id() != id {
            return Err(self.not_in_force(&change, &row.document));
        }
        if change.kind != ChangeKind::Revoke {
            let cryptlet = self.cryptlet(&change.measurement).await?;
            self.check_version(&change.document, &cryptlet).await?;
        }
        if change.kind == ChangeKind::Change {
            let begins_with = self.begins_with(&change.document)?;
            self.inherited_state(&row, &begins_with).await?;
        }
        let approvals = self.genuine(&change, approvals).await?;
        let known = self
            .journal
            .changes(&id)?
            .into_iter()
            .find(|known| known.change == change && !known.status.is_over());
        if let Some(known) = known {
            if !approvals.is_empty() {
                self.add_approvals(&known, approvals).await?;
            }
            return Ok(known.number);
        }
        let replaceable = self.replaceable_by(&change, &row).await?;
        let at = self.seams.clock.now();
        let number = self
            .journal
            .commit(move |writing| {
                let document = &change.document;
                if change.kind == ChangeKind::Change
                    && writing.was_in_force(&document.id(), &document.version())?
                {
                    return Err(JournalError::Conflict(format!(
                        "version {} of binding \"{}\" was in force before, and its pair is used up at the gateway; change one more part of the document",
                        document.version(),
                        document.binding.name
                    )));
                }
                writing.propose(&change, &approvals, &replaceable, at)
            })
            .await?;
        tracing::info!(binding = name, change = number, "a change is proposed");
        Ok(number)
    }

    /// Adds signatures to a change that collects them.
    ///
    /// # Errors
    ///
    /// If there is no such change, it collects none any more, or a signature is not genuine.
    pub async fn approve(
        &self,
        binding: &str,
        number: u64,
        approvals: Vec<ChangeApproval>,
    ) -> Result<(), FabricError> {
        let row = self.binding(binding)?;
        self.refuse_overtaken(&row)?;
        let known = self
            .journal
            .change(&row.document.id(), number)?
            .ok_or_else(|| FabricError::UnknownChange {
                binding: binding.into(),
                number,
            })?;
        let approvals = self.genuine(&known.change, approvals).await?;
        self.add_approvals(&known, approvals).await
    }

    /// The nonce that the next change of a binding must carry: what the gateway expects next, past
    /// the changes that are on their way there.
    ///
    /// # Errors
    ///
    /// If there is no such binding, the gateway does not have it yet, or the node is away.
    pub async fn next_change(&self, binding: &str) -> Result<u64, FabricError> {
        let row = self.binding(binding)?;
        let id = row.document.id();
        let next = self
            .ledger(&row.document)?
            .next_change(B256::from(*id.as_bytes()))
            .await?
            .ok_or_else(|| FabricError::NotAtGateway(binding.into()))?;
        let mut taken: Vec<u64> = self
            .journal
            .open_changes(&id)?
            .iter()
            .flat_map(|row| row.change.messages())
            .filter_map(|message| message.nonce())
            .collect();
        taken.sort_unstable();
        // One beyond a gap is never taken before the gap is filled.
        Ok(taken.into_iter().fold(next, |next, nonce| {
            if nonce == next {
                next.saturating_add(1)
            } else {
                next
            }
        }))
    }

    /// The signed changes of the document that this one may take the place of: the gateway has none
    /// of their messages. What is no change of the document asks no node.
    async fn replaceable_by(
        &self,
        change: &Change,
        row: &BindingRow,
    ) -> Result<Vec<u64>, FabricError> {
        let mut replaceable = Vec::new();
        if change.kind != ChangeKind::Change {
            return Ok(replaceable);
        }
        for open in self.journal.open_changes(&row.document.id())? {
            if open.change.kind != ChangeKind::Change || open.status != ChangeStatus::Signed {
                continue;
            }
            let ledger = self.ledger(&row.document)?;
            let mut is_known = false;
            for message in open.change.messages() {
                let standing = ledger.standing_of(&message).await?;
                is_known |= matches!(standing, ChangeStanding::Carried { .. });
            }
            if !is_known {
                replaceable.push(open.number);
            }
        }
        Ok(replaceable)
    }

    async fn add_approvals(
        &self,
        known: &ChangeRow,
        approvals: Vec<ChangeApproval>,
    ) -> Result<(), FabricError> {
        let (id, number) = (known.change.in_force.id(), known.number);
        let row = self.binding(&known.change.in_force.binding.name)?;
        let replaceable = self.replaceable_by(&known.change, &row).await?;
        self.journal
            .commit(move |writing| writing.approve(&id, number, &approvals, &replaceable))
            .await?;
        Ok(())
    }

    /// The approvals, each of them checked; contract wallets are asked.
    async fn genuine(
        &self,
        change: &Change,
        approvals: Vec<ChangeApproval>,
    ) -> Result<Vec<ChangeApproval>, FabricError> {
        let parties = &change.in_force.counterparties;
        if approvals.len() > parties.len() {
            return Err(super::ApprovalError::TooMany {
                parties: parties.len(),
                found: approvals.len(),
            }
            .into());
        }
        let ledger = self.ledger(&change.in_force)?;
        let digests = change.digests();
        let mut genuine: Vec<ChangeApproval> = Vec::with_capacity(approvals.len());
        for approval in approvals {
            if approval.check(change)? == Signed::ByWallet {
                for (digest, signature) in digests.iter().zip(&approval.signatures) {
                    let counterparty = approval.counterparty;
                    let is_own = is_signed_by(counterparty, *digest, signature)
                        || ledger
                            .is_signature_of_wallet(counterparty, *digest, signature)
                            .await?;
                    if !is_own {
                        return Err(super::ApprovalError::NotGenuine { counterparty }.into());
                    }
                }
            }
            genuine.retain(|other| other.counterparty != approval.counterparty);
            genuine.push(approval);
        }
        genuine.sort_by_key(|approval| approval.counterparty);
        Ok(genuine)
    }

    /// The approvals of a new binding that are genuine, one for each counterparty: made by its key,
    /// or by its contract wallet, which is asked on the binding's chain.
    ///
    /// # Errors
    ///
    /// Names the first counterparty without one.
    pub(crate) async fn genuine_terms(
        &self,
        binding: &Binding,
        approvals: &[Approval],
        ledger: &EvmLedger,
    ) -> Result<Vec<Approval>, FabricError> {
        let terms = binding.terms_digest();
        let mut genuine = Vec::with_capacity(binding.counterparties.len());
        for party in &binding.counterparties {
            let own = approvals
                .iter()
                .filter(|approval| approval.counterparty == party.address);
            let mut found = None;
            for approval in own {
                let is_own = approval.signed(terms)
                    || ledger
                        .is_signature_of_wallet(party.address, terms, &approval.signature)
                        .await?;
                if is_own {
                    found = Some(approval.clone());
                    break;
                }
            }
            genuine.push(found.ok_or_else(|| BindingError::Unsigned {
                binding: binding.binding.name.clone(),
                counterparty: party.name.clone(),
                address: party.address,
                terms,
            })?);
        }
        Ok(genuine)
    }

    fn not_in_force(&self, change: &Change, in_force: &Binding) -> FabricError {
        JournalError::Conflict(format!(
            "the change was proposed for version {} of binding \"{}\", and {} is in force; propose it anew",
            change.in_force.version(),
            in_force.binding.name,
            in_force.version()
        ))
        .into()
    }
}

//! Under a binding's terms: who has signed, and what the gateway is shown of it.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::{Binding, BindingError};
use crate::change::as_the_gateway_takes_it;

/// A counterparty's signature under a binding's terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Approval {
    /// Whose it is.
    pub counterparty: Address,
    /// 65 bytes `r || s || v`, low-s; of a contract wallet (ERC-1271) whatever it takes.
    pub signature: alloy_primitives::Bytes,
}

impl Approval {
    /// Whether this is the counterparty's own signature of `digest`, as the gateway takes it.
    #[must_use]
    pub fn signed(&self, digest: B256) -> bool {
        let Ok(signature) = alloy_primitives::Signature::from_raw(&self.signature) else {
            return false;
        };
        // The gateway refuses high-s, so an approval that it would refuse is none.
        signature.normalize_s().is_none()
            && signature.recover_address_from_prehash(&digest).ok() == Some(self.counterparty)
    }
}

impl Binding {
    /// Checks that every counterparty has signed the terms with its key. Whether a contract wallet
    /// has, its chain alone can say.
    ///
    /// # Errors
    ///
    /// Names the first who has not.
    pub fn check_approvals(&self, approvals: &[Approval]) -> Result<(), BindingError> {
        let terms = self.terms_digest();
        for counterparty in &self.counterparties {
            let signed = approvals.iter().any(|approval| {
                approval.counterparty == counterparty.address && approval.signed(terms)
            });
            if !signed {
                return Err(BindingError::Unsigned {
                    binding: self.binding.name.clone(),
                    counterparty: counterparty.name.clone(),
                    address: counterparty.address,
                    terms,
                });
            }
        }
        Ok(())
    }

    /// Approvals that were found genuine, as the gateway takes them: one for each counterparty, in
    /// their order.
    pub(crate) fn chain_approvals(
        &self,
        approvals: &[Approval],
    ) -> Vec<cryptlet_contracts::Approval> {
        let terms = self.terms_digest();
        self.counterparties
            .iter()
            .filter_map(|counterparty| {
                let own = approvals
                    .iter()
                    .filter(|approval| approval.counterparty == counterparty.address);
                let approval = own
                    .clone()
                    .find(|approval| approval.signed(terms))
                    .or_else(|| own.into_iter().next())?;
                Some(cryptlet_contracts::Approval {
                    counterparty: counterparty.address,
                    signature: as_the_gateway_takes_it(
                        counterparty.address,
                        terms,
                        &approval.signature,
                    ),
                })
            })
            .collect()
    }
}

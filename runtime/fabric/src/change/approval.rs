//! Counterparties' signatures under a change.

use alloy_primitives::{Address, B256, Bytes, Signature};
use serde::{Deserialize, Serialize};

use super::document::Change;
use crate::binding::Approval;

/// A counterparty's signatures under a change: one for each of [`Change::messages`], in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChangeApproval {
    /// Whose they are.
    pub counterparty: Address,
    /// 65 bytes `r || s || v` of a key, or whatever the counterparty's contract wallet takes.
    pub signatures: Vec<Bytes>,
}

/// Who can say that a signature is the counterparty's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// Everybody: the counterparty's key made it.
    ByKey,
    /// The counterparty's contract wallet alone, asked on its chain (ERC-1271), if there is one.
    ByWallet,
}

/// An approval that is none, whatever a wallet says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// A stranger signed.
    #[error("{account} is no counterparty of binding \"{binding}\"; they are {counterparties}")]
    Stranger {
        /// Who signed.
        account: Address,
        /// The binding.
        binding: String,
        /// Who could have.
        counterparties: String,
    },
    /// More approvals than there are counterparties: each would be asked for on the chain.
    #[error("{found} approvals of {parties} counterparties; hand in one of each at most")]
    TooMany {
        /// How many counterparties there are.
        parties: usize,
        /// How many approvals there are.
        found: usize,
    },
    /// Not every message is signed, or more than there are.
    #[error(
        "the change takes {expected} signatures of {counterparty}, one for each message, and {found} are there; sign each typed data of the proposal"
    )]
    Count {
        /// Who signed.
        counterparty: Address,
        /// How many there must be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// Neither a key's signature nor one that a wallet stands for.
    #[error(
        "a signature is not one of {counterparty} under this change; have that wallet sign the proposal's typed data with eth_signTypedData_v4"
    )]
    NotGenuine {
        /// Whose it was said to be.
        counterparty: Address,
    },
}

impl ChangeApproval {
    /// Checks everything about the approval that needs no chain.
    ///
    /// # Errors
    ///
    /// If it is a stranger's, or does not have one signature for each message.
    pub fn check(&self, change: &Change) -> Result<Signed, ApprovalError> {
        let parties = &change.in_force.counterparties;
        if !parties
            .iter()
            .any(|party| party.address == self.counterparty)
        {
            let known: Vec<String> = parties
                .iter()
                .map(|party| party.address.to_string())
                .collect();
            return Err(ApprovalError::Stranger {
                account: self.counterparty,
                binding: change.in_force.binding.name.clone(),
                counterparties: known.join(", "),
            });
        }
        let digests = change.digests();
        if digests.len() != self.signatures.len() {
            return Err(ApprovalError::Count {
                counterparty: self.counterparty,
                expected: digests.len(),
                found: self.signatures.len(),
            });
        }
        let by_key = digests
            .into_iter()
            .zip(&self.signatures)
            .all(|(digest, signature)| is_signed_by(self.counterparty, digest, signature));
        Ok(if by_key {
            Signed::ByKey
        } else {
            Signed::ByWallet
        })
    }
}

/// Whether the account's own key made this signature, in whichever form a wallet writes it.
pub(crate) fn is_signed_by(account: Address, digest: B256, signature: &Bytes) -> bool {
    Signature::from_raw(signature).is_ok_and(|signature| {
        let approval = Approval {
            counterparty: account,
            signature: signature.normalized_s().as_bytes().into(),
        };
        approval.signed(digest)
    })
}

/// A signature as the gateway takes it: a key's with 27 or 28 at its end and a low s, a contract
/// wallet's untouched.
pub(crate) fn as_the_gateway_takes_it(account: Address, digest: B256, signature: &Bytes) -> Bytes {
    match Signature::from_raw(signature) {
        Ok(parsed) if is_signed_by(account, digest, signature) => {
            parsed.normalized_s().as_bytes().into()
        }
        _ => signature.clone(),
    }
}

/// The approvals of one message, by its place among [`Change::messages`], ascending by counterparty
/// as the gateway takes them.
pub(crate) fn for_gateway(
    change: &Change,
    approvals: &[ChangeApproval],
    place: usize,
) -> Vec<cryptlet_contracts::Approval> {
    let Some(digest) = change.digests().get(place).copied() else {
        return Vec::new();
    };
    let mut taken: Vec<_> = approvals
        .iter()
        .filter_map(|approval| {
            let signature = approval.signatures.get(place)?;
            Some(cryptlet_contracts::Approval {
                counterparty: approval.counterparty,
                signature: as_the_gateway_takes_it(approval.counterparty, digest, signature),
            })
        })
        .collect();
    taken.sort_by_key(|approval| approval.counterparty);
    taken.dedup_by_key(|approval| approval.counterparty);
    taken
}

#[cfg(test)]
mod tests {
    use cryptlet_attest::Measurement;
    use proptest::prelude::*;

    use super::*;
    use crate::binding::Binding;

    fn change() -> Change {
        let text = include_str!("../../tests/documents/binding.toml");
        let binding = Binding::parse("binding.toml", text).expect("a binding");
        Change::allow(binding, Measurement::of(b"next"), 1)
    }

    fn approval(party: u8, signatures: &[&[u8]]) -> ChangeApproval {
        ChangeApproval {
            counterparty: Address::with_last_byte(party),
            signatures: signatures
                .iter()
                .map(|signature| Bytes::copy_from_slice(signature))
                .collect(),
        }
    }

    #[test]
    fn a_stranger_and_a_missing_signature_are_no_approval() {
        let stranger = approval(9, &[b"anything"]).check(&change());
        assert!(matches!(stranger, Err(ApprovalError::Stranger { .. })));
        let missing = approval(1, &[]).check(&change());
        assert!(matches!(missing, Err(ApprovalError::Count { .. })));
    }

    #[test]
    fn a_contract_wallets_bytes_reach_the_gateway_untouched_and_in_order() {
        let given = [approval(2, &[b"b"]), approval(1, &[b"a"])];
        let taken = for_gateway(&change(), &given, 0);
        let bytes: Vec<_> = taken
            .iter()
            .map(|approval| approval.signature.to_vec())
            .collect();
        assert_eq!(bytes, [b"a".to_vec(), b"b".to_vec()]);
    }

    proptest! {
        #[test]
        fn no_bytes_pass_for_a_keys_signature_by_chance(
            signature in proptest::collection::vec(any::<u8>(), 0..80)
        ) {
            let approval = approval(1, &[&signature]);
            prop_assert_eq!(approval.check(&change()), Ok(Signed::ByWallet));
        }
    }
}

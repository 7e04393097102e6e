//! What counterparties sign to change a binding that the gateway has.

use alloy::{
    primitives::{B256, Bytes},
    sol_types::{Eip712Domain, SolCall, SolStruct},
};

use crate::{AllowVersion, Approval, ChangeTerms, CryptoDelegate, RevokeVersion, Signable};

/// One message that changes a binding at the gateway; each is signed by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeMessage {
    /// Allows one more pair of binding version and measurement, after the binding's delay.
    Allow(AllowVersion),
    /// Changes what can change of the terms, after the binding's delay.
    Terms(ChangeTerms),
    /// Takes an allowed pair away, at once.
    Revoke(RevokeVersion),
}

impl ChangeMessage {
    /// The binding that is changed.
    pub fn binding(&self) -> B256 {
        match self {
            Self::Allow(message) => message.binding,
            Self::Terms(message) => message.binding,
            Self::Revoke(message) => message.binding,
        }
    }

    /// The binding's `changeNonce` that the message uses up; none for a revocation, which uses up
    /// none.
    pub fn nonce(&self) -> Option<u64> {
        match self {
            Self::Allow(message) => Some(message.nonce),
            Self::Terms(message) => Some(message.nonce),
            Self::Revoke(_) => None,
        }
    }

    /// The 32 bytes to sign for the gateway that `domain` names.
    pub fn digest(&self, domain: &Eip712Domain) -> B256 {
        match self {
            Self::Allow(message) => message.digest(domain),
            Self::Terms(message) => message.digest(domain),
            Self::Revoke(message) => message.digest(domain),
        }
    }

    /// The EIP-712 type, as it is hashed: `AllowVersion(bytes32 binding,…)`.
    pub fn encoded_type(&self) -> String {
        match self {
            Self::Allow(_) => AllowVersion::eip712_encode_type(),
            Self::Terms(_) => ChangeTerms::eip712_encode_type(),
            Self::Revoke(_) => RevokeVersion::eip712_encode_type(),
        }
        .into_owned()
    }

    /// The gateway's function with the message and its approvals, as a transaction carries it.
    ///
    /// Approvals ascend by counterparty. A revocation takes exactly one, so of several the first is
    /// used; without any there is no such call.
    pub fn call(&self, approvals: &[Approval]) -> Option<Bytes> {
        let approvals = approvals.to_vec();
        let first = approvals.first()?.clone();
        let call = match self {
            Self::Allow(message) => CryptoDelegate::allowVersionCall {
                id: message.binding,
                bindingVersion: message.bindingVersion,
                measurement: message.measurement,
                nonce: message.nonce,
                approvals,
            }
            .abi_encode(),
            Self::Terms(message) => CryptoDelegate::changeTermsCall {
                id: message.binding,
                consumer: message.consumer,
                signerThreshold: message.signerThreshold,
                ordered: message.ordered,
                versionDelay: message.versionDelay,
                nonce: message.nonce,
                approvals,
            }
            .abi_encode(),
            Self::Revoke(message) => CryptoDelegate::revokeVersionCall {
                id: message.binding,
                bindingVersion: message.bindingVersion,
                measurement: message.measurement,
                nonce: message.nonce,
                approval: first,
            }
            .abi_encode(),
        };
        Some(call.into())
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;

    fn approvals(count: u8) -> Vec<Approval> {
        (1..=count)
            .map(|party| Approval {
                counterparty: Address::repeat_byte(party),
                signature: vec![party; 65].into(),
            })
            .collect()
    }

    fn allow() -> AllowVersion {
        AllowVersion {
            binding: B256::repeat_byte(1),
            bindingVersion: B256::repeat_byte(2),
            measurement: B256::repeat_byte(3),
            nonce: 7,
        }
    }

    #[test]
    fn a_call_carries_the_message_and_every_approval() {
        let call = ChangeMessage::Allow(allow()).call(&approvals(2)).unwrap();
        let decoded = CryptoDelegate::allowVersionCall::abi_decode(&call).unwrap();
        assert_eq!((decoded.id, decoded.nonce), (allow().binding, 7));
        assert_eq!(decoded.approvals, approvals(2));
    }

    #[test]
    fn a_revocation_carries_one_approval_and_uses_up_no_nonce() {
        let revocation = ChangeMessage::Revoke(RevokeVersion {
            binding: B256::repeat_byte(1),
            ..RevokeVersion::default()
        });
        let call = revocation.call(&approvals(2)).unwrap();
        let decoded = CryptoDelegate::revokeVersionCall::abi_decode(&call).unwrap();
        assert_eq!(decoded.approval, approvals(1)[0]);
        assert_eq!(revocation.nonce(), None);
    }

    #[test]
    fn nothing_is_called_without_an_approval() {
        assert_eq!(ChangeMessage::Allow(allow()).call(&[]), None);
    }
}

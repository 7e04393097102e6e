use alloy::consensus::{SignableTransaction, Signed, TxEip1559};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use thiserror::Error;

use super::fees::Fees;
use crate::{Attempt, ChainId};

/// A transaction before its signature: plain data, so that what is signed can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnsignedTransaction {
    chain: ChainId,
    transaction: TxEip1559,
}

impl UnsignedTransaction {
    pub(super) fn new(
        chain: ChainId,
        nonce: u64,
        gas_limit: u64,
        fees: Fees,
        to: Address,
        input: Bytes,
    ) -> Self {
        let transaction = TxEip1559 {
            chain_id: chain.0,
            nonce,
            gas_limit,
            max_fee_per_gas: fees.max_fee_per_gas,
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
            to: TxKind::Call(to),
            value: U256::ZERO,
            access_list: Default::default(),
            input,
        };
        Self { chain, transaction }
    }

    /// What the account's key signs.
    pub(super) fn digest(&self) -> B256 {
        self.transaction.signature_hash()
    }

    /// The transaction as it is broadcast.
    pub(super) fn assemble(self, account: Address, signature: Signature) -> Attempt {
        let signed = self.transaction.into_signed(signature);
        attempt(self.chain, account, &signed)
    }
}

fn attempt(chain: ChainId, account: Address, signed: &Signed<TxEip1559>) -> Attempt {
    let transaction = signed.tx();
    Attempt {
        chain,
        account,
        nonce: transaction.nonce,
        hash: *signed.hash(),
        raw: signed.encoded_2718().into(),
        gas_limit: transaction.gas_limit,
        max_fee_per_gas: transaction.max_fee_per_gas,
        max_priority_fee_per_gas: transaction.max_priority_fee_per_gas,
    }
}

impl Attempt {
    /// The signed transaction itself: everything else can be read from it again.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.raw.to_vec()
    }

    /// Reads what [`Attempt::to_bytes`] wrote; the account is recovered from the signature.
    ///
    /// # Errors
    ///
    /// [`AttemptError`] if the bytes are not exactly one signed EIP-1559 transaction.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AttemptError> {
        let mut rest = bytes;
        let signed = Signed::<TxEip1559>::decode_2718(&mut rest).map_err(|error| {
            AttemptError::Malformed {
                reason: error.to_string(),
            }
        })?;
        if !rest.is_empty() {
            return Err(AttemptError::Malformed {
                reason: format!("{} bytes too many", rest.len()),
            });
        }
        let account = signed
            .recover_signer()
            .map_err(|_| AttemptError::BadSignature)?;
        let chain = ChainId(signed.tx().chain_id);
        let attempt = attempt(chain, account, &signed);
        if *attempt.raw != *bytes {
            return Err(AttemptError::Malformed {
                reason: "not in canonical form".to_owned(),
            });
        }
        Ok(attempt)
    }

    pub(super) fn fees(&self) -> Fees {
        Fees {
            max_fee_per_gas: self.max_fee_per_gas,
            max_priority_fee_per_gas: self.max_priority_fee_per_gas,
        }
    }
}

/// Why bytes are no attempt.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AttemptError {
    /// Not a signed EIP-1559 transaction.
    #[error("the stored bytes are not a signed EIP-1559 transaction: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// No account can have made the signature.
    #[error("the stored transaction's signature belongs to no account")]
    BadSignature,
}

#[cfg(test)]
mod tests {
    use alloy::signers::{SignerSync, local::PrivateKeySigner};
    use proptest::prelude::*;

    use super::*;

    fn signed(key: &PrivateKeySigner, unsigned: UnsignedTransaction) -> Attempt {
        let signature = key
            .sign_hash_sync(&unsigned.digest())
            .expect("a local key signs");
        unsigned.assemble(key.address(), signature)
    }

    fn key() -> PrivateKeySigner {
        PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).expect("a valid scalar")
    }

    prop_compose! {
        fn any_unsigned()(
            chain in 1..u64::MAX, nonce: u64, gas_limit: u64, priority: u64, rest: u64,
            to: [u8; 20], input in prop::collection::vec(any::<u8>(), 0..300),
        ) -> UnsignedTransaction {
            let fees = Fees {
                max_fee_per_gas: u128::from(priority) + u128::from(rest),
                max_priority_fee_per_gas: priority.into(),
            };
            UnsignedTransaction::new(ChainId(chain), nonce, gas_limit, fees, to.into(), input.into())
        }
    }

    proptest! {
        #[test]
        fn an_attempt_survives_its_bytes(unsigned in any_unsigned()) {
            let attempt = signed(&key(), unsigned);
            prop_assert_eq!(alloy::primitives::keccak256(&attempt.raw), attempt.hash);
            prop_assert_eq!(Attempt::from_bytes(&attempt.to_bytes()), Ok(attempt));
        }

        #[test]
        fn changed_bytes_are_refused_or_are_another_transaction(
            unsigned in any_unsigned(), at: prop::sample::Index, flip in 1..=u8::MAX,
        ) {
            let attempt = signed(&key(), unsigned);
            let mut bytes = attempt.to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            if let Ok(other) = Attempt::from_bytes(&bytes) {
                prop_assert_ne!(other.hash, attempt.hash);
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = Attempt::from_bytes(&bytes);
        }
    }

    #[test]
    fn bytes_behind_the_transaction_are_refused() {
        let fees = Fees {
            max_fee_per_gas: 2,
            max_priority_fee_per_gas: 1,
        };
        let unsigned =
            UnsignedTransaction::new(ChainId(1), 0, 21_000, fees, Address::ZERO, Bytes::new());
        let mut bytes = signed(&key(), unsigned).to_bytes();
        bytes.push(0);
        assert!(matches!(
            Attempt::from_bytes(&bytes),
            Err(AttemptError::Malformed { .. })
        ));
    }
}

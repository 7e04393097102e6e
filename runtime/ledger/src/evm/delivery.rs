use alloy::primitives::aliases::U96;
use alloy::primitives::{Address, B256, Bytes, keccak256};
use cryptlet_contracts::{Result as SignedResult, Signable, domain};

use crate::ChainId;

/// One attested output on its way to a contract.
///
/// Everything the gateway checks is in here; it is what the delivery key signs
/// ([`Delivery::digest`]) and independent of nonces and fees, so that any number
/// of transactions can carry it and at most one takes effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The binding's id: keccak256 of its counterparties and a salt.
    pub binding: B256,
    /// The binding's version that was in force.
    pub binding_version: B256,
    /// Its number among the binding's deliveries to this ledger, from 1.
    pub delivery: u64,
    /// The cryptlet that ran: BLAKE3 of its bytes.
    pub measurement: B256,
    /// Hash of the receipt's execution part.
    pub execution_hash: B256,
    /// The receipt's leaf in the log.
    pub receipt_hash: B256,
    /// The consumer's encoded call.
    pub call: Bytes,
    /// First acceptable block time, in seconds since 1970.
    pub not_before: u64,
    /// Last acceptable block time, in seconds since 1970.
    pub valid_until: u64,
    /// Gas the consumer's callback is given.
    pub gas_limit: u32,
    /// The highest gas price, in wei, at which the gateway takes it; 0 for any. At most 2^96 - 1.
    pub max_fee: u128,
}

impl Delivery {
    /// keccak256 of the encoded call.
    pub fn output_hash(&self) -> B256 {
        keccak256(&self.call)
    }

    /// What the delivery key signs: the EIP-712 digest of
    /// `Result(bytes32 binding,bytes32 bindingVersion,uint64 delivery,bytes32 measurement,bytes32 executionHash,bytes32 receiptHash,bytes32 outputHash,uint64 notBefore,uint64 validUntil,uint32 gasLimit,uint96 maxFee)`
    /// in the domain of one gateway on one chain.
    ///
    /// A `max_fee` above 2^96 - 1 is cut to it: it allows every price either way.
    pub fn digest(&self, chain: ChainId, gateway: Address) -> B256 {
        self.signed_result().digest(&domain(chain.0, gateway))
    }

    pub(super) fn signed_result(&self) -> SignedResult {
        SignedResult {
            binding: self.binding,
            bindingVersion: self.binding_version,
            delivery: self.delivery,
            measurement: self.measurement,
            executionHash: self.execution_hash,
            receiptHash: self.receipt_hash,
            outputHash: self.output_hash(),
            notBefore: self.not_before,
            validUntil: self.valid_until,
            gasLimit: self.gas_limit,
            maxFee: U96::saturating_from(self.max_fee),
        }
    }
}

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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The vector that ethers.js agrees with (`contracts/test/eip712.test.mjs`).
    #[test]
    fn eip_712_digest_is_the_one_that_the_contracts_are_tested_with() {
        let vectors: Value = serde_json::from_str(include_str!(
            "../../../../contracts/test/vectors/typed-data.json"
        ))
        .expect("the vectors are JSON");
        let vector = vectors["messages"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|vector| {
                vector["type"]
                    .as_str()
                    .is_some_and(|kind| kind.starts_with("Result("))
            })
            .expect("there is a vector for Result");
        let text = |name: &str| {
            vector["message"][name]
                .as_str()
                .unwrap_or_else(|| panic!("{name} is text"))
        };
        let word = |name: &str| -> B256 { text(name).parse().expect("32 bytes") };
        let number = |name: &str| -> u64 { text(name).parse().expect("64 bits") };
        let delivery = Delivery {
            binding: word("binding"),
            binding_version: word("bindingVersion"),
            delivery: number("delivery"),
            measurement: word("measurement"),
            execution_hash: word("executionHash"),
            receipt_hash: word("receiptHash"),
            call: Bytes::from_static(b"output"),
            not_before: number("notBefore"),
            valid_until: number("validUntil"),
            gas_limit: u32::MAX,
            max_fee: text("maxFee").parse().expect("96 bits"),
        };
        assert_eq!(delivery.output_hash(), word("outputHash"));
        let chain = ChainId(vectors["domain"]["chainId"].as_u64().expect("a chain id"));
        let gateway: Address = vectors["domain"]["verifyingContract"]
            .as_str()
            .expect("an address")
            .parse()
            .expect("an address");

        let digest = delivery.digest(chain, gateway);

        let expected: B256 = vector["digest"]
            .as_str()
            .expect("a digest")
            .parse()
            .expect("32 bytes");
        assert_eq!(digest, expected);
        assert_ne!(delivery.digest(ChainId(1), gateway), digest);
        assert_ne!(delivery.digest(chain, Address::ZERO), digest);
    }
}

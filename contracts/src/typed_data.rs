//! EIP-712 messages that the gateway accepts, and their digests.

use alloy::{
    primitives::{Address, B256, keccak256},
    sol,
    sol_types::{Eip712Domain, SolStruct, SolValue, eip712_domain},
};

/// One output of a cryptlet on its way to a contract: what a delivery key signs. The fields are explained at the struct
/// of the same name in `CryptoDelegate.sol`.
pub use crate::bindings::CryptoDelegate::Result;

/// What all counterparties sign to create a binding. The fields are explained at the struct of the same name in
/// `Bindings.sol`; `counterparties` ascend.
pub use crate::bindings::CryptoDelegate::Terms;

/// One counterparty's agreement: its address and its signature. Lists of them ascend by counterparty.
pub use crate::bindings::CryptoDelegate::Approval;

sol! {
    /// What `threshold` counterparties sign to allow one more version.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct AllowVersion {
        /// The binding.
        bytes32 binding;
        /// The new version of the binding.
        bytes32 bindingVersion;
        /// The cryptlet (BLAKE3 of its bytes) that the version may run.
        bytes32 measurement;
        /// The binding's `changeNonce`.
        uint64 nonce;
    }

    /// What any one counterparty signs to take an allowed version away at once.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct RevokeVersion {
        /// The binding.
        bytes32 binding;
        /// The version of the binding.
        bytes32 bindingVersion;
        /// The cryptlet (BLAKE3 of its bytes).
        bytes32 measurement;
        /// The nonce of the change that allowed the pair (the gateway's `allowance`), not the binding's next one.
        uint64 nonce;
    }

    /// What `threshold` counterparties sign to change terms, after the delay that holds now.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct ChangeTerms {
        /// The binding.
        bytes32 binding;
        /// The contract that deliveries call.
        address consumer;
        /// How many admitted keys must sign a delivery.
        uint8 signerThreshold;
        /// Whether deliveries arrive in the order of their numbers.
        bool ordered;
        /// Seconds between the signing of later changes and their effect.
        uint64 versionDelay;
        /// The binding's `changeNonce`.
        uint64 nonce;
    }

    /// What delivery keys sign to use a number up without a call.
    #[derive(Debug, PartialEq, Eq)]
    struct Skip {
        /// The binding.
        bytes32 binding;
        /// The number; an ordered binding's next one.
        uint64 delivery;
        /// The log leaf hash of the receipt whose output is given up; never zero.
        bytes32 receiptHash;
    }
}

/// A message that the gateway checks a signature of.
pub trait Signable: SolStruct {
    /// The 32 bytes to sign for the gateway that `domain` names.
    fn digest(&self, domain: &Eip712Domain) -> B256 {
        self.eip712_signing_hash(domain)
    }
}

impl Signable for Result {}
impl Signable for Terms {}
impl Signable for AllowVersion {}
impl Signable for RevokeVersion {}
impl Signable for ChangeTerms {}
impl Signable for Skip {}

/// The EIP-712 domain of a gateway: what keeps a signature from counting on another chain or at another gateway.
pub fn domain(chain: u64, gateway: Address) -> Eip712Domain {
    eip712_domain! {
        name: "CryptoDelegate",
        version: "1",
        chain_id: chain,
        verifying_contract: gateway,
    }
}

/// The id that the gateway gives a binding: keccak256(abi.encode(counterparties, salt)).
///
/// The gateway takes counterparties in strictly ascending order only; any other order has an id, too, but no binding.
pub fn binding_id(counterparties: &[Address], salt: B256) -> B256 {
    keccak256((counterparties.to_vec(), salt).abi_encode_params())
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use serde_json::Value;

    use super::*;

    /// The string of the specification, not one that is derived from the code.
    const RESULT: &str = "Result(bytes32 binding,bytes32 bindingVersion,uint64 delivery,bytes32 measurement,bytes32 executionHash,bytes32 receiptHash,bytes32 outputHash,uint64 notBefore,uint64 validUntil,uint32 gasLimit,uint96 maxFee)";

    #[test]
    fn the_type_of_a_result_is_the_specified_one_to_the_letter() {
        assert_eq!(Result::eip712_encode_type(), RESULT);
    }

    #[test]
    fn digests_are_those_that_ethers_computes() {
        let vectors = Vectors::read();
        let domain = vectors.domain();
        assert_eq!(
            domain.separator(),
            parse::<B256>(&vectors.0["domainSeparator"])
        );

        let mut checked = 0;
        for entry in vectors.0["messages"].as_array().expect("a list") {
            let kind = entry["type"].as_str().expect("a string");
            let (encoded_type, digest) = encode(kind, &entry["message"], &domain);
            assert_eq!(encoded_type, kind);
            assert_eq!(digest, parse::<B256>(&entry["digest"]), "{kind}");
            checked += 1;
        }
        assert_eq!(checked, 6);
    }

    #[test]
    fn binding_ids_are_those_that_ethers_computes() {
        let vectors = Vectors::read();
        let binding = &vectors.0["binding"];
        let id = binding_id(
            &addresses(&binding["counterparties"]),
            parse(&binding["salt"]),
        );
        assert_eq!(id, parse::<B256>(&binding["id"]));
    }

    fn encode(kind: &str, message: &Value, domain: &Eip712Domain) -> (String, B256) {
        fn both<M: Signable>(message: M, domain: &Eip712Domain) -> (String, B256) {
            (M::eip712_encode_type().into_owned(), message.digest(domain))
        }
        let bytes = |name: &str| parse::<B256>(&message[name]);
        let number = |name: &str| parse::<u64>(&message[name]);
        let small = |name: &str| u8::try_from(number(name)).expect("a byte");
        let flag = |name: &str| message[name].as_bool().expect("a boolean");
        match kind.split('(').next() {
            Some("Result") => both(
                Result {
                    binding: bytes("binding"),
                    bindingVersion: bytes("bindingVersion"),
                    delivery: number("delivery"),
                    measurement: bytes("measurement"),
                    executionHash: bytes("executionHash"),
                    receiptHash: bytes("receiptHash"),
                    outputHash: bytes("outputHash"),
                    notBefore: number("notBefore"),
                    validUntil: number("validUntil"),
                    gasLimit: u32::try_from(number("gasLimit")).expect("32 bits"),
                    maxFee: parse(&message["maxFee"]),
                },
                domain,
            ),
            Some("Terms") => both(
                Terms {
                    counterparties: addresses(&message["counterparties"]),
                    threshold: small("threshold"),
                    salt: bytes("salt"),
                    consumer: parse(&message["consumer"]),
                    signerThreshold: small("signerThreshold"),
                    ordered: flag("ordered"),
                    versionDelay: number("versionDelay"),
                    bindingVersion: bytes("bindingVersion"),
                    measurement: bytes("measurement"),
                },
                domain,
            ),
            Some("AllowVersion") => both(
                AllowVersion {
                    binding: bytes("binding"),
                    bindingVersion: bytes("bindingVersion"),
                    measurement: bytes("measurement"),
                    nonce: number("nonce"),
                },
                domain,
            ),
            Some("RevokeVersion") => both(
                RevokeVersion {
                    binding: bytes("binding"),
                    bindingVersion: bytes("bindingVersion"),
                    measurement: bytes("measurement"),
                    nonce: number("nonce"),
                },
                domain,
            ),
            Some("ChangeTerms") => both(
                ChangeTerms {
                    binding: bytes("binding"),
                    consumer: parse(&message["consumer"]),
                    signerThreshold: small("signerThreshold"),
                    ordered: flag("ordered"),
                    versionDelay: number("versionDelay"),
                    nonce: number("nonce"),
                },
                domain,
            ),
            Some("Skip") => both(
                Skip {
                    binding: bytes("binding"),
                    delivery: number("delivery"),
                    receiptHash: bytes("receiptHash"),
                },
                domain,
            ),
            _ => panic!("the vectors hold a message that is not ours: {kind}"),
        }
    }

    /// `test/vectors/typed-data.json`, which `test/eip712.test.mjs` checks against ethers.js.
    struct Vectors(Value);

    impl Vectors {
        fn read() -> Self {
            let text = include_str!("../test/vectors/typed-data.json");
            Self(serde_json::from_str(text).expect("the vectors are JSON"))
        }

        fn domain(&self) -> Eip712Domain {
            let domain_of_vectors = &self.0["domain"];
            domain(
                parse(&domain_of_vectors["chainId"]),
                parse(&domain_of_vectors["verifyingContract"]),
            )
        }
    }

    fn addresses(list: &Value) -> Vec<Address> {
        list.as_array().expect("a list").iter().map(parse).collect()
    }

    fn parse<T: FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        text.parse()
            .expect("the vectors hold values of their types")
    }
}

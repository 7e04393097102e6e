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
    #[derive(Debug, PartialEq, Eq)]
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
    #[derive(Debug, PartialEq, Eq)]
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
    #[derive(Debug, PartialEq, Eq)]
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

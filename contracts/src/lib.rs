//! The on-chain part of the Cryptlet Fabric, as Rust sees it.
//!
//! [`CryptoDelegate`] is the gateway: it accepts an output only from the bound cryptlet, in an allowed version, once,
//! in order, and hands it to the binding's consumer. [`SignerRegistry`] says which keys may sign for which binding.
//! [`InterestRateSwap`] is an example of a consumer, [`CollateralToken`] its money. The Solidity sources stand in
//! `contracts/src`, next to this crate's own.
//!
//! The bindings come from the artefacts that are committed in `contracts/artifacts`, so building this crate needs no
//! Solidity compiler. This crate sends nothing, keeps no key and knows no fee: that is the ledger's part.
//!
//! ```
//! use alloy::primitives::{Address, B256, keccak256};
//! use cryptlet_contracts::{Result, Signable, binding_id, domain};
//!
//! let binding = binding_id(&[Address::repeat_byte(1), Address::repeat_byte(2)], B256::ZERO);
//! let call = b"the consumer's calldata";
//! let result = Result {
//!     binding,
//!     delivery: 1,
//!     outputHash: keccak256(call),
//!     validUntil: 1_143_849_600,
//!     gasLimit: 200_000,
//!     ..Result::default()
//! };
//! let gateway = Address::repeat_byte(9);
//! let digest = result.digest(&domain(31_337, gateway)); // what a delivery key signs
//! assert_ne!(digest, result.digest(&domain(1, gateway)));
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod bindings;
mod change;
#[cfg(feature = "node")]
pub mod node;
mod typed_data;

pub use bindings::{Bindings, CollateralToken, CryptoDelegate, InterestRateSwap, SignerRegistry};
pub use change::ChangeMessage;
pub use typed_data::{
    AllowVersion, Approval, ChangeTerms, Result, RevokeVersion, Signable, Skip, Terms, binding_id,
    domain,
};

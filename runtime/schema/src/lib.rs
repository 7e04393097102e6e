//! What a cryptlet says about itself, and the shape of its messages.
//!
//! A cryptlet carries a [`Manifest`] (`cryptlet.toml`, embedded in its component): its name,
//! what it needs, where its limits lie and which messages it reads and writes. A [`Message`] is
//! one such message, written in Ethereum's human-readable ABI; guests see it as JSON, ledgers as
//! ABI bytes, and this crate is the one place where the one becomes the other.
//!
//! The mapping is stricter than what ABI libraries offer for convenience, because digests of
//! these bytes are signed: a number, an address or a byte string is spelt in one way, ABI bytes
//! are read only if Solidity would have written them exactly so, and what does not fit is refused
//! with the path of the offending field. White space, the order of keys and escapes in strings
//! are the writer's own; digests cover the bytes as they came.
//!
//! [`solidity_interface`] is what the contract inherits; `cargo run -p cryptlet-schema --example
//! solidity-interface -- cryptlet.toml` prints it.
//!
//! It is not a Solidity compiler and not a general JSON-ABI library: messages have named fields,
//! functions return nothing, and events are never anonymous.
//!
//! ```
//! use cryptlet_schema::Message;
//!
//! let settle: Message = "settle(uint32 period, address payer, uint256 amount)".parse()?;
//! let json = br#"{"period":3,"payer":"0x00000000000000000000000000000000000000aa","amount":"1200"}"#;
//! let call = settle.encode_call(json)?;
//!
//! assert_eq!(settle.signature(), "settle(uint32,address,uint256)");
//! assert_eq!(call[..4], settle.selector());
//! // Reading gives the one form that the host writes: addresses carry their EIP-55 checksum.
//! assert_eq!(
//!     settle.decode_call(&call)?,
//!     br#"{"period":3,"payer":"0x00000000000000000000000000000000000000AA","amount":"1200"}"#,
//! );
//!
//! let refusal = settle.check(br#"{"period":3,"payer":"0x00","amount":1200}"#).unwrap_err();
//! assert!(refusal.to_string().starts_with("payer: expected"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod abi;
mod compatibility;
mod document;
mod error;
mod json;
mod limits;
mod manifest;
mod message;
mod path;
mod reserved;
mod shape;
mod solidity;
mod syntax;

pub use compatibility::{
    Breach, Bump, Change, ChangeKind, check_bump, compare_manifests, neighbours,
};
pub use error::SchemaError;
pub use limits::Limits;
pub use manifest::{
    Build, Capabilities, Identity, Kind, MANIFEST_SECTION, Manifest, ManifestError, Messages,
    Problem, StateSchema,
};
pub use message::{Field, MAX_JSON_BYTES, Message};
pub use shape::MAX_LIST_LENGTH;
pub use solidity::solidity_interface;
pub use syntax::SignatureError;

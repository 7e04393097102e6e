#![forbid(unsafe_code)]
#![warn(missing_docs)]
//! What an auditor needs and no more.

mod digest;
mod encoding;
mod entry;
mod identity;
mod limits;
pub mod log;
mod outcome;
mod salt;
mod statement;
mod trigger;
mod view;

pub use digest::digest;
pub use encoding::EncodingError;
pub use entry::{
    Accepted, BindingChange, BindingEntry, KeyEntry, LogEntry, MAXIMUM_ENTRY, VersionChange,
    VersionEntry,
};
pub use identity::{BindingId, BindingVersion, Digest, IdentityError, LeafHash, Measurement};
pub use limits::Limits;
pub use outcome::{Outcome, Output};
pub use salt::{FieldSalt, Opening, Salt};
pub use statement::{Execution, Host, Statement};
pub use trigger::{LedgerPosition, TriggerKind, TriggerStatement};

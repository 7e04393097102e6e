#![forbid(unsafe_code)]
#![warn(missing_docs)]
//! What an auditor needs and no more: what a receipt of a cryptlet's run states, how
//! it is encoded, hashed and proven to stand in a log, and how it is verified offline.
//!
//! There is no WebAssembly engine here, no async and no I/O, so that the same code
//! verifies in the host, in a command-line tool and in a browser
//! (`wasm32-unknown-unknown`). Nothing here runs or replays a cryptlet: that is the
//! container's work. The byte format is specified in `docs/spec/receipt.md`.
//!
//! # What a verified receipt does not prove
//!
//! That a source told the truth, that the host's clock is right, or that everybody is
//! shown the same log. [`Verdict::claims`] says for each claim what it rests on.
//!
//! # Example
//!
//! ```
//! use cryptlet_attest::{Doubt, TrustedKey, verify};
//!
//! // Bytes of a `.receipt` file, and the key that the log's operator has published.
//! let bytes = b"not a receipt";
//! let key: TrustedKey =
//!     "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse()?;
//!
//! match verify(bytes, &[key], None) {
//!     Ok(verdict) => {
//!         for claim in &verdict.claims {
//!             println!("{}: {} ({})", claim.name, claim.says, claim.rests_on);
//!         }
//!     }
//!     Err(Doubt::UnknownSigner { signers }) => println!("signed by {signers:?}"),
//!     Err(doubt) => println!("{}: {doubt}", doubt.name()),
//! }
//! # Ok::<(), cryptlet_attest::KeyError>(())
//! ```

pub mod bundle;
pub mod comparison;
mod digest;
mod encoded_entry;
mod encoding;
mod entry;
mod evidence;
mod fit;
mod identity;
mod limits;
pub mod log;
mod log_export;
mod outcome;
mod receipt;
mod salt;
mod stage;
mod state;
mod statement;
#[expect(
    clippy::result_large_err,
    reason = "a contradiction ends the reading, so its size is paid once"
)]
pub mod trail;
mod trigger;
mod verdict;
mod verifier;
mod verify;
mod view;

pub use digest::digest;
pub use encoded_entry::EncodedEntry;
pub use encoding::EncodingError;
pub use entry::{
    Accepted, BindingChange, BindingEntry, KeyEntry, LogEntry, MAXIMUM_ENTRY, StateChange,
    VersionChange, VersionEntry,
};
pub use evidence::{Appraisal, Evidence, EvidenceError, SoftwareEvidence, Tier};
pub use identity::{BindingId, BindingVersion, Digest, IdentityError, LeafHash, Measurement};
pub use limits::Limits;
pub use log::{
    Checkpoint, CheckpointError, CheckpointKey, Hash, HashReader, KeyError, LogError, SigningError,
    TrustedKey, open_checkpoint, sign_checkpoint,
};
pub use log_export::{LOG_EXPORT_EXTENSION, LogExport};
pub use outcome::{Outcome, Output};
pub use receipt::{MAXIMUM_RECEIPT, RECEIPT_EXTENSION, Receipt, ReceiptView};
pub use salt::{FieldSalt, Opening, Salt};
pub use stage::{ParseStageError, Stage};
pub use state::{State, state_root};
pub use statement::{Execution, Host, Statement};
pub use trigger::{LedgerPosition, TriggerKind, TriggerStatement};
pub use verdict::{Basis, Claim, Doubt, Verdict};
pub use verifier::{Verified, Verifier};
pub use verify::{verify, verify_entry};

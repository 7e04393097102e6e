//! Everything that an auditor needs about one run in one file: `docs/spec/bundle.md`.
//!
//! A [`Bundle`] carries the run's log entry with those of the sources that it asked, their
//! proofs, one checkpoint, evidence about the key that signed it, and as many of the values
//! behind the digests as the exporter chose to show. [`verify_bundle`] says what may be believed
//! of it, or names the first doubt.

mod claims;
mod context;
mod document;
mod doubt;
mod earlier;
mod format;
mod openings;
mod sources;
mod verdict;
mod verify;

pub use document::{Agreement, BUNDLE_EXTENSION, Bundle, FieldOpening, MAXIMUM_BUNDLE, Proven};
pub use doubt::BundleDoubt;
pub use verdict::{BundleClaim, BundleVerdict, Standing};
pub use verify::{Expectations, verify_bundle};

//! Everything that an auditor needs about one run in one file: `docs/spec/bundle.md`.
//!
//! A [`Bundle`] carries the run's log entry with those of the sources that it asked, their
//! proofs, one checkpoint, evidence about the key that signed it, and as many of the values
//! behind the digests as the exporter chose to show.

mod document;
mod format;

pub use document::{Agreement, BUNDLE_EXTENSION, Bundle, FieldOpening, MAXIMUM_BUNDLE, Proven};

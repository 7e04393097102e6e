//! Makes a cryptlet of a guest crate: compiles it, wraps the module as a component and embeds the
//! manifest, so that the measurement covers code and promise alike. Other languages bring a component
//! of their own, built for the world of [`write_wit`], and [`adopt`] does the rest.
//!
//! The same sources, lock file and toolchain give the same bytes wherever they lie; another
//! compiler version gives others. It does not judge whether a host would take the component
//! (what it may import is the container's business), and it installs no toolchain.
//!
//! ```no_run
//! use cryptlet_build::{Project, build};
//!
//! let project = Project::at("cryptlets/reference-rate/cryptlet.toml", "target/guests")?;
//! let built = build(&project)?;
//! println!("{} imports {:?}", built.measurement, built.imports);
//! # Ok::<(), cryptlet_build::BuildError>(())
//! ```
//!
//! Reading a manifest back needs no toolchain:
//!
//! ```
//! use cryptlet_build::{SectionError, read_manifest};
//!
//! let module = b"\0asm\x01\0\0\0";
//! assert!(matches!(read_manifest(module), Err(SectionError::NotAComponent)));
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod adopted;
mod compile;
mod component;
mod difference;
mod error;
mod inputs;
mod lock;
mod producers;
mod project;
mod proven;
pub mod provenance;
mod store;
mod surroundings;
mod tree;
mod workspace;
mod world;

pub use adopted::adopt;
pub use component::{
    Interface, SectionError, WrapError, embed_manifest, interface, read_manifest, wrap,
};
pub use cryptlet_toolchain as toolchain;
pub use difference::{Difference, compare_components, compare_provenance};
pub use error::BuildError;
pub use producers::producers;
pub use project::{Built, Lock, Messages, Project, build};
pub use proven::{Proven, build_with_provenance, rebuild};
pub use provenance::{Provenance, ProvenanceError};
pub use store::{Freshness, Stored, build_into};
pub use tree::{SourceTree, TreeDigest, TreeError};
pub use workspace::source_root;
pub use world::{WORLD, write_wit};

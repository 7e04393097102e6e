//! Finds a Rust toolchain that compiles to WebAssembly and makes cargo commands for it.
//!
//! It installs nothing and builds nothing: it says which cargo, which rustc, which linker and which
//! environment give a guest, or what a person has to install. It stands apart from `cryptlet-build`
//! so that `xtask` can use it without compiling a component encoder first.
//!
//! ```no_run
//! use cryptlet_toolchain::{Target, Toolchain};
//!
//! let toolchain = Toolchain::find(Target::Bare)?;
//! let status = toolchain.cargo("build", &[]).args(["--package", "cryptlet-attest"]).status();
//! # Ok::<(), cryptlet_toolchain::Missing>(())
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod environment;
mod find;
mod missing;
mod target;
mod toolchain;
mod versions;

pub use missing::Missing;
pub use target::Target;
pub use toolchain::{Provider, Toolchain};
pub use versions::{Unversioned, Versions};

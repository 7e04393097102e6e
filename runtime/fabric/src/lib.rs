//! The fabric: the service that joins the rooms.
//!
//! It keeps the versions of cryptlets and the bindings that their counterparties signed, watches
//! ledgers for what wakes a cryptlet, runs it in the container, seals the receipt, and takes its
//! deliveries to the chain. Everything that must survive is an entry of its [`journal`], in this
//! order: accepted before it runs; receipt, outputs and state in one commit before anyone sees
//! them; nonce and signed bytes before they are broadcast.
//!
//! It does not run Wasm (`cryptlet-container`), hold keys (`cryptlet-vault`), speak to nodes
//! (`cryptlet-ledger`) or define receipts (`cryptlet-attest`); it is what they have in common.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//! use cryptlet_fabric::{Configuration, Fabric, Seams};
//! use cryptlet_vault::{Passphrase, Vault};
//!
//! let state = Path::new("/var/lib/cryptlet");
//! let configuration = Configuration::read(state)?;
//! let vault = Vault::open(state.join("keys"))?;
//! vault.unlock_all(&Passphrase::from_file(Path::new("/run/secrets/cryptlet"))?)?;
//!
//! let fabric = Fabric::open(state, &configuration, vault.delegate(), Seams::live()?).await?;
//! fabric.deploy(std::fs::read("reference-rate.wasm")?).await?;
//! let progress = fabric.advance().await?;
//! println!("{} invocations ran; auditors trust {}", progress.executed, fabric.trusted_key());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod accept;
mod account;
mod advance;
pub mod backup;
pub mod binding;
pub mod bundle;
mod canary;
pub mod change;
mod compatibility;
mod configuration;
mod continuity;
mod deliver;
mod directories;
mod document;
mod error;
mod execute;
mod execution;
mod fabric;
mod grants;
#[cfg(test)]
#[allow(dead_code, reason = "other tests write more kinds of guests")]
#[path = "../../container/tests/container/guests.rs"]
mod guests;
pub mod journal;
mod keys;
mod memory;
mod modules;
mod network;
pub mod publish;
mod register;
pub mod replay;
#[cfg(test)]
mod scene;
mod scheduler;
mod sealing;
mod seams;
mod services;
pub mod shadow;
mod shares;
mod skip;
pub mod versions;

pub use accept::Message;
pub use advance::{Follows, Progress, Waiting};
pub use binding::{Approval, Binding, WhileChanging};
pub use canary::{Bounds, Figures};
pub use cryptlet_container::Traffic;

pub use configuration::{
    BindingSettings, Compilation, Configuration, ConfigurationError, Identity, Ledger, LogFormat,
    Publication, Runs, Service, Witness,
};
pub use directories::{Directories, DirectoryError};
pub use document::DocumentError;
pub use error::FabricError;
pub use fabric::{Fabric, Seams};
pub use memory::Footprint;
pub use modules::Warmed;
pub use network::{PublicWeb, Resolver, SystemResolver, Web, tls_configuration};
pub use scheduler::Load;
pub use seams::{
    Clock, Notice, Randomness, RandomnessError, Step, Steps, SystemClock, SystemRandomness,
    TracedSteps,
};
pub use services::encode_call;
pub use versions::{Decision, Stage, VersionMove, VersionNotice};

//! The fabric as a service: the loop that keeps it going, and its HTTP API.
//!
//! It opens nothing by itself and decides nothing about cryptlets: [`cryptlet_fabric::Fabric`] does
//! the work, and what the API answers is what the fabric's journal holds. It is no command line
//! either; `cryptlet serve` is.
//!
//! The shapes that go over the wire are in [`api`]; the `cryptlet` command reads the same types.
//!
//! ```
//! use cryptlet_service::api::Problem;
//!
//! let problem = Problem::new(404, "unknown-binding", "there is no binding \"acme\"");
//! assert!(serde_json::to_string(&problem)?.contains("unknown-binding"));
//! # Ok::<(), serde_json::Error>(())
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod access;
pub mod api;
mod blocks;
mod changes;
mod extract;
mod following;
mod ledgers;
mod listen;
pub mod logging;
mod metrics;
mod moves;
mod observe;
mod private_file;
mod publishing;
mod refusal;
mod reload;
mod rest;
mod room;
mod routes;
mod runs;
mod serve;
mod signals;
mod state;
pub mod tokens;
mod views;
pub mod witness;
mod witnesses;
mod work;

pub use routes::description;
pub use serve::{Ending, Order, Ready, ServeError, Start, address_path, serve};
pub use signals::orders;
pub use witnesses::Contradiction;

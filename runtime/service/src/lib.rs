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

pub mod api;
mod private_file;
pub mod tokens;

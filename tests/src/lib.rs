//! The story that the demonstration tells and the tests hold: an interest-rate swap between two
//! parties, settled quarter by quarter on a real node by a real cryptlet.
//!
//! [`World`] is everything outside the fabric (node, contracts, wallets, a server of rates) and the
//! fabric itself on a state folder. [`independent`] computes what the swap must come to without
//! any code of the cryptlet. This crate is no library for others; the rooms do not know it.

#![forbid(unsafe_code)]

pub mod agreement;
pub mod attacks;
pub mod components;
pub mod console;
pub mod fresh;
pub mod independent;
pub mod margin;
pub mod rates;
pub mod schedule;
pub mod shell;
pub mod story;
pub mod swap;
pub mod world;

pub use components::Components;
pub use world::World;

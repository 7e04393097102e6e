//! The contracts on a real Ethereum node: what the gateway takes, and every way in which it must say no.
//!
//! Each test starts a node of its own, so that all can run side by side and move their clocks as they like.

#![allow(missing_docs)]

mod bindings;
mod consumer;
mod deliveries;
mod failures;
mod fixture;
mod signers;
mod swap;

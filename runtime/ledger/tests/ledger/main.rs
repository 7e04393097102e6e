//! The ledger room against a real Ethereum node (anvil) with the fabric's real contracts.
//! Every test has a node of its own on a free port, gone when the test ends.

mod connecting;
mod delivering;
mod following;
mod reading;
mod refusing;
mod registering;
mod stage;

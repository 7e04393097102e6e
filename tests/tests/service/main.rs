//! The service against a real node: a quarter settled through its API, messages, stops in the middle
//! that lose nothing, and a log that others verify and watch.

#[path = "../../../runtime/service/tests/service/described.rs"]
mod described;
mod description;
mod ledger;
mod messages;
mod running;
mod stopping;
mod versions;
mod witness;

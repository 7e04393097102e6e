//! The service against a real node: a quarter settled through its API, messages, and stops in the
//! middle that lose nothing.

#[path = "../../../runtime/service/tests/service/described.rs"]
mod described;
mod description;
mod ledger;
mod messages;
mod running;
mod stopping;

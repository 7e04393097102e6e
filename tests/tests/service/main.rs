//! The service against a real node: a quarter settled through its API, messages, and stops in the
//! middle that lose nothing.

mod ledger;
mod messages;
mod running;
mod stopping;

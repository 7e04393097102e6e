//! The service as its clients and its operator meet it, on a state folder without ledgers.

mod access;
mod described;
mod description;
mod operation;
mod packaging;
mod published;
mod refusals;
mod responsive;
mod running;
mod stopping;
mod watched_log;
mod witness;
mod witnesses;

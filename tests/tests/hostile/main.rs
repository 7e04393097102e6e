//! Guests that attack their host, each a folder under `tests/hostile`: stopped as its verdict says, by
//! itself and all at once, and afterwards the host is as it was.

mod alone;
mod cached;
mod fabric;
mod folder;
#[expect(dead_code, reason = "the container's tests need more of them")]
#[path = "../../../runtime/container/tests/container/guests.rs"]
mod guests;
mod host;
mod kept;
mod memory;
mod network;
mod text;
mod together;
mod verdict;
mod web;

//! What the container promises, tested with guests that keep to the rules and guests that do not.

mod cache;
mod cache_processes;
mod capabilities;
mod chains;
mod compiler;
mod corpus;
mod determinism;
mod directories;
mod every_limit;
mod guests;
mod hoarding;
mod host;
mod http;
mod ledger;
mod limits;
mod loading;
mod metering;
mod migration;
mod outputs;
mod random_guests;
mod replay;
mod scanning;
mod shadow;
mod sources;
mod wasi;

//! How receipts behave to those who make them and to those who doubt them.

mod checkpoint;
mod corpus;
mod encoding;
mod evidence;
mod salt;
mod scene;
mod strategies;
mod tree;
mod vectors;
mod verify;

//! How receipts behave to those who make them and to those who doubt them.

mod bundle;
mod checkpoint;
mod comparison;
mod corpus;
mod cose;
mod cosignature;
mod encoding;
mod evidence;
mod log_export;
mod log_vectors;
mod proof_file;
mod salt;
mod scene;
mod strategies;
mod tile;
mod tile_vectors;
mod trail;
mod tree;
mod vectors;
mod verifier;
mod verify;
mod witness;

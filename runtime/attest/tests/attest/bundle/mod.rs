//! How bundles behave to those who make them and to those who doubt them.

mod claims;
mod doubts;
mod form;
pub mod scene;
mod vectors;

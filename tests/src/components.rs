//! The cryptlets that the story runs, built by `cargo xtask guests`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// Source components, ready to be deployed.
#[derive(Clone)]
pub struct Components {
    /// `reference-rate` 1.0.0.
    pub reference_rate: Vec<u8>,
    /// `interest-rate-swap` 1.0.0.
    pub swap: Vec<u8>,
    /// `interest-rate-swap` 1.1.0.
    pub swap_next: Vec<u8>,
}

impl Components {
    /// Reads them from the folder that `CRYPTLETS` names, or from `target/cryptlets`.
    pub fn read() -> Result<Self> {
        Ok(Self {
            reference_rate: shipped("reference-rate-1.0.0.wasm")?,
            swap: shipped("interest-rate-swap-1.0.0.wasm")?,
            swap_next: shipped("interest-rate-swap-1.1.0.wasm")?,
        })
    }
}

/// A component that ships, by the name of its file: `file-notary-1.0.0.wasm`.
pub fn shipped(file: &str) -> Result<Vec<u8>> {
    let folder = std::env::var_os("CRYPTLETS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/cryptlets")),
        PathBuf::from,
    );
    let path = folder.join(file);
    std::fs::read(&path)
        .with_context(|| format!("{} is missing; run `cargo xtask guests`", path.display()))
}

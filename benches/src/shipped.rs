//! The cryptlets that ship, as `cargo xtask guests` built them.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context as _, Result};

/// The component of `reference-rate`, from the folder that `CRYPTLETS` names, or `target/cryptlets`.
///
/// # Errors
///
/// If it is not there.
pub fn reference_rate() -> Result<Vec<u8>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/cryptlets");
    let folder = env::var_os("CRYPTLETS").map_or_else(|| PathBuf::from(default), PathBuf::from);
    let path = folder.join("reference-rate-1.0.0.wasm");
    fs::read(&path).with_context(|| format!("no {}; run `cargo xtask guests`", path.display()))
}

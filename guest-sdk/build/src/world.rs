//! The WIT package that other languages generate their bindings from.

use std::fs;
use std::path::Path;

use cryptlet_schema::{Capabilities, Manifest};

use crate::BuildError;
use crate::project::read;
use crate::store::replace;

/// Name of the world that [`write_wit`] writes.
pub const WORLD: &str = "guest";

const FABRIC: &str = include_str!("../../wit/fabric.wit");

/// Writes the WIT package of the cryptlet whose manifest lies at `manifest` into `folder`, which is made
/// if it is not there: the world [`WORLD`], and `cryptlet:fabric` under `deps`.
///
/// The world imports what the manifest asks for and nothing else, so that a component built for it
/// passes the host's check of imports against manifest. WASI is not in it: toolchains add what
/// their language's runtime needs.
///
/// # Errors
///
/// [`BuildError::File`] and [`BuildError::Manifest`] if the manifest cannot be read, and
/// [`BuildError::File`] if a folder cannot be made or a file not written.
pub fn write_wit(manifest: &Path, folder: &Path) -> Result<(), BuildError> {
    let (manifest, _) = read(manifest)?;
    let fabric = folder.join("deps/fabric");
    fs::create_dir_all(&fabric).map_err(BuildError::file("create", &fabric))?;
    replace(&fabric.join("fabric.wit"), FABRIC.as_bytes())?;
    replace(&folder.join("guest.wit"), world(&manifest).as_bytes())
}

/// The world that a cryptlet with this manifest is built for.
fn world(manifest: &Manifest) -> String {
    let migrates = manifest.state_version().is_some_and(|version| version > 1);
    let exports = ["cryptlet", "migration"];
    let exports = &exports[..if migrates { 2 } else { 1 }];
    let mut text = format!("package cryptlet:guest;\n\nworld {WORLD} {{\n");
    for (word, interfaces) in [
        ("import", imports(&manifest.capabilities).as_slice()),
        ("export", exports),
    ] {
        for interface in interfaces {
            text.push_str(&format!("  {word} cryptlet:fabric/{interface}@0.1.0;\n"));
        }
    }
    text.push_str("}\n");
    text
}

fn imports(capabilities: &Capabilities) -> Vec<&'static str> {
    [
        (capabilities.ledger, "transaction-builder"),
        (capabilities.ledger, "router"),
        (!capabilities.sources.is_empty(), "source"),
        (capabilities.http, "http"),
        (capabilities.state, "state"),
        (!capabilities.keychain.is_empty(), "keychain"),
        (capabilities.events, "events"),
        (capabilities.log, "log"),
    ]
    .into_iter()
    .filter_map(|(asked, interface)| asked.then_some(interface))
    .collect()
}

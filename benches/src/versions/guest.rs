//! The cryptlets that the load runs: as small as they can be, so that the fabric's own work is what
//! is measured, and so written that a run on a mixed version shows.

use std::path::Path;

use anyhow::Result;
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The two versions that every cryptlet here has. Guests reckon with five letters.
pub const VERSIONS: [&str; 2] = ["1.0.0", "1.1.0"];

/// The key under which [`Kind::Counting`] keeps its count.
pub const KEY: &str = "count";

/// What a guest does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Counts its runs in the binding's state.
    Counting,
    /// Keeps nothing.
    Answering,
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Self::Counting => include_str!("counting.wat"),
            Self::Answering => include_str!("answering.wat"),
        }
    }

    /// Makes the component of a cryptlet with this name and version.
    ///
    /// # Errors
    ///
    /// If the guest's text or the WIT package is damaged.
    pub fn component(self, name: &str, version: &str) -> Result<Vec<u8>> {
        let state = self == Self::Counting;
        let manifest = format!(
            "[cryptlet]\nname = \"{name}\"\nversion = \"{version}\"\nkind = \"contract\"\n\
             description = \"Runs under load\"\n\n[capabilities]\nstate = {state}\n\n\
             [limits]\nfuel = 1000000\nmemory-bytes = 1048576\n"
        );
        let mut module = wat::parse_str(self.text().replace("VERSION", version))?;
        let mut resolve = Resolve::default();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
        let (package, _) = resolve.push_path(wit)?;
        let world = resolve.select_world(&[package], Some("contract-cryptlet"))?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)?;
        Ok(cryptlet_build::embed_manifest(
            &cryptlet_build::wrap(&module)?,
            &manifest,
        )?)
    }

    /// What a run of `version` leaves in the state if `count` runs of the binding have ended with it.
    #[must_use]
    pub fn kept(self, count: u64, version: &str) -> Option<Vec<u8>> {
        (self == Self::Counting).then(|| {
            let mut kept = count.to_le_bytes().to_vec();
            kept.extend(version.as_bytes());
            kept
        })
    }
}

/// What the code of `version` answers.
#[must_use]
pub fn reply(version: &str) -> Vec<u8> {
    format!("{{\"version\":\"{version}\"}}").into_bytes()
}

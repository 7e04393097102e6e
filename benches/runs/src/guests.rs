//! The components that all benches of the container run, the same bytes on each side.

use std::path::Path;

use anyhow::{Context as _, Result};
use cryptlet_build::{Messages, Project};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    /// As small as a component can be, with no import.
    Small,
    /// Rust with the SDK and `serde_json`, with no import.
    Json,
    /// One that asks the virtual WASI what a language's runtime asks.
    Wasi,
    /// One that reads an entry of the state as often as it says.
    Reading(u32),
}

impl Guest {
    /// Makes the component.
    ///
    /// # Errors
    ///
    /// If the guest's text is damaged, or there is no toolchain for the one in Rust.
    pub fn component(self) -> Result<Vec<u8>> {
        match self {
            Self::Small => of_text(include_str!("small.wat"), "small", ""),
            Self::Wasi => of_text(
                include_str!("wasi.wat"),
                "wasi",
                "wasi = true\n[build]\nwasi = true\n",
            ),
            Self::Reading(calls) => of_text(
                &include_str!("reading.wat").replace("CALLS", &calls.to_string()),
                "reading",
                "state = true\n",
            ),
            Self::Json => {
                let here = Path::new(env!("CARGO_MANIFEST_DIR"));
                let mut project = Project::at(
                    here.join("../guest/cryptlet.toml"),
                    here.join("../../target/guests"),
                )?;
                project.messages = Messages::Kept;
                Ok(cryptlet_build::build(&project)?.component)
            }
        }
    }

    /// The message that wakes it.
    #[must_use]
    pub fn message(self) -> &'static [u8] {
        match self {
            Self::Json => br#"{"notional":"1000000000000000000","ratePpm":45100,"dayCount":90}"#,
            Self::Small | Self::Wasi | Self::Reading(_) => br#"{"number":1}"#,
        }
    }

    /// Whether it needs WASI.
    #[must_use]
    pub fn needs_wasi(self) -> bool {
        self == Self::Wasi
    }
}

/// Makes a component of a core module in text, with a manifest.
///
/// # Errors
///
/// If the text or the manifest is damaged.
pub fn of_text(text: &str, name: &str, capabilities: &str) -> Result<Vec<u8>> {
    let manifest = format!(
        "[cryptlet]\nname = \"{name}\"\nversion = \"1.0.0\"\nkind = \"contract\"\n\
         description = \"A guest of a bench\"\n\n[capabilities]\n{capabilities}\n\
         [limits]\nfuel = 2000000000\nmemory-bytes = 4194304\nhost-calls = 4000\n"
    );
    let mut module = wat::parse_str(text).context("the guest's text")?;
    let mut resolve = Resolve::default();
    resolve.push_str("fabric.wit", include_str!("../../../wit/fabric.wit"))?;
    resolve.push_str("wasi.wit", include_str!("wasi.wit"))?;
    let package = resolve.push_str("world.wit", include_str!("world.wit"))?;
    let world = resolve.select_world(&[package], Some("guest"))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)?;
    Ok(cryptlet_build::embed_manifest(
        &cryptlet_build::wrap(&module)?,
        &manifest,
    )?)
}

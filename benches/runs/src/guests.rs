//! The components that all benches of the container run, the same bytes on each side.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context as _, Result};
use cryptlet_build::{Messages, Project};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    /// As small as a component can be, written by hand, with no import.
    Smallest,
    /// Rust that gives back the message it got, with no import.
    Small,
    /// Rust with the SDK and `serde_json`, with no import.
    Json,
    /// One that asks the virtual WASI what a language's runtime asks.
    Wasi,
    /// One that reads an entry of the state as often as it says.
    Reading(u32),
    /// Rust that only reckons, this share of the whole in thousandths.
    Working(Work, u32),
}

/// What a guest reckons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// SHA-256 over a mebibyte.
    Sha256,
    /// Sorts 100,000 integers.
    Sorting,
    /// Prices an option over 100,000 paths in f64.
    MonteCarlo,
}

impl Guest {
    /// Makes the component.
    ///
    /// # Errors
    ///
    /// If the guest's text is damaged, or there is no toolchain for the one in Rust.
    pub fn component(self) -> Result<Vec<u8>> {
        match self {
            Self::Smallest => of_text(include_str!("smallest.wat"), "smallest", ""),
            Self::Small => of_crate("echo"),
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
            Self::Json => of_crate("guest"),
            Self::Working(..) => of_crate("kernels"),
        }
    }

    /// The same component under another measurement: a custom section more that says a number.
    #[must_use]
    pub fn another(component: &[u8], number: u32) -> Vec<u8> {
        const NAME: &[u8] = b"number";
        let body = [&[NAME.len() as u8], NAME, &number.to_le_bytes()].concat();
        [component, &[0, body.len() as u8], &body].concat()
    }

    /// The name of the message that wakes it.
    #[must_use]
    pub fn topic(self) -> &'static str {
        match self {
            Self::Working(..) => "Work",
            _ => "Priced",
        }
    }

    /// The message that wakes it.
    #[must_use]
    pub fn message(self) -> Cow<'static, [u8]> {
        let text: &[u8] = match self {
            Self::Json => br#"{"notional":"1000000000000000000","ratePpm":45100,"dayCount":90}"#,
            Self::Smallest | Self::Small | Self::Wasi | Self::Reading(_) => br#"{"number":1}"#,
            Self::Working(work, share) => {
                let kernel = match work {
                    Work::Sha256 => "sha256",
                    Work::Sorting => "sorting",
                    Work::MonteCarlo => "monte-carlo",
                };
                let text = format!(r#"{{"kernel":"{kernel}","share":{share}}}"#);
                return text.into_bytes().into();
            }
        };
        text.into()
    }

    /// Whether it needs WASI.
    #[must_use]
    pub fn needs_wasi(self) -> bool {
        self == Self::Wasi
    }
}

/// Builds the guest of a folder beside this one.
fn of_crate(folder: &str) -> Result<Vec<u8>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = here.join("..").join(folder).join("cryptlet.toml");
    let mut project = Project::at(manifest, here.join("../../target/guests"))?;
    project.messages = Messages::Kept;
    Ok(cryptlet_build::build(&project)?.component)
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

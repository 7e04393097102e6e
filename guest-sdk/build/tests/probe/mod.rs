//! A guest that the tests of the build compile.

// Each test program uses its own part.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

use cryptlet_build::{Project, Stored, build_into};
use tempfile::TempDir;

/// Its `src/lib.rs`.
pub const CODE: &str = include_str!("lib.rs");

pub const MANIFEST: &str = r#"[cryptlet]
name = "probe"
version = "0.3.0"
kind = "utility"
description = "Answers with what it was built from."

[build]
features = ["loud"]

[messages]
request = "Ask(string question)"
reply = "Answer(string text)"
"#;

/// A crate with a workspace, a lock file and a path in its panics, but without dependencies.
pub struct Guest {
    _place: TempDir,
    folder: PathBuf,
}

impl Guest {
    pub fn at_some_place() -> Self {
        Self::at("probe")
    }

    /// In a folder of that name below one that nobody else has.
    pub fn at(name: &str) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let guest = Self {
            folder: place.path().join(name),
            _place: place,
        };
        guest.write("Cargo.toml", &cargo_toml("cdylib"));
        guest.write(
            "Cargo.lock",
            "version = 4\n\n[[package]]\nname = \"probe\"\nversion = \"0.1.0\"\n",
        );
        guest.write("cryptlet.toml", MANIFEST);
        guest.write("src/lib.rs", CODE);
        guest.write("component-type.wasm", "");
        fs::write(guest.path("component-type.wasm"), world()).expect("a file in it");
        guest
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("a folder");
        fs::write(path, text).expect("a file in it");
    }

    pub fn project(&self) -> Project {
        Project::at(self.path("cryptlet.toml"), self.path("target")).expect("a guest toolchain")
    }

    pub fn stored(&self) -> Stored {
        build_into(&self.project(), &self.path("out")).expect("the guest builds")
    }
}

pub fn cargo_toml(crate_type: &str) -> String {
    format!(
        "[package]\nname = \"probe\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [lib]\ncrate-type = [\"{crate_type}\"]\n[features]\nloud = []\n[workspace]\n"
    )
}

/// The custom section's content by which `wit-component` knows the world of a module.
fn world() -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let wit = include_str!("../../../../wit/fabric.wit");
    let package = resolve
        .push_str("fabric.wit", wit)
        .expect("the WIT package parses");
    let world = resolve
        .select_world(&[package], Some("utility-cryptlet"))
        .expect("it is there");
    wit_component::metadata::encode(
        &resolve,
        world,
        wit_component::StringEncoding::UTF8,
        None,
        false,
    )
    .expect("the world encodes")
}

pub fn contains(bytes: &[u8], text: &Path) -> bool {
    let text = text.as_os_str().as_encoded_bytes();
    bytes.windows(text.len()).any(|window| window == text)
}

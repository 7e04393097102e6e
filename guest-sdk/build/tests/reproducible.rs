//! Builds a small guest for real. Needs a guest toolchain: `cargo xtask setup` provides one.

use std::fs;
use std::path::{Path, PathBuf};

use cryptlet_build::{BuildError, Freshness, Lock, Messages, Project, Stored, build, build_into};
use tempfile::TempDir;

const MANIFEST: &str = r#"[cryptlet]
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
struct Guest {
    folder: TempDir,
}

impl Guest {
    fn at_some_place() -> Self {
        let guest = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        guest.write("Cargo.toml", &cargo_toml("cdylib"));
        guest.write(
            "Cargo.lock",
            "version = 4\n\n[[package]]\nname = \"probe\"\nversion = \"0.1.0\"\n",
        );
        guest.write("cryptlet.toml", MANIFEST);
        guest.write("src/lib.rs", include_str!("probe/lib.rs"));
        guest.write("component-type.wasm", "");
        fs::write(guest.path("component-type.wasm"), world()).expect("a file in it");
        guest
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("a folder");
        fs::write(path, text).expect("a file in it");
    }

    fn project(&self) -> Project {
        Project::at(self.path("cryptlet.toml"), self.path("target")).expect("a guest toolchain")
    }

    fn stored(&self) -> Stored {
        build_into(&self.project(), &self.path("out")).expect("the guest builds")
    }
}

fn cargo_toml(crate_type: &str) -> String {
    format!(
        "[package]\nname = \"probe\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [lib]\ncrate-type = [\"{crate_type}\"]\n[features]\nloud = []\n[workspace]\n"
    )
}

/// The custom section's content by which `wit-component` knows the world of a module.
fn world() -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let wit = include_str!("../../../wit/fabric.wit");
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

fn contains(bytes: &[u8], text: &Path) -> bool {
    let text = text.as_os_str().as_encoded_bytes();
    bytes.windows(text.len()).any(|window| window == text)
}

#[test]
fn the_same_sources_give_the_same_bytes_in_another_folder_and_name_neither() {
    let (here, there) = (Guest::at_some_place(), Guest::at_some_place());

    let first = build(&here.project()).expect("the guest builds");
    let second = build(&there.project()).expect("the guest builds");

    assert_eq!(first.measurement, second.measurement);
    assert_eq!(first.component, second.component);
    assert!(
        !contains(&first.component, here.folder.path()),
        "the component names its folder"
    );
    assert!(
        !contains(&second.component, there.folder.path()),
        "the component names its folder"
    );
}

#[test]
fn builds_again_when_an_input_changed_and_only_then() {
    let guest = Guest::at_some_place();

    let first = guest.stored();
    assert_eq!(first.freshness, Freshness::Compiled);
    assert_eq!(first.path, guest.path("out/probe-0.3.0.wasm"));
    assert_eq!(
        cryptlet_build::read_manifest(&first.built.component).expect("embedded"),
        MANIFEST
    );

    // A newer time on a file that did not change decides nothing.
    guest.write("src/lib.rs", include_str!("probe/lib.rs"));
    let second = guest.stored();
    assert_eq!(second.freshness, Freshness::Unchanged);
    assert_eq!(second.built.measurement, first.built.measurement);

    guest.write("cryptlet.toml", &format!("{MANIFEST}# One more line.\n"));
    let third = guest.stored();
    assert_eq!(third.freshness, Freshness::Compiled);
    assert_ne!(third.built.measurement, first.built.measurement);

    // Somebody tampers with the result.
    let mut altered = third.built.component.clone();
    altered.extend_from_slice(&[0, 2, 1, b'x']);
    fs::write(&third.path, altered).expect("the file can be written");
    let fourth = guest.stored();
    assert_eq!(fourth.freshness, Freshness::Compiled);
    assert_eq!(fourth.built.measurement, third.built.measurement);
}

#[test]
fn the_manifest_chooses_the_features() {
    let (loud, quiet) = (Guest::at_some_place(), Guest::at_some_place());
    quiet.write("cryptlet.toml", &MANIFEST.replace(r#"["loud"]"#, "[]"));

    let loud = build(&loud.project()).expect("the guest builds").component;
    let quiet = build(&quiet.project()).expect("the guest builds").component;

    assert!(
        contains(&loud, Path::new("LOUD AND CLEAR")),
        "the feature is missing"
    );
    assert!(
        !contains(&quiet, Path::new("LOUD AND CLEAR")),
        "the feature is on"
    );
}

#[test]
fn a_crate_that_makes_no_module_is_told_how_to() {
    let guest = Guest::at_some_place();
    guest.write("Cargo.toml", &cargo_toml("rlib"));

    let refusal = build(&guest.project()).expect_err("an rlib is no module");

    assert!(
        matches!(refusal, BuildError::NotADynamicLibrary { .. }),
        "{refusal}"
    );
    assert!(refusal.to_string().contains("cdylib"), "{refusal}");
}

#[test]
fn a_manifest_that_wants_wasi_refuses_a_bare_toolchain() {
    let guest = Guest::at_some_place();
    let bare = guest.project();
    let wasi = MANIFEST.replace(
        "[build]",
        "[capabilities]\nwasi = true\n\n[build]\nwasi = true",
    );
    guest.write("cryptlet.toml", &wasi);

    let refusal = build(&bare).expect_err("the toolchain makes the other target");

    assert!(
        matches!(refusal, BuildError::OtherTarget { .. }),
        "{refusal}"
    );
}

#[test]
fn a_missing_lock_file_is_written_only_if_that_is_asked_for() {
    let guest = Guest::at_some_place();
    fs::remove_file(guest.path("Cargo.lock")).expect("it was there");
    let strict = Project {
        messages: Messages::Kept,
        ..guest.project()
    };

    let refusal = build(&strict).expect_err("the lock file is required");
    assert!(refusal.to_string().contains("--locked"), "{refusal}");
    assert!(!guest.path("Cargo.lock").exists());

    let lenient = Project {
        lock: Lock::Written,
        ..strict.clone()
    };
    build(&lenient).expect("the guest builds");
    build(&strict).expect("now there is a lock file");
}

#[test]
fn a_failure_holds_what_the_compiler_said_where_nobody_else_heard_it() {
    let guest = Guest::at_some_place();
    guest.write("src/lib.rs", "compile_error!(\"the tide is out\");");
    let project = Project {
        messages: Messages::Kept,
        ..guest.project()
    };

    let refusal = build(&project).expect_err("it does not compile");

    assert!(refusal.to_string().contains("the tide is out"), "{refusal}");
}

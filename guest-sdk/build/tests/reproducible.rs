//! Builds a small guest for real. Needs a guest toolchain: `cargo xtask setup` provides one.

mod probe;

use std::fs;
use std::path::Path;

use cryptlet_build::{BuildError, Freshness, Lock, Messages, Project, build};

use probe::{Guest, MANIFEST, cargo_toml, contains};

#[test]
fn the_same_sources_give_the_same_bytes_in_another_folder_and_name_neither() {
    let (here, there) = (Guest::at_some_place(), Guest::at_some_place());

    let first = build(&here.project()).expect("the guest builds");
    let second = build(&there.project()).expect("the guest builds");

    assert_eq!(first.measurement, second.measurement);
    assert_eq!(first.component, second.component);
    assert!(
        !contains(&first.component, here.folder()),
        "the component names its folder"
    );
    assert!(
        !contains(&second.component, there.folder()),
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
    guest.write("src/lib.rs", probe::CODE);
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

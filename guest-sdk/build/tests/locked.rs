//! What cannot get into a component that a statement is made about. Needs a guest toolchain.

mod probe;

use std::fs;
use std::path::Path;

use cryptlet_build::{
    BuildError, Messages, Project, Proven, SourceTree, build_with_provenance, rebuild,
};
use serde_json::json;
use tempfile::TempDir;

use probe::{CODE, Guest, contains};

fn quiet(guest: &Guest) -> Project {
    Project {
        messages: Messages::Kept,
        ..guest.project()
    }
}

fn proven(guest: &Guest) -> Result<Proven, BuildError> {
    build_with_provenance(&quiet(guest), &guest.path("out"))
}

fn refused(guest: &Guest) -> BuildError {
    proven(guest).expect_err("others cannot build the same")
}

/// The probe, with `expression` in the place of the name in its panic.
fn saying(expression: &str) -> String {
    CODE.replace(r#"env!("CARGO_PKG_NAME")"#, expression)
}

fn says(component: &[u8], text: &str) -> bool {
    contains(component, Path::new(text))
}

#[test]
fn a_file_that_is_no_source_is_not_there_to_be_compiled() {
    for (name, path) in [
        ("notes.txt", "../notes.txt"),
        ("../near.txt", "../../near.txt"),
    ] {
        let guest = Guest::at("tree/probe");
        guest.write(".gitignore", "/notes.txt\n");
        guest.write(name, "for my eyes only");
        guest.write("src/lib.rs", &saying(&format!("include_str!({path:?})")));
        // What is found here, and by nobody else.
        let own = guest.stored();
        assert!(says(&own.built.component, "for my eyes only"));

        let refusal = refused(&guest);

        let BuildError::Cargo { said, .. } = &refusal else {
            panic!("{refusal}");
        };
        let said = said.as_deref().unwrap_or_default();
        assert!(said.contains(path), "{said}");
        assert!(!own.path.with_extension("provenance.json").exists());
    }
}

#[test]
fn what_was_compiled_of_other_sources_is_not_taken() {
    let guest = Guest::at_some_place();
    // A folder of sources that has the name of one for results.
    guest.write(
        "src/target/mod.rs",
        "pub const TIDE: &str = \"the tide is in\";",
    );
    guest.write(
        "src/lib.rs",
        &format!("{}\nmod target;\n", saying("target::TIDE")),
    );
    guest.stored();
    guest.write(
        "src/target/mod.rs",
        "pub const TIDE: &str = \"the tide is out\";",
    );

    let proven = proven(&guest).expect("the guest builds");

    assert!(says(&proven.stored.built.component, "the tide is out"));
    let stored = fs::read(&proven.stored.path).expect("it was written");
    assert!(proven.provenance.is_about(&stored));
}

#[test]
fn a_manifest_or_lock_file_that_is_no_source_is_refused() {
    for name in ["Cargo.lock", "cryptlet.toml"] {
        let guest = Guest::at_some_place();
        guest.write(".gitignore", name);

        let refusal = refused(&guest);

        assert!(
            matches!(&refusal, BuildError::NotASource { path, .. } if path.ends_with(name)),
            "{refusal}"
        );
    }
}

#[test]
fn sources_that_a_build_script_writes_are_refused() {
    let guest = Guest::at_some_place();
    let script = r#"fn main() { std::fs::write("src/made.txt", "here").expect("a file"); }"#;
    guest.write("build.rs", script);

    let refusal = refused(&guest);

    assert!(
        matches!(&refusal, BuildError::SourcesChanged { root } if root == guest.folder()),
        "{refusal}"
    );
}

/// What crates.io is said to have for the package `tide`.
const CHECKSUM: &str = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9";

/// Makes the probe depend on a package of crates.io, which cargo takes from `folder` instead.
fn depend_on_tide(guest: &Guest, folder: &str) {
    guest.write("src/lib.rs", &saying("tide::SAYS"));
    let own = fs::read_to_string(guest.path("Cargo.toml")).expect("it is there");
    guest.write(
        "Cargo.toml",
        &format!("{own}[dependencies]\ntide = \"1\"\n"),
    );
    guest.write(
        "Cargo.lock",
        &format!(
            "version = 4\n\n[[package]]\nname = \"probe\"\nversion = \"0.1.0\"\n\
             dependencies = [\n \"tide\",\n]\n\n[[package]]\nname = \"tide\"\n\
             version = \"1.0.0\"\n\
             source = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
             checksum = \"{CHECKSUM}\"\n"
        ),
    );
    guest.write(
        ".cargo/config.toml",
        &format!(
            "[source.crates-io]\nreplace-with = \"near\"\n[source.near]\ndirectory = {folder:?}\n"
        ),
    );
}

/// Puts the package `tide` below `folder`. Cargo believes the checksum that stands beside it.
fn write_tide(folder: &Path, says: &str) {
    let files = [
        (
            "Cargo.toml",
            "[package]\nname = \"tide\"\nversion = \"1.0.0\"\nedition = \"2024\"\n".to_owned(),
        ),
        (
            ".cargo-checksum.json",
            json!({"files": {}, "package": CHECKSUM}).to_string(),
        ),
        ("src/lib.rs", format!("pub const SAYS: &str = {says:?};\n")),
    ];
    for (name, text) in files {
        let path = folder.join("tide").join(name);
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("a folder");
        fs::write(path, text).expect("a file in it");
    }
}

#[test]
fn a_package_of_a_registry_that_lies_in_the_tree_is_stated_as_a_folder_of_it() {
    let guest = Guest::at_some_place();
    depend_on_tide(&guest, "vendor");
    write_tide(&guest.path("vendor"), "the tide is low");

    let proven = proven(&guest).expect("the guest builds");

    assert!(says(&proven.stored.built.component, "the tide is low"));
    let tree = SourceTree::read(guest.folder()).expect("the tree can be read");
    let dependencies = proven
        .provenance
        .predicate
        .build_definition
        .resolved_dependencies;
    let stated = serde_json::to_value(dependencies.last()).expect("JSON");
    assert_eq!(
        stated,
        json!({
            "name": "vendor/tide",
            "uri": "pkg:cargo/tide@1.0.0",
            "digest": {"dirHash": tree.digest_below("vendor/tide").to_string()},
        })
    );
}

#[test]
fn a_package_of_a_registry_that_lies_in_the_tree_is_compiled_again_when_it_changed() {
    let guest = Guest::at_some_place();
    depend_on_tide(&guest, "vendor");
    let kept = tempfile::tempdir().expect("a folder");

    for tide in ["the tide is low", "the tide is high"] {
        write_tide(&guest.path("vendor"), tide);
        let component = rebuilt(&guest, &kept);
        assert!(says(&component, tide), "not {tide}");
    }
}

/// What an auditor makes of the guest's sources who keeps what is compiled, and copies the sources
/// to the same place each time.
fn rebuilt(guest: &Guest, kept: &TempDir) -> Vec<u8> {
    let tree = SourceTree::read(guest.folder()).expect("the tree can be read");
    let copy = kept.path().join("source");
    let project = Project {
        target_dir: kept.path().join("target"),
        ..quiet(guest)
    };
    let (built, _) = rebuild(&tree, "cryptlet.toml", &project, &copy).expect("the copy builds");
    fs::remove_dir_all(&copy).expect("it was there");
    built.component
}

#[test]
fn a_folder_outside_of_the_tree_in_the_place_of_a_registry_is_refused() {
    let aside = tempfile::tempdir().expect("a folder");
    let guest = Guest::at_some_place();
    depend_on_tide(&guest, &aside.path().to_string_lossy());
    write_tide(aside.path(), "the tide is low");

    let refusal = refused(&guest);

    assert!(
        matches!(&refusal, BuildError::OutsidePackage { package, .. } if package == "tide"),
        "{refusal}"
    );
}

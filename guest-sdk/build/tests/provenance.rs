//! What is stated of a build, and what a second build says to it. Needs a guest toolchain.

mod probe;

use std::fs;
use std::path::Path;
use std::process::Command;

use cryptlet_build::toolchain::Target;
use cryptlet_build::{
    BuildError, Difference, Messages, Project, Proven, Provenance, ProvenanceError, SourceTree,
    build_with_provenance, compare_components, compare_provenance, rebuild,
};
use serde_json::{Value, json};

use probe::{CODE, Guest, MANIFEST};

fn quiet(guest: &Guest) -> Project {
    Project {
        messages: Messages::Kept,
        ..guest.project()
    }
}

fn proven(guest: &Guest) -> Proven {
    build_with_provenance(&quiet(guest), &guest.path("out")).expect("the guest builds")
}

fn refused(guest: &Guest) -> BuildError {
    build_with_provenance(&quiet(guest), &guest.path("out")).expect_err("it cannot be repeated")
}

fn statement(proven: &Proven) -> Value {
    serde_json::from_slice(&fs::read(&proven.path).expect("it was written")).expect("JSON")
}

#[test]
fn component_and_statement_are_the_same_bytes_at_another_place_and_depth() {
    let (here, there) = (Guest::at("probe"), Guest::at("some/where/deep/my guest"));
    let elsewhere = tempfile::tempdir().expect("a folder");

    let first = proven(&here);
    let project = Project {
        target_dir: elsewhere.path().join("compiled"),
        ..quiet(&there)
    };
    let second = build_with_provenance(&project, &elsewhere.path().join("results"))
        .expect("the guest builds");

    assert_eq!(first.stored.built.component, second.stored.built.component);
    let text = |proven: &Proven| fs::read_to_string(&proven.path).expect("it was written");
    assert_eq!(text(&first), text(&second));
    assert_eq!(
        first.path.file_name(),
        Some("probe-0.3.0.provenance.json".as_ref())
    );
    for place in [here.folder(), there.folder(), elsewhere.path()] {
        assert!(!text(&first).contains(&*place.to_string_lossy()));
    }
}

#[test]
fn a_second_build_in_the_same_place_states_the_same() {
    let guest = Guest::at_some_place();

    let first = proven(&guest);
    let second = proven(&guest);

    assert_eq!(first.provenance, second.provenance);
}

#[test]
fn a_statement_goes_with_the_component_that_it_was_about() {
    let guest = Guest::at_some_place();
    let stated = proven(&guest).path;

    guest.stored();
    assert!(stated.is_file(), "the component is the same");

    guest.write("cryptlet.toml", &format!("{MANIFEST}# One more line.\n"));
    guest.stored();
    assert!(!stated.exists(), "the component is another");
}

#[test]
fn the_statement_names_component_sources_toolchain_and_packages() {
    let guest = Guest::at_some_place();

    let proven = proven(&guest);

    let statement = statement(&proven);
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    let built = &proven.stored.built;
    let subject = &statement["subject"][0];
    assert_eq!(subject["name"], "probe-0.3.0.wasm");
    assert_eq!(subject["digest"]["blake3"], built.measurement.to_string());
    assert!(proven.provenance.is_about(&built.component));
    assert!(!proven.provenance.is_about(b"another"));
    let definition = &statement["predicate"]["buildDefinition"];
    assert_eq!(
        definition["externalParameters"],
        json!({"locked": true, "manifest": "cryptlet.toml", "target": Target::Bare.triple()})
    );
    let toolchain = &definition["internalParameters"]["toolchain"];
    assert!(
        toolchain["rustc"]
            .as_str()
            .is_some_and(|rustc| rustc.contains("commit-hash")),
        "{toolchain}"
    );
    let tree = SourceTree::read(guest.folder()).expect("the tree can be read");
    let digest = tree.digest().to_string();
    let dependencies = &definition["resolvedDependencies"];
    assert_eq!(
        dependencies[0],
        json!({"name": "source", "digest": {"dirHash": digest}})
    );
    let own = dependencies
        .as_array()
        .and_then(|dependencies| dependencies.last());
    assert_eq!(
        own,
        Some(&json!({
            "name": ".", "uri": "pkg:cargo/probe@0.1.0", "digest": {"dirHash": digest}
        }))
    );
}

/// The digest that a person gets without us, by the command that in-toto gives.
#[test]
fn the_digest_of_the_sources_is_what_sha256sum_gives() {
    let guest = Guest::at_some_place();

    let digest = SourceTree::read(guest.folder())
        .expect("the tree can be read")
        .digest();

    let output = Command::new("sh")
        .arg("-c")
        .arg("find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum | cut -f1 -d' '")
        .current_dir(guest.folder())
        .output()
        .expect("a shell");
    let said = String::from_utf8(output.stdout).expect("hex digits");
    assert_eq!(digest.to_string(), said.trim());
}

#[test]
fn a_copy_of_the_tree_and_nothing_else_gives_the_component_again() {
    let guest = Guest::at_some_place();
    guest.write(".gitignore", "/notes\n");
    guest.write("notes/today.md", "not a source");
    let first = proven(&guest);
    let tree = SourceTree::read(guest.folder()).expect("the tree can be read");
    let place = tempfile::tempdir().expect("a folder");

    let project = Project {
        target_dir: place.path().join("target"),
        ..quiet(&guest)
    };
    let copy = place.path().join("source");
    let (built, found) = rebuild(&tree, "cryptlet.toml", &project, &copy).expect("the copy builds");

    assert_eq!(built.component, first.stored.built.component);
    assert_eq!(found, first.provenance);
    assert!(!copy.join("notes").exists());
}

#[test]
fn names_what_differs_in_the_order_of_causes() {
    let (guest, changed) = (Guest::at_some_place(), Guest::at_some_place());
    changed.write("src/lib.rs", &CODE.replace("quiet", "quite"));
    changed.write("cryptlet.toml", &MANIFEST.replace(r#"["loud"]"#, "[]"));
    let (first, second) = (proven(&guest), proven(&changed));
    let mut stated = first.provenance.clone();
    let definition = &mut stated.predicate.build_definition;
    definition.internal_parameters.toolchain.rustc = "rustc 1.0.0".to_owned();

    let mut differences = compare_provenance(&stated, &second.provenance);
    let (one, other) = (
        &first.stored.built.component,
        &second.stored.built.component,
    );
    differences.extend(compare_components(one, other).expect("both are components"));

    let names: Vec<_> = differences.iter().map(Difference::name).collect();
    assert_eq!(names, ["toolchain", "source-tree", "section"]);
    let section = differences[2].to_string();
    assert!(section.starts_with("core module 0, "), "{section}");
}

#[test]
fn only_the_manifest_differs_where_only_the_manifest_was_changed() {
    let (guest, changed) = (Guest::at_some_place(), Guest::at_some_place());
    changed.write("cryptlet.toml", &format!("{MANIFEST}# One more line.\n"));

    let (first, second) = (proven(&guest), proven(&changed));

    let (one, other) = (first.stored.built.component, second.stored.built.component);
    let difference = compare_components(&one, &other).expect("both are components");
    let Some(Difference::Section { section, count, .. }) = difference else {
        panic!("{difference:?}");
    };
    assert_eq!(section, "custom section \"cryptlet:manifest\"");
    assert_eq!(count, 1);
    assert_eq!(compare_components(&one, &one).expect("a component"), None);
}

#[test]
fn a_lock_file_that_does_not_fit_is_refused_and_left_as_it_is() {
    let guest = Guest::at_some_place();
    let stale = "version = 4\n\n[[package]]\nname = \"probe\"\nversion = \"0.0.9\"\n";
    guest.write("Cargo.lock", stale);

    let refusal = refused(&guest);

    assert!(
        matches!(refusal, BuildError::LockChanges { .. }),
        "{refusal}"
    );
    assert!(
        refusal.to_string().contains("without --locked"),
        "{refusal}"
    );
    let left = fs::read_to_string(guest.path("Cargo.lock")).expect("it is there");
    assert_eq!(left, stale);
}

#[test]
fn a_package_outside_of_the_tree_is_refused_by_name() {
    let guest = Guest::at("tree/probe");
    let aside = guest.folder().with_file_name("aside");
    fs::create_dir_all(aside.join("src")).expect("a folder");
    fs::write(aside.join("src/lib.rs"), "").expect("a file in it");
    let manifest = "[package]\nname = \"aside\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    fs::write(aside.join("Cargo.toml"), manifest).expect("a file in it");
    let own = fs::read_to_string(guest.path("Cargo.toml")).expect("it is there");
    let asks = "[dependencies]\naside = { path = \"../aside\" }\n";
    guest.write("Cargo.toml", &format!("{own}{asks}"));
    guest.write(
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"aside\"\nversion = \"0.1.0\"\n\n\
         [[package]]\nname = \"probe\"\nversion = \"0.1.0\"\ndependencies = [\n \"aside\",\n]\n",
    );

    let refusal = refused(&guest);

    assert!(
        matches!(&refusal, BuildError::OutsidePackage { package, .. } if package == "aside"),
        "{refusal}"
    );
}

#[test]
fn a_component_that_names_the_place_where_it_was_built_is_refused() {
    let guest = Guest::at_some_place();
    let telling = CODE.replace(r#"env!("CARGO_PKG_NAME")"#, r#"env!("CARGO_MANIFEST_DIR")"#);
    guest.write("src/lib.rs", &telling);

    let refusal = refused(&guest);

    assert!(
        matches!(&refusal, BuildError::PathInComponent { .. }),
        "{refusal}"
    );
}

#[test]
fn settings_of_cargo_above_the_tree_are_refused_and_in_it_are_sources() {
    let guest = Guest::at("work/probe");
    let settings = "[profile.guest]\nopt-level = 1\n";
    let above = guest.folder().with_file_name(".cargo");
    fs::create_dir_all(&above).expect("a folder");
    fs::write(above.join("config.toml"), settings).expect("a file in it");

    let refusal = refused(&guest);
    assert!(
        matches!(&refusal, BuildError::OutsideSetting { key, .. } if key == "profile"),
        "{refusal}"
    );

    fs::remove_dir_all(&above).expect("it was there");
    guest.write(".cargo/config.toml", settings);
    let tree = SourceTree::read(guest.folder()).expect("the tree can be read");
    assert!(tree.contains(".cargo/config.toml"));
    proven(&guest);
}

#[test]
fn what_is_no_statement_of_ours_is_told_apart() {
    let guest = Guest::at_some_place();
    let stated = proven(&guest).provenance;
    let altered = |change: fn(&mut Provenance)| {
        let mut altered = stated.clone();
        change(&mut altered);
        Provenance::from_json(altered.to_json().as_bytes()).expect_err("it is not ours")
    };

    let read = Provenance::from_json(stated.to_json().as_bytes()).expect("it is ours");
    assert_eq!(read, stated);
    assert!(matches!(
        Provenance::from_json(b"{"),
        Err(ProvenanceError::Malformed(_))
    ));
    let other = altered(|statement| statement.predicate_type = "https://example.org".to_owned());
    assert!(
        matches!(
            other,
            ProvenanceError::OtherKind {
                field: "predicateType",
                ..
            }
        ),
        "{other}"
    );
    let many = altered(|statement| statement.subject.extend(statement.subject.clone()));
    assert!(
        matches!(many, ProvenanceError::Subjects { count: 2 }),
        "{many}"
    );
    let mut unknown: Value = serde_json::from_str(&stated.to_json()).expect("JSON");
    unknown["predicate"]["runDetails"]["metadata"] = json!({"invocationId": "7"});
    Provenance::from_json(unknown.to_string().as_bytes()).expect("in-toto asks to pass it over");
}

#[test]
fn a_folder_without_a_lock_file_is_refused() {
    let guest = Guest::at_some_place();
    fs::remove_file(guest.path("Cargo.lock")).expect("it was there");

    let refusal = refused(&guest);

    assert!(refusal.to_string().contains("--locked"), "{refusal}");
    assert!(!Path::new(&guest.path("Cargo.lock")).exists());
}

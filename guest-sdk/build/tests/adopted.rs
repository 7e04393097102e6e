//! Components of other toolchains: the world they are built for, and what becomes of them.

use std::fs;
use std::path::{Path, PathBuf};

use cryptlet_build::{
    BuildError, Freshness, SectionError, WORLD, WrapError, adopt, read_manifest, write_wit,
};
use tempfile::TempDir;
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::{ManglingAndAbi, Resolve};

const UTILITY: &str = r#"[cryptlet]
name = "invoice-total"
version = "1.0.0"
kind = "utility"
description = "A guest of a test"

[messages]
request = "Lines(uint256[] amounts)"
reply = "Total(uint256 amount)"
"#;

const CONTRACT: &str = r#"[cryptlet]
name = "desk"
version = "2.0.0"
kind = "contract"
description = "A guest of a test"

[capabilities]
ledger = true
sources = ["rates"]
state = true

[state]
version = 2
"#;

/// A folder with a manifest and what its world makes of a toolchain that does nothing.
struct Author {
    folder: TempDir,
    manifest: PathBuf,
    component: PathBuf,
}

impl Author {
    fn of(manifest: &str) -> Author {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("cryptlet.toml");
        fs::write(&path, manifest).expect("the folder takes files");
        let wit = folder.path().join("wit");
        write_wit(&path, &wit).expect("the manifest is one, and the folder takes files");
        let component = folder.path().join("made.wasm");
        fs::write(&component, built_for(&wit)).expect("the folder takes files");
        Author {
            manifest: path,
            component,
            folder,
        }
    }

    fn adopt(&self) -> Result<cryptlet_build::Stored, BuildError> {
        adopt(
            &self.manifest,
            &self.component,
            &self.folder.path().join("out"),
        )
    }
}

/// A component with every import and export of the world in a folder.
fn built_for(wit: &Path) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit).expect("the package parses");
    let world = resolve
        .select_world(&[package], Some(WORLD))
        .expect("the world is there");
    let mut module = wit_component::dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    wit_component::embed_component_metadata(
        &mut module,
        &resolve,
        world,
        StringEncoding::UTF8,
        false,
    )
    .expect("the world describes the module");
    ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.encode())
        .expect("the module follows the world")
}

fn own(imports: &[String]) -> Vec<&str> {
    imports
        .iter()
        .filter_map(|import| import.strip_prefix("cryptlet:fabric/"))
        .filter_map(|import| import.strip_suffix("@0.1.0"))
        .filter(|interface| *interface != "types")
        .collect()
}

#[test]
fn a_world_imports_what_the_manifest_asks_for_and_nothing_else() {
    let nothing = Author::of(UTILITY).adopt().expect("it becomes a cryptlet");
    let desk = Author::of(CONTRACT).adopt().expect("it becomes a cryptlet");

    assert!(own(&nothing.built.imports).is_empty());
    let mut imports = own(&desk.built.imports);
    imports.sort_unstable();
    assert_eq!(
        imports,
        ["router", "source", "state", "transaction-builder"]
    );
}

#[test]
fn a_world_exports_the_migration_of_a_state_that_has_moved() {
    let exports = |manifest| {
        let stored = Author::of(manifest).adopt().expect("it becomes a cryptlet");
        cryptlet_build::interface(&stored.built.component)
            .expect("it is a component")
            .exports
    };

    assert_eq!(exports(UTILITY), ["cryptlet:fabric/cryptlet@0.1.0"]);
    assert_eq!(
        exports(CONTRACT),
        [
            "cryptlet:fabric/cryptlet@0.1.0",
            "cryptlet:fabric/migration@0.1.0"
        ]
    );
}

#[test]
fn carries_its_manifest_and_is_stored_once() {
    let author = Author::of(UTILITY);

    let first = author.adopt().expect("it becomes a cryptlet");
    let second = author.adopt().expect("it becomes a cryptlet");

    assert!(first.path.ends_with("out/invoice-total-1.0.0.wasm"));
    let stored = fs::read(&first.path).expect("it is stored");
    assert_eq!(read_manifest(&stored).expect("it carries one"), UTILITY);
    assert_eq!(first.freshness, Freshness::Compiled);
    assert_eq!(second.freshness, Freshness::Unchanged);
    assert_eq!(first.built.measurement, second.built.measurement);
}

#[test]
fn refuses_what_is_no_cryptlet_and_names_the_file() {
    let author = Author::of(UTILITY);
    let stored = author.adopt().expect("it becomes a cryptlet");
    let refused = |bytes: &[u8]| {
        fs::write(&author.component, bytes).expect("the folder takes files");
        match author.adopt() {
            Err(BuildError::Component { path, source }) if path == author.component => source,
            other => panic!("{other:?}"),
        }
    };

    let carries = refused(&stored.built.component);
    let text = refused(b"print('hello')");
    let other = refused(b"\0asm\x0d\0\x01\0");

    assert!(matches!(
        carries,
        WrapError::Section(SectionError::Repeated { count: 2 })
    ));
    assert!(matches!(text, WrapError::NotEncodable { .. }), "{text}");
    assert!(matches!(other, WrapError::NoHandler), "{other}");
}

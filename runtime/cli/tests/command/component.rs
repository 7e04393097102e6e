//! A cryptlet that answers every question with nothing, without a compiler of guests.

use wit_component::StringEncoding;
use wit_parser::Resolve;

const WORLD: &str = "package test:guest;
world guest {
  export cryptlet:fabric/cryptlet@0.1.0;
}";

const MODULE: &str = r#"(module
  (memory (export "memory") 2)
  (global $free (mut i32) (i32.const 8192))
  (data (i32.const 16) "{}")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param i32) (result i32)
    (i32.store8 (i32.const 2048) (i32.const 0))
    (i32.store (i32.const 2052) (i32.const 16))
    (i32.store (i32.const 2056) (i32.const 2))
    (i32.const 2048)))"#;

/// What a component that may log imports besides.
const LOG: &str = r#"(import "cryptlet:fabric/log@0.1.0" "log" (func (param i32 i32 i32)))"#;

/// The utility cryptlet `silent` of this version.
pub fn silent(version: &str) -> Vec<u8> {
    component(&format!(
        "[cryptlet]\nname = \"silent\"\nversion = \"{version}\"\nkind = \"utility\"\n\
         description = \"Answers with nothing.\"\n\
         [messages]\nrequest = \"Question()\"\nreply = \"Nothing()\"\n"
    ))
}

/// A component as another toolchain would hand it over: it imports nothing, and has no manifest yet.
pub fn foreign() -> Vec<u8> {
    without_manifest("", "")
}

/// A component that imports nothing and has this manifest.
pub fn component(manifest: &str) -> Vec<u8> {
    wrapped(manifest, "", "")
}

/// One that imports the log.
pub fn logging(manifest: &str) -> Vec<u8> {
    wrapped(manifest, "import cryptlet:fabric/log@0.1.0;", LOG)
}

fn wrapped(manifest: &str, imports: &str, imported: &str) -> Vec<u8> {
    let component = without_manifest(imports, imported);
    cryptlet_build::embed_manifest(&component, manifest).unwrap()
}

fn without_manifest(imports: &str, imported: &str) -> Vec<u8> {
    let mut module =
        wat::parse_str(MODULE.replacen("(module", &format!("(module {imported}"), 1)).unwrap();
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/fabric.wit");
    resolve.push_file(wit).unwrap();
    let world = WORLD.replacen("export", &format!("{imports} export"), 1);
    let package = resolve.push_str("guest.wit", &world).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    wit_component::embed_component_metadata(
        &mut module,
        &resolve,
        world,
        StringEncoding::UTF8,
        false,
    )
    .unwrap();
    cryptlet_build::wrap(&module).unwrap()
}

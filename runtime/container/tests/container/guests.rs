//! Guests written in core WebAssembly text against the canonical ABI, wrapped as components.
//!
//! A guest's text may use every host function by its short name (see `IMPORTS`), the functions of
//! `PRELUDE`, and `@‹text›` for the address and length of a text.

// Other crates take this file in by its path.
#[path = "guests/interface.rs"]
mod interface;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use interface::{FABRIC, IMPORTS, MIGRATION, WASI, WORLD};

/// A manifest's head; the rest is the test's.
pub fn manifest(kind: &str, rest: &str) -> String {
    format!(
        "[cryptlet]\nname = \"guest\"\nversion = \"1.0.0\"\nkind = \"{kind}\"\n\
         description = \"A guest of a test\"\n{rest}"
    )
}

/// A component whose `handle` has this body, in a utility cryptlet with this rest of a manifest. Unless that
/// says otherwise, it is asked nothing and must answer `{}`.
pub fn utility(rest: &str, handle: &str) -> Vec<u8> {
    let messages = if rest.contains("[messages]") {
        ""
    } else {
        "\n[messages]\nrequest = \"Question()\"\nreply = \"Nothing()\"\n"
    };
    component(
        &manifest("utility", &format!("{rest}{messages}")),
        &handling(handle),
    )
}

/// The same for a contract cryptlet.
pub fn contract(rest: &str, handle: &str) -> Vec<u8> {
    component(&manifest("contract", rest), &handling(handle))
}

/// The export around a body that leaves the address of its result on the stack.
pub fn handling(body: &str) -> String {
    format!(
        "(func (export \"cryptlet:fabric/cryptlet@0.1.0#handle\") (param $in i32) (result i32)
           (local $a i32) (local $b i32) (local $n i64)
           {body})"
    )
}

/// A contract cryptlet with state whose `migrate` has this body.
pub fn migrating(rest: &str, migrate: &str) -> Vec<u8> {
    component(
        &manifest("contract", rest),
        &format!("{}{}", handling("(call $ok @‹null›)"), migration(migrate)),
    )
}

/// The optional export around a body that leaves the address of its result on the stack.
pub fn migration(body: &str) -> String {
    format!(
        "(func (export \"{MIGRATION}#migrate\") (param $from i32) (result i32)
           (local $a i32) (local $b i32)
           {body})"
    )
}

/// Wraps a core module as a component with a manifest.
pub fn component(manifest: &str, wat: &str) -> Vec<u8> {
    with_section(encode(wat), manifest.as_bytes())
}

/// The component without a manifest.
pub fn encode(wat: &str) -> Vec<u8> {
    let module = wat::parse_str(module_text(wat)).expect("the guest's text is valid");
    wrap(module, wat.contains(MIGRATION))
}

/// Makes a component of a core module against the canonical ABI.
pub fn wrap(mut module: Vec<u8>, migrates: bool) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve
        .push_str("wasi.wit", WASI)
        .expect("the test's WASI is valid");
    resolve
        .push_str("fabric.wit", FABRIC)
        .expect("fabric.wit is valid");
    let package = resolve
        .push_str("test.wit", WORLD)
        .expect("the test's world is valid");
    let world = if migrates { "migrating" } else { "test" };
    let world = resolve
        .select_world(&[package], Some(world))
        .expect("the world is there");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .expect("the world fits into a module");
    ComponentEncoder::default()
        .module(&module)
        .expect("the module carries its world")
        .validate(true)
        .encode()
        .expect("the module fits its world")
}

/// Appends a manifest section at the outermost level.
pub fn with_section(mut component: Vec<u8>, manifest: &[u8]) -> Vec<u8> {
    use wasm_encoder::{ComponentSection, CustomSection};
    CustomSection {
        name: "cryptlet:manifest".into(),
        data: manifest.into(),
    }
    .append_to_component(&mut component);
    component
}

/// The module around a guest's text: the imports that it uses, a memory, its texts.
fn module_text(wat: &str) -> String {
    let (body, data) = place_texts(wat);
    let imports: String = IMPORTS
        .iter()
        .filter(|(name, ..)| {
            body.split(|c: char| !(c.is_alphanumeric() || "$_".contains(c)))
                .any(|word| word == *name)
        })
        .map(|(name, interface, function, ty)| {
            format!("(import \"{interface}\" \"{function}\" (func {name} {ty}))\n")
        })
        .collect();
    let memory = if body.contains("(memory ") {
        ""
    } else {
        "(memory (export \"memory\") 2)"
    };
    format!("(module\n{imports}{memory}\n{PRELUDE}\n{body}\n{data})")
}

/// Replaces `@‹text›` by address and length, and gives the data that goes there.
fn place_texts(wat: &str) -> (String, String) {
    let (mut body, mut data, mut address) = (String::new(), String::new(), 4096);
    let mut rest = wat;
    while let Some((before, after)) = rest.split_once("@‹") {
        let (text, after) = after.split_once('›').expect("the text has an end");
        body.push_str(before);
        body.push_str(&format!("(i32.const {address}) (i32.const {})", text.len()));
        let escaped: String = text.bytes().map(|b| format!("\\{b:02x}")).collect();
        data.push_str(&format!("(data (i32.const {address}) \"{escaped}\")\n"));
        address += text.len() + 1;
        rest = after;
    }
    body.push_str(rest);
    (body, data)
}

/// Results of host calls go to 256, the guest's own result to 0, allocations to 64 KiB and up.
const PRELUDE: &str = r#"
(global $free (mut i32) (i32.const 65536))
(func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (local $at i32)
  (global.set $free (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
  (local.set $at (global.get $free))
  (global.set $free (i32.add (global.get $free) (local.get 3)))
  (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536)))
    (then (drop (memory.grow
      (i32.add (i32.div_u (local.get 3) (i32.const 65536)) (i32.const 1))))))
  (local.get $at))
(func $store (param i32 i32 i32)
  (i32.store (local.get 0) (local.get 1))
  (i32.store offset=4 (local.get 0) (local.get 2)))
(func $ok (param i32 i32) (result i32)
  (i32.store8 (i32.const 0) (i32.const 0))
  (i32.store (i32.const 4) (local.get 0))
  (i32.store (i32.const 8) (local.get 1))
  (i32.const 0))
(func $migrated (result i32)
  (i32.store8 (i32.const 0) (i32.const 0))
  (i32.const 0))
(func $failed (param i32 i32 i32 i32) (result i32)
  (i32.store8 (i32.const 0) (i32.const 1))
  (i32.store (i32.const 4) (local.get 0))
  (i32.store (i32.const 8) (local.get 1))
  (i32.store (i32.const 12) (local.get 2))
  (i32.store (i32.const 16) (local.get 3))
  (i32.const 0))
"#;

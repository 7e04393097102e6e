//! What a component carries, checked on components that are made here, without a compiler.

use cryptlet_build::{SectionError, WrapError, embed_manifest, interface, read_manifest, wrap};
use wit_component::StringEncoding;
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

const MANIFEST: &str = "[cryptlet]\nname = \"first\" # ünïcode, comments and blanks are kept\n\n";

/// A core module with the imports and exports of `world` and bodies that do nothing, as a compiler
/// would hand it over.
fn module(world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let wit = include_str!("../../../wit/fabric.wit");
    let package = resolve
        .push_str("fabric.wit", wit)
        .expect("the WIT package parses");
    let world = resolve
        .select_world(&[package], Some(world))
        .expect("the world is there");
    prepared(&resolve, world)
}

fn prepared(resolve: &Resolve, world: WorldId) -> Vec<u8> {
    let mut module = wit_component::dummy_module(resolve, world, ManglingAndAbi::Standard32);
    let encoding = StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, resolve, world, encoding, false)
        .expect("the world describes the module");
    module
}

fn component() -> Vec<u8> {
    wrap(&module("contract-cryptlet")).expect("the module follows the world")
}

/// A custom section by the binary format's own rules, so that the encoder under test is not its
/// own witness: id 0, size, length of the name, name, content; sizes below 128 take one byte.
fn section(name: &str, content: &[u8]) -> Vec<u8> {
    let body = [&[name.len() as u8][..], name.as_bytes(), content].concat();
    assert!(body.len() < 128, "one byte holds the size");
    [&[0, body.len() as u8][..], &body].concat()
}

#[test]
fn wraps_a_module_with_the_interface_of_its_world() {
    let interface = interface(&component()).expect("it is a component");

    assert!(
        interface
            .imports
            .contains(&"cryptlet:fabric/router@0.1.0".to_owned())
    );
    assert!(
        !interface
            .imports
            .iter()
            .any(|name| name.starts_with("wasi:"))
    );
    assert_eq!(interface.exports, ["cryptlet:fabric/cryptlet@0.1.0"]);
}

#[test]
fn a_manifest_reads_back_byte_for_byte() {
    let embedded = embed_manifest(&component(), MANIFEST).expect("there is none yet");

    assert_eq!(read_manifest(&embedded).expect("one is there"), MANIFEST);
    wasmparser::validate(&embedded).expect("the section does not harm the component");
}

#[test]
fn embedding_appends_one_section_and_changes_nothing_before_it() {
    let bare = component();

    let embedded = embed_manifest(&bare, "name").expect("there is none yet");

    assert_eq!(
        embedded,
        [bare, section("cryptlet:manifest", b"name")].concat()
    );
}

#[test]
fn a_second_manifest_is_not_embedded() {
    let embedded = embed_manifest(&component(), MANIFEST).expect("there is none yet");

    let refusal = embed_manifest(&embedded, MANIFEST).expect_err("one is there");

    assert!(
        matches!(refusal, SectionError::Repeated { count: 2 }),
        "{refusal}"
    );
}

#[test]
fn two_manifests_are_refused_even_if_they_agree() {
    let one = section("cryptlet:manifest", b"same");
    let twice = [component(), one.clone(), one].concat();

    let refusal = read_manifest(&twice).expect_err("two are there");

    assert!(
        matches!(refusal, SectionError::Repeated { count: 2 }),
        "{refusal}"
    );
}

#[test]
fn a_manifest_inside_a_nested_component_or_module_does_not_count() {
    let hidden = section("cryptlet:manifest", b"hidden");
    let nested_module = [b"\0asm\x01\0\0\0".as_slice(), &hidden].concat();
    let nested_component = [b"\0asm\x0d\0\x01\0".as_slice(), &hidden].concat();
    let outer = [
        b"\0asm\x0d\0\x01\0".as_slice(),
        &[1, nested_module.len() as u8],
        &nested_module,
        &[4, nested_component.len() as u8],
        &nested_component,
    ]
    .concat();
    wasmparser::validate(&outer).expect("a component may hold a module and a component");

    let refusal = read_manifest(&outer).expect_err("the outermost level has none");
    assert!(matches!(refusal, SectionError::Absent), "{refusal}");

    let with_own = [outer, section("cryptlet:manifest", b"own")].concat();
    assert_eq!(
        read_manifest(&with_own).expect("the outermost level has one"),
        "own"
    );
}

#[test]
fn a_manifest_that_is_not_text_is_refused() {
    let bytes = [component(), section("cryptlet:manifest", b"name\xff")].concat();

    let refusal = read_manifest(&bytes).expect_err("0xff is never UTF-8");

    assert!(
        matches!(refusal, SectionError::NotUtf8 { valid_up_to: 4 }),
        "{refusal}"
    );
}

#[test]
fn what_is_no_component_is_named_as_such() {
    for bytes in [
        b"".as_slice(),
        b"name = 1",
        b"\0asm\x01\0\0\0",
        b"\0asm\x0d\0",
    ] {
        let refusal = read_manifest(bytes).expect_err("none of these is a component");
        assert!(
            matches!(refusal, SectionError::NotAComponent),
            "{bytes:?}: {refusal}"
        );
        let refusal = embed_manifest(bytes, MANIFEST).expect_err("nothing to embed it in");
        assert!(
            matches!(refusal, SectionError::NotAComponent),
            "{bytes:?}: {refusal}"
        );
    }
}

#[test]
fn a_component_that_was_cut_off_is_refused_wherever_the_cut_is() {
    let embedded = embed_manifest(&component(), MANIFEST).expect("there is none yet");

    for length in (8..embedded.len()).step_by(7) {
        // A cut between two sections leaves a shorter component, which then has no manifest.
        let refusal = read_manifest(&embedded[..length]).expect_err("the manifest comes last");
        let named = matches!(refusal, SectionError::Malformed(_) | SectionError::Absent);
        assert!(named, "cut at {length}: {refusal}");
    }
}

#[test]
fn a_module_that_answers_no_invocation_is_not_a_cryptlet() {
    let mut resolve = Resolve::default();
    let wit = "package other:thing; world silent { import other: func(); }";
    let package = resolve
        .push_str("other.wit", wit)
        .expect("the package parses");
    let world = resolve
        .select_world(&[package], None)
        .expect("it has one world");

    let refusal = wrap(&prepared(&resolve, world)).expect_err("it exports no handler");

    assert!(matches!(refusal, WrapError::NoHandler), "{refusal}");
}

#[test]
fn a_module_without_a_world_is_refused_with_the_encoders_reason() {
    let imports_an_unknown = module_importing("env", "surprise");

    let refusal = wrap(&imports_an_unknown).expect_err("no world has this import");

    let WrapError::NotEncodable { reason } = refusal else {
        panic!("{refusal}")
    };
    assert!(reason.contains("env"), "{reason}");
}

#[test]
fn a_module_that_is_cut_off_is_refused() {
    // A section of code that says it has 10,121 bytes.
    let cut_off = b"\0asm\x01\0\0\0\x0a\x89\x4e\x01";

    let refusal = wrap(cut_off).expect_err("its end is missing");

    assert!(
        matches!(refusal, WrapError::NotEncodable { .. }),
        "{refusal}"
    );
}

#[test]
fn a_component_passes_unchanged() {
    let component = component();

    assert_eq!(wrap(&component).expect("it is one already"), component);
}

/// A core module that imports one function without parameters and results.
fn module_importing(namespace: &str, name: &str) -> Vec<u8> {
    let names = [
        &[namespace.len() as u8][..],
        namespace.as_bytes(),
        &[name.len() as u8],
        name.as_bytes(),
    ]
    .concat();
    let imports = [&[1][..], &names, &[0, 0]].concat();
    let types = [1, 4, 1, 0x60, 0, 0];
    [
        b"\0asm\x01\0\0\0".as_slice(),
        &types,
        &[2, imports.len() as u8],
        &imports,
    ]
    .concat()
}

//! What is refused at the door, and in which words.

use cryptlet_attest::Measurement;
use cryptlet_container::{CompilationError, Container, LoadError, Settings};

use crate::guests::{contract, encode, handling, manifest, utility, with_section};
use crate::host::{CONTAINER, honest};

fn refused(bytes: &[u8]) -> LoadError {
    match CONTAINER.load(bytes) {
        Ok(_) => panic!("it was loaded"),
        Err(error) => error,
    }
}

#[test]
fn a_good_component_is_measured_whole() {
    let bytes = honest();
    let cryptlet = CONTAINER.load(&bytes).expect("it is good");
    assert_eq!(cryptlet.measurement(), Measurement::of(&bytes));
    assert_eq!(cryptlet.size(), bytes.len());
    assert_eq!(cryptlet.manifest().cryptlet.name, "guest");
    assert!(
        cryptlet
            .imports()
            .iter()
            .all(|name| name.ends_with("types@0.1.0"))
    );
    let mut other = bytes;
    other.extend_from_slice(&[0, 2, 1, b'x']);
    let other = CONTAINER
        .load(&other)
        .expect("another custom section is fine");
    assert_ne!(other.measurement(), cryptlet.measurement());
}

#[test]
fn core_modules_are_refused() {
    let module = wat::parse_str("(module)").expect("valid");
    assert!(matches!(refused(&module), LoadError::CoreModule));
    let with_manifest =
        wat::parse_str("(module (@custom \"cryptlet:manifest\" \"x\"))").expect("valid");
    assert!(matches!(refused(&with_manifest), LoadError::CoreModule));
}

#[test]
fn compiled_code_is_refused() {
    let engine = wasmtime::Engine::default();
    let compiled = engine
        .precompile_component(&honest())
        .expect("the honest guest compiles");
    assert!(matches!(refused(&compiled), LoadError::Precompiled));
}

#[test]
fn text_garbage_and_halves_are_refused() {
    let good = honest();
    assert!(matches!(
        refused(b"(component)"),
        LoadError::NotAComponent(_)
    ));
    assert!(matches!(refused(b""), LoadError::NotAComponent(_)));
    for length in [4, 8, good.len() / 2, good.len() - 1] {
        refused(&good[..length]);
    }
}

#[test]
fn components_that_are_too_large_are_not_even_parsed() {
    let small = Container::new(Settings {
        instances: 4,
        component_bytes: 100,
        ..Settings::default()
    })
    .expect("it starts");
    assert!(matches!(
        small.load(&honest()),
        Err(LoadError::TooLarge { allowed: 100, .. })
    ));
}

#[test]
fn exactly_one_manifest_at_the_outermost_level_counts() {
    let bare = encode(&handling("(call $ok @‹{}›)"));
    assert!(matches!(refused(&bare), LoadError::NoManifest));
    let text = manifest("contract", "");
    let twice = with_section(with_section(bare.clone(), text.as_bytes()), text.as_bytes());
    assert!(matches!(refused(&twice), LoadError::SeveralManifests(2)));
    assert!(matches!(
        refused(&with_section(bare.clone(), &[0xff])),
        LoadError::ManifestNotText
    ));
    assert!(matches!(
        refused(&with_section(bare, b"[cryptlet]")),
        LoadError::Manifest(_)
    ));
}

#[test]
fn a_manifest_inside_a_nested_module_says_nothing() {
    let inner = format!(
        "(@custom \"cryptlet:manifest\" \"{}\") {}",
        manifest("contract", "")
            .replace('"', "\\22")
            .replace('\n', "\\0a"),
        handling("(call $ok @‹{}›)")
    );
    assert!(matches!(refused(&encode(&inner)), LoadError::NoManifest));
}

#[test]
fn an_import_that_the_manifest_does_not_ask_for_is_named() {
    for (call, interface, key) in [
        ("(call $log (i32.const 0) @‹x›)", "log", "log = true"),
        ("(call $state_remove @‹x›)", "state", "state = true"),
        ("(call $publish @‹T› @‹{}›)", "events", "events = true"),
        (
            "(call $public_key_of @‹k› (i32.const 256))",
            "keychain",
            "keychain",
        ),
    ] {
        let error = refused(&contract("", &format!("{call} (call $ok @‹{{}}›)")));
        let text = error.to_string();
        assert!(matches!(error, LoadError::UnaskedImport { .. }), "{text}");
        assert!(
            text.contains(&format!("cryptlet:fabric/{interface}@0.1.0")),
            "{text}"
        );
        assert!(text.contains(key), "{text}");
    }
    let wasi = refused(&contract("", "(drop (call $now)) (call $ok @‹{}›)"));
    assert!(wasi.to_string().contains("wasi = true"), "{wasi}");
}

#[test]
fn an_import_that_nobody_offers_is_named() {
    for (call, import) in [
        ("(call $foreign)", "vendor:secret/door@1.0.0"),
        ("(call $connect)", "wasi:sockets/door@0.2.6"),
    ] {
        let guest = contract(
            "[build]\nwasi = true\n[capabilities]\nwasi = true",
            &format!("{call} (call $ok @‹{{}}›)"),
        );
        match refused(&guest) {
            LoadError::ForeignImport { import: named } => assert_eq!(named, import),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_kind_gets_only_the_interfaces_of_its_kind() {
    let error = refused(&contract(
        "",
        "(call $fetch @‹GET› @‹grant://a› (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256)) (call $ok @‹{}›)",
    ));
    assert!(
        matches!(
            error,
            LoadError::KindForbids {
                kind: "contract",
                ..
            }
        ),
        "{error}"
    );
    let error = refused(&utility(
        "",
        "(drop (call $submit (i32.const 0))) (call $ok @‹{}›)",
    ));
    assert!(
        matches!(
            error,
            LoadError::KindForbids {
                kind: "utility",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_missing_export_is_named() {
    let bare = wat::parse_str("(component)").expect("valid");
    let error = refused(&with_section(bare, manifest("contract", "").as_bytes()));
    assert!(matches!(error, LoadError::Export(_)), "{error}");
    assert!(
        error.to_string().contains("cryptlet:fabric/cryptlet@0.1.0"),
        "{error}"
    );
}

#[test]
fn an_export_of_another_type_is_refused() {
    let other = wat::parse_str(
        r#"(component
            (core module $m (func (export "handle") (result i32) (i32.const 0)))
            (core instance $i (instantiate $m))
            (func $handle (result u32) (canon lift (core func $i "handle")))
            (instance $cryptlet (export "handle" (func $handle)))
            (export "cryptlet:fabric/cryptlet@0.1.0" (instance $cryptlet)))"#,
    )
    .expect("valid");
    let error = refused(&with_section(other, manifest("contract", "").as_bytes()));
    assert!(matches!(error, LoadError::Export(_)), "{error}");
}

#[test]
fn what_the_engine_leaves_out_does_not_load() {
    for (wat, why) in [
        (
            "(func (drop (f32x4.relaxed_madd (v128.const i64x2 0 0) (v128.const i64x2 0 0) (v128.const i64x2 0 0))))",
            "relaxed",
        ),
        ("(memory $shared 1 1 shared)", "threads"),
        ("(memory $wide i64 1)", "memory64"),
        ("(memory $second 1)", "multi"),
    ] {
        let guest = component_unvalidated(wat);
        let error = refused(&guest);
        assert!(is_refused(&error), "{why}: {error}");
    }
}

fn is_refused(error: &LoadError) -> bool {
    matches!(error, LoadError::Compilation(CompilationError::Refused(_)))
}

/// A component with one core module that the wrapping library would refuse itself.
fn component_unvalidated(module: &str) -> Vec<u8> {
    let bytes = wat::parse_str(format!(
        "(component (core module (memory $first 1) {module}))"
    ))
    .expect("valid text");
    with_section(bytes, manifest("contract", "").as_bytes())
}

#[test]
fn a_component_of_too_many_instances_is_refused() {
    let instances: String = "(core instance (instantiate $m))".repeat(65);
    let bytes =
        wat::parse_str(format!("(component (core module $m) {instances})")).expect("valid text");
    let error = refused(&with_section(bytes, manifest("contract", "").as_bytes()));
    assert!(is_refused(&error), "{error}");
    assert!(error.to_string().contains("65"), "{error}");
}

#[test]
fn a_cryptlet_runs_only_where_it_was_loaded() {
    let elsewhere = Container::new(Settings {
        instances: 4,
        ..Settings::default()
    })
    .expect("it starts");
    let foreign = elsewhere.load(&honest()).expect("it is good");
    let run = crate::host::Case::with(foreign).run();
    assert!(!run.outcome.is_replayable());
    assert!(
        run.diagnostic
            .is_some_and(|text| text.contains("another container"))
    );
}

#[test]
fn chains_must_fit_into_the_pool() {
    let error = Container::new(Settings {
        instances: 1,
        ..Settings::default()
    })
    .expect_err("a chain of four needs four places");
    assert!(error.to_string().contains("call-depth"), "{error}");
}

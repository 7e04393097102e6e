//! What the fuzz targets do, over the inputs that are committed for them.

#[path = "../../../../fuzz/checks/component_load.rs"]
mod component_load;
#[path = "../../../../fuzz/checks/grants.rs"]
mod grants;
#[path = "../../../../fuzz/checks/module_run.rs"]
mod module_run;

use std::path::PathBuf;

use cryptlet_container::{Invocation, Transcript};

/// Runs a target over its corpus: these inputs are refused, and all others are read.
fn replay(target: &str, refused: &[&str], run: impl Fn(&[u8]) -> bool) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let (mut read, mut found) = (0, Vec::new());
    for file in std::fs::read_dir(&folder).expect("the corpus is there") {
        let file = file.expect("it is listed");
        if run(&std::fs::read(file.path()).expect("it reads")) {
            read += 1;
        } else {
            found.push(file.file_name().into_string().expect("it is ASCII"));
        }
    }
    found.sort();
    assert_eq!(found, refused, "what is refused");
    assert!(read > 0, "nothing is read");
}

#[test]
fn transcripts_of_the_corpus_are_read_one_way_or_refused() {
    let refused = [
        "cut-off",
        "damaged-inside",
        "list-without-end",
        "longer-head",
        "promises-too-much",
        "too-deep",
    ];
    replay(
        "transcript",
        &refused,
        |bytes| match Transcript::from_bytes(bytes) {
            Ok(transcript) => {
                assert_eq!(transcript.to_bytes(), bytes);
                true
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                false
            }
        },
    );
}

#[test]
fn invocations_of_the_corpus_are_read_one_way_or_refused() {
    let refused = ["cut-off", "deep", "longer", "promises-too-much"];
    replay(
        "invocation",
        &refused,
        |bytes| match Invocation::from_input_bytes(bytes) {
            Ok(invocation) => {
                assert_eq!(invocation.input_bytes(), bytes);
                true
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                false
            }
        },
    );
}

#[test]
fn components_of_the_corpus_are_loaded_or_refused() {
    let refused = [
        "core-module",
        "cut-off",
        "export-of-no-such-name",
        "foreign-import",
        "log-of-another-type",
        "manifest-not-text",
        "nested-component",
        "optional-of-no-type",
        "section-out-of-order",
        "two-manifests",
        "unasked-log",
        "unknown-version",
        "wide-memory",
        "without-manifest",
    ];
    replay("component_load", &refused, component_load::check);
}

#[test]
fn modules_of_the_corpus_run_to_one_end_or_are_refused() {
    let refused = [
        "cut-off-code",
        "empty-module",
        "no-module",
        "random-01",
        "random-03",
        "random-04",
        "random-05",
        "random-07",
        "random-08",
        "random-09",
        "random-11",
        "random-12",
        "random-13",
        "random-14",
        "random-15",
        "random-16",
        "random-17",
        "random-18",
        "random-19",
        "random-20",
        "random-22",
        "random-23",
        "random-24",
    ];
    replay("module_run", &refused, module_run::check);
}

#[test]
fn requests_of_the_corpus_stay_within_their_grants_or_are_denied() {
    let refused = [
        "backslash",
        "base-of-files",
        "base-with-password",
        "base-with-query",
        "base-without-a-host",
        "begins-alike",
        "dot-segment",
        "encoded-dot-segment",
        "full-width-dot",
        "host-begins-alike",
        "mapped-address",
        "method-in-lower-case",
        "method-of-the-other-grant",
        "name-with-colon",
        "no-method",
        "tab-in-dot-segment",
        "unknown-grant",
        "user-in-front-of-host",
    ];
    replay("grants", &refused, grants::check);
}

/// Writes the components of the corpus that this test's own guests make.
#[test]
#[ignore = "writes files: run it when the guests change"]
fn write_the_components_of_the_corpus() {
    use crate::guests::{component, contract, encode, handling, manifest, utility, with_section};
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/component_load");
    let honest = crate::host::honest();
    let text = manifest("contract", "");
    let bare = encode(&handling("(call $ok @‹{}›)"));
    let nested = |inner: &str| wat::parse_str(format!("(component {inner})")).expect("valid");
    let cases = [
        ("honest", honest.clone()),
        ("cut-off", honest[..honest.len() / 2].to_vec()),
        (
            "with-log",
            contract(
                "[capabilities]\nlog = true",
                "(call $log (i32.const 0) @‹x›) (call $ok @‹{}›)",
            ),
        ),
        (
            "unasked-log",
            contract("", "(call $log (i32.const 0) @‹x›) (call $ok @‹{}›)"),
        ),
        ("utility", utility("", "(call $ok @‹{}›)")),
        (
            "foreign-import",
            contract("", "(call $foreign) (call $ok @‹{}›)"),
        ),
        ("without-manifest", bare.clone()),
        (
            "two-manifests",
            with_section(honest.clone(), text.as_bytes()),
        ),
        ("manifest-not-text", with_section(bare, &[0xff])),
        ("core-module", wat::parse_str("(module)").expect("valid")),
        (
            "nested-component",
            with_section(nested("(component (core module))"), text.as_bytes()),
        ),
        (
            "wide-memory",
            with_section(nested("(core module (memory i64 1))"), text.as_bytes()),
        ),
        (
            "start-traps",
            component(
                &text,
                &format!(
                    "(func $s unreachable) (start $s) {}",
                    handling("(call $ok @‹{}›)")
                ),
            ),
        ),
    ];
    for (name, bytes) in cases {
        std::fs::write(folder.join(name), bytes).expect("it is ours");
    }
}

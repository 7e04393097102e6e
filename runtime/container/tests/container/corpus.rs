//! What the fuzz targets do, over the inputs that are committed for them.

#[path = "../../../../fuzz/checks/component_load.rs"]
mod component_load;
#[path = "../../../../fuzz/checks/grants.rs"]
mod grants;
#[path = "../../../../fuzz/checks/module_run.rs"]
mod module_run;

use std::path::PathBuf;

use cryptlet_container::{Invocation, Transcript};

fn replay(target: &str, run: impl Fn(&[u8]) -> bool) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let (mut read, mut refused) = (0, 0);
    for file in std::fs::read_dir(&folder).expect("the corpus is there") {
        let bytes = std::fs::read(file.expect("it is listed").path()).expect("it reads");
        *(if run(&bytes) { &mut read } else { &mut refused }) += 1;
    }
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}

#[test]
fn transcripts_of_the_corpus_are_read_one_way_or_refused() {
    replay("transcript", |bytes| match Transcript::from_bytes(bytes) {
        Ok(transcript) => {
            assert_eq!(transcript.to_bytes(), bytes);
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    });
}

#[test]
fn invocations_of_the_corpus_are_read_one_way_or_refused() {
    replay("invocation", |bytes| {
        match Invocation::from_input_bytes(bytes) {
            Ok(invocation) => {
                assert_eq!(invocation.input_bytes(), bytes);
                true
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                false
            }
        }
    });
}

#[test]
fn components_of_the_corpus_are_loaded_or_refused() {
    replay("component_load", component_load::check);
}

#[test]
fn modules_of_the_corpus_run_to_one_end_or_are_refused() {
    replay("module_run", module_run::check);
}

#[test]
fn requests_of_the_corpus_stay_within_their_grants_or_are_denied() {
    replay("grants", grants::check);
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

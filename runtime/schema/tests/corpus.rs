//! What the fuzz target of manifests does, over the inputs that are committed for it.

#[path = "../../../fuzz/checks/manifest.rs"]
mod manifest;

use std::collections::BTreeMap;
use std::path::Path;

use cryptlet_schema::Manifest;

/// The inputs that are refused, and words of the reason; all others are read.
const REFUSED: [(&str, &str); 19] = [
    ("action-without-fields", "messages.actions[0]: expected `(`"),
    ("build-unknown-key", "build.ke_: there is no such key"),
    ("carriage-returns", "cryptlet.toml:19:1: limits.feul"),
    ("deep", "recursion depth"),
    ("description-bidi", "control character"),
    ("empty", "cryptlet: the key is missing"),
    ("key-twice", "duplicate key"),
    (
        "limit-beyond-64-bits",
        "limits.fuel: 99999999999999999999 is not a number",
    ),
    ("limit-too-high", "limits.fuel: 1000000000001 lies outside"),
    ("many-dots", "recursion limit"),
    ("name-double-dash", "not a name in kebab-case"),
    ("not-text", "invalid utf-8"),
    ("not-toml-unclosed", "invalid basic string"),
    ("request-no-type", "`st` is not a type"),
    ("source-twice", "`reference-rate` is there twice"),
    (
        "state-version-beyond-32-bits",
        "state.version: 4294967296 lies outside",
    ),
    ("table-is-a-value", "limits: expected a table"),
    ("unknown-key", "limits.feul: there is no such key"),
    ("version-too-long", "too long"),
];

#[test]
fn manifests_of_the_corpus_are_read_within_bounds_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/manifest");
    let mut refused = BTreeMap::new();
    for file in std::fs::read_dir(folder).expect("the corpus is there") {
        let file = file.expect("it is listed");
        let bytes = std::fs::read(file.path()).expect("it reads");
        let name = file.file_name().into_string().expect("it is ASCII");
        if !manifest::check(&bytes) {
            refused.insert(name, reason(&bytes));
        }
    }
    assert_eq!(
        refused.keys().collect::<Vec<_>>(),
        REFUSED.map(|(name, _)| name),
        "{refused:#?}"
    );
    for (name, words) in REFUSED {
        let reason = &refused[name];
        assert!(reason.contains(words), "{name}: {reason}");
    }
}

fn reason(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => Manifest::parse(text)
            .expect_err("it is refused")
            .to_string(),
        Err(error) => error.to_string(),
    }
}

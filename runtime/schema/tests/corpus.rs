//! What the fuzz target of manifests does, over the inputs that are committed for it.

#[path = "../../../fuzz/checks/manifest.rs"]
mod manifest;

use std::path::Path;

#[test]
fn manifests_of_the_corpus_are_read_within_bounds_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/manifest");
    let (mut read, mut refused) = (0, 0);
    for file in std::fs::read_dir(folder).expect("the corpus is there") {
        let bytes = std::fs::read(file.expect("it is listed").path()).expect("it reads");
        *(if manifest::check(&bytes) {
            &mut read
        } else {
            &mut refused
        }) += 1;
    }
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}

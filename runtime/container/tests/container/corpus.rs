//! What the fuzz targets do, over the inputs that are committed for them.

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

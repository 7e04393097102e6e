//! Checkpoints with cosignatures: reading one never panics, and adding its own lines to it
//! changes nothing of who has signed.

#![no_main]

use cryptlet_attest::log::{WitnessKey, add_cosignatures, cosigners};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static WITNESSES: LazyLock<[WitnessKey; 1]> = LazyLock::new(|| {
    [
        "witness.example/w1+141f260a+BMqTrBcFGHBx1nuDx/8O/oEI6OxFMFdddyaHkzPb2r58"
            .parse()
            .expect("the key of the corpus"),
    ]
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(note) = std::str::from_utf8(bytes) else {
        return;
    };
    let (_, lines) = note.rsplit_once("\n\n").unwrap_or_default();
    let again = add_cosignatures(note, lines);
    if let Ok(found) = cosigners(note, &*WITNESSES) {
        assert_eq!(cosigners(&again, &*WITNESSES), Ok(found));
    }
});

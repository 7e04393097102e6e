//! Checkpoints: opening one never panics, and believes only what was signed.

#![no_main]

use cryptlet_attest::{TrustedKey, open_checkpoint};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static TRUST: LazyLock<[TrustedKey; 1]> = LazyLock::new(|| {
    [
        "log.example.com/fabric+5a1ab07b+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
            .parse()
            .expect("the key of the corpus"),
    ]
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = std::str::from_utf8(bytes)
        && let Ok(checkpoint) = open_checkpoint(note, &*TRUST)
    {
        assert!(note.starts_with(&checkpoint.origin));
    }
});

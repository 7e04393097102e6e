//! Proofs in files: whatever is read has that one form, and verification never panics.

#![no_main]

use cryptlet_attest::log::TlogProof;
use cryptlet_attest::{LeafHash, TrustedKey};
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
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(proof) = TlogProof::from_text(text)
    {
        assert_eq!(proof.to_text(), text);
        let _ = proof.verify(&LeafHash::of(b"entry"), &*TRUST);
    }
});

//! Bundles: whatever is read has that one form, and verifying it never panics.

#![no_main]

use cryptlet_attest::TrustedKey;
use cryptlet_attest::bundle::{Bundle, Expectations, verify_bundle};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static AUDITOR: LazyLock<Expectations> = LazyLock::new(|| Expectations {
    trust: vec![
        "log.example.com/fabric+5a1ab07b+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
            .parse::<TrustedKey>()
            .expect("the key of the corpus"),
    ],
    ..Expectations::default()
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = Bundle::from_bytes(bytes) {
        assert_eq!(bundle.to_bytes(), bytes);
    }
    if let Ok(verdict) = verify_bundle(bytes, &AUDITOR) {
        assert_eq!(verdict.bundle.to_bytes(), bytes);
        assert_eq!(verdict.claims.len(), 10);
    }
});

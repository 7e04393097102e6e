//! Receipts: whatever is read has that one form, and verification never panics.

#![no_main]

use cryptlet_attest::{Receipt, TrustedKey, verify};
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
    if let Ok(receipt) = Receipt::from_bytes(bytes) {
        assert_eq!(receipt.to_bytes(), bytes);
        let _ = receipt.view();
    }
    if let Ok(verdict) = verify(bytes, &*TRUST, None) {
        assert_eq!(verdict.statement.leaf_hash(), verdict.leaf_hash);
    }
});

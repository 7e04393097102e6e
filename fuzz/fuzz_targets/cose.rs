//! COSE Receipts: whatever is read has that one form, and checking never panics.

#![no_main]

use cryptlet_attest::log::{CoseReceipt, Hash, check_consistency_receipt, check_inclusion_receipt};
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
    if let Ok(receipt) = CoseReceipt::from_bytes(bytes) {
        assert_eq!(receipt.to_bytes(), bytes);
    }
    let leaf = LeafHash::of(b"entry");
    let _ = check_inclusion_receipt(bytes, &leaf, &*TRUST);
    let root = Hash(*leaf.as_bytes());
    let _ = check_consistency_receipt(bytes, &root, &*TRUST);
});

//! Requests to a witness: whatever is read has that one form, and what a witness allows it
//! allows again.

#![no_main]

use cryptlet_attest::TrustedKey;
use cryptlet_attest::log::{AddCheckpoint, Witness};
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
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(mut request) = AddCheckpoint::from_text(text) else {
        return;
    };
    assert_eq!(request.to_text(), text);
    let mut witness = Witness::default();
    if let Ok(leave) = witness.consider(&request, &*TRUST) {
        witness.remember(leave.clone());
        request.old = leave.witnessed.size;
        assert_eq!(witness.consider(&request, &*TRUST), Ok(leave));
    }
});

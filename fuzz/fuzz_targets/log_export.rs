//! Log exports: whatever is read has that one form, and following a binding through it never
//! panics.

#![no_main]

use cryptlet_attest::trail::{Question, follow};
use cryptlet_attest::{BindingId, LogExport, TrustedKey};
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
    let Ok(export) = LogExport::from_bytes(bytes) else {
        return;
    };
    let mut again = LogExport::header();
    for leaf in &export.leaves {
        again.extend(LogExport::leaf(leaf));
    }
    again.extend(LogExport::end(export.checkpoint));
    assert_eq!(again, bytes);
    let question = Question {
        binding: BindingId::from_bytes([0xb1; 32]),
        terms: Vec::new(),
        since: None,
    };
    let _ = follow(&export.leaves, export.checkpoint, &*TRUST, &question);
});

//! Inputs of runs: whatever is read has that one form.

#![no_main]

use cryptlet_container::Invocation;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(invocation) = Invocation::from_input_bytes(bytes) {
        assert_eq!(invocation.input_bytes(), bytes);
    }
});

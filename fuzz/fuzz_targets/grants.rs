//! Grants of HTTP against what a guest asks for: whatever is reached lies inside one that was granted.

#![no_main]

#[path = "../checks/grants.rs"]
mod checked;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    checked::check(bytes);
});

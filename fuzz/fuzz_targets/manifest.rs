//! Texts as a manifest: what reads keeps to its bounds, and what does not is told of in its place.

#![no_main]

#[path = "../checks/manifest.rs"]
mod checked;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    checked::check(bytes);
});

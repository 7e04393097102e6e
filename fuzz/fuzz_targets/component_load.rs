//! Bytes as a component: whatever they are, the container loads them or says why not.

#![no_main]

#[path = "../checks/component_load.rs"]
mod checked;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    checked::check(bytes);
});

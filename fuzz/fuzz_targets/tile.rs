//! Paths of tiles and bundles of entries: whatever is read has that one form.

#![no_main]

use cryptlet_attest::log::{TilePath, entry_bundle, read_entry_bundle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(path) = text.parse::<TilePath>()
    {
        assert_eq!(path.to_string(), text);
    }
    if let Ok(entries) = read_entry_bundle(bytes) {
        assert_eq!(entry_bundle(&entries).expect("it was one"), bytes);
    }
});

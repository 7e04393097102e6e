//! Log entries: whatever is read has that one form.

#![no_main]

use cryptlet_attest::LogEntry;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = LogEntry::from_bytes(bytes) {
        assert_eq!(entry.to_bytes(), bytes);
    }
});

//! Transcripts: whatever is read, with what is in it, has that one form.

#![no_main]

use cryptlet_container::Transcript;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(transcript) = Transcript::from_bytes(bytes) {
        assert_eq!(transcript.to_bytes(), bytes);
    }
});

//! Keystore files: whatever is read as one is written and read back the same, and
//! asks for no more work than is bearable. Nothing is decrypted, which would cost
//! what the file asks for.

#![no_main]

use cryptlet_vault::Keystore;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(keystore) = Keystore::parse(bytes) else {
        return;
    };
    let text = keystore.to_json();
    let again = Keystore::parse(text.as_bytes()).expect("what was written reads back");
    assert_eq!(again, keystore);
    assert_eq!(again.to_json(), text);
});

//! The keys that an auditor trusts: as text, or in a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use cryptlet_attest::TrustedKey;

/// Far above any key.
const MOST_BYTES: u64 = 4_096;

/// Reads a key, or the file that holds one. What is a key is never looked for among the files.
pub fn trusted_key(text: &str) -> Result<TrustedKey, String> {
    let refusal = match text.parse() {
        Ok(key) => return Ok(key),
        Err(error) => error,
    };
    let path = Path::new(text);
    if !path.is_file() {
        return Err(if text.contains('+') {
            format!("{refusal}")
        } else {
            format!("{refusal}; and there is no file of that name")
        });
    }
    let mut line = String::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES).read_to_string(&mut line))
        .map_err(|error| format!("the file cannot be read: {error}"))?;
    line.trim()
        .parse()
        .map_err(|error| format!("the file holds no key: {error}"))
}

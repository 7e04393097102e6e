//! Hashes that cannot be mistaken for one another.

use crate::Digest;

/// What every domain starts with; raised when the meaning of a hash changes.
const CONTEXT: &str = "cryptlet-fabric v1 ";

/// Hashes `parts` under `domain`.
///
/// BLAKE3 in its key-derivation mode with the context `cryptlet-fabric v1 <domain>`,
/// over each part preceded by its length as 8 bytes, big-endian. Two calls agree
/// only if domain, number of parts and every part agree. `b3sum --derive-key
/// "cryptlet-fabric v1 <domain>"` over the same bytes prints the same digest.
///
/// ```
/// use cryptlet_attest::digest;
/// assert_ne!(digest("example", &[b"ab", b"c"]), digest("example", &[b"a", b"bc"]));
/// assert_ne!(digest("example", &[b"ab"]), digest("another", &[b"ab"]));
/// ```
pub fn digest(domain: &str, parts: &[&[u8]]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key(&format!("{CONTEXT}{domain}"));
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

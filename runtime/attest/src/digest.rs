//! Hashes that cannot be mistaken for one another.

use std::sync::OnceLock;

use arrayvec::ArrayVec;
use blake3::hazmat::{ContextKey, HasherExt as _, hash_derive_key_context};

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
    under(&context(domain), parts)
}

/// A domain of many digests, whose context is hashed once in a process instead of for each.
pub(crate) struct Domain {
    name: &'static str,
    key: OnceLock<ContextKey>,
}

impl Domain {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            key: OnceLock::new(),
        }
    }

    /// What [`digest`] gives for the same name and parts.
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> Digest {
        under(self.key.get_or_init(|| context(self.name)), parts)
    }
}

fn context(domain: &str) -> ContextKey {
    hash_derive_key_context(&format!("{CONTEXT}{domain}"))
}

fn under(key: &ContextKey, parts: &[&[u8]]) -> Digest {
    let mut hasher = blake3::Hasher::new_from_context_key(key);
    // Lengths and short parts go in together: what an update costs hardly depends on its length.
    let mut waiting = ArrayVec::<u8, 256>::new();
    for part in parts {
        let length = (part.len() as u64).to_be_bytes();
        for piece in [&length, *part] {
            if waiting.try_extend_from_slice(piece).is_err() {
                hasher.update(&waiting);
                waiting.clear();
                if waiting.try_extend_from_slice(piece).is_err() {
                    hasher.update(piece);
                }
            }
        }
    }
    hasher.update(&waiting);
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_hashed_after_its_length_however_long_it_is() {
        let long = [7; 1_000];
        for lengths in [
            &[0][..],
            &[3, 248, 0],
            &[240, 1, 300, 5],
            &[256, 255],
            &[1_000, 9],
        ] {
            let parts: Vec<&[u8]> = lengths.iter().map(|length| &long[..*length]).collect();
            let mut hasher = blake3::Hasher::new_derive_key("cryptlet-fabric v1 example");
            for part in &parts {
                hasher.update(&(part.len() as u64).to_be_bytes());
                hasher.update(part);
            }
            assert_eq!(
                digest("example", &parts).as_bytes(),
                hasher.finalize().as_bytes()
            );
        }
    }

    #[test]
    fn a_domain_that_is_kept_digests_as_its_name_does() {
        let kept = Domain::new("example");
        for parts in [&[][..], &[b"ab" as &[u8], b"c"]] {
            assert_eq!(kept.digest(parts), digest("example", parts));
            assert_eq!(kept.digest(parts), digest("example", parts), "again");
        }
    }
}

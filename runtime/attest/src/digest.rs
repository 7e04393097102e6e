//! Hashes that cannot be mistaken for one another.

use std::cell::{RefCell, RefMut};
use std::thread::LocalKey;

use arrayvec::ArrayVec;
use blake3::Hasher;

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
    under(&mut hasher(domain), parts.iter().copied())
}

/// A domain of many digests. Every thread keeps a hasher for it: its context is hashed once, and what
/// a hasher holds, nearly 2 KiB, is not set up and moved for each digest.
pub(crate) struct Domain {
    name: &'static str,
    hasher: &'static LocalKey<RefCell<Hasher>>,
}

/// The [`Domain`] of a name.
macro_rules! domain {
    ($name:literal) => {{
        thread_local! {
            static HASHER: std::cell::RefCell<blake3::Hasher> =
                std::cell::RefCell::new($crate::digest::hasher($name));
        }
        $crate::digest::Domain::new($name, &HASHER)
    }};
}
pub(crate) use domain;

impl Domain {
    pub(crate) const fn new(
        name: &'static str,
        hasher: &'static LocalKey<RefCell<Hasher>>,
    ) -> Self {
        Self { name, hasher }
    }

    /// What [`digest`] gives for the same name and parts.
    pub(crate) fn digest<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
        self.hasher.with(|kept| match kept.try_borrow_mut() {
            Ok(kept) => under(&mut Lent(kept).0, parts),
            // Whoever gives the parts takes a digest of this domain meanwhile.
            Err(_) => under(&mut hasher(self.name), parts),
        })
    }
}

/// The kept hasher while it gets parts. Whoever gives them may panic: what they gave until then does
/// not join the next digest, and no bytes of the parts, which may be secret, stay in it.
struct Lent<'a>(RefMut<'a, Hasher>);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.0.reset();
    }
}

/// A hasher of `domain` that has got nothing yet.
pub(crate) fn hasher(domain: &str) -> Hasher {
    Hasher::new_derive_key(&format!("{CONTEXT}{domain}"))
}

fn under<'a>(hasher: &mut Hasher, parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
    // Lengths and short parts go in together: what an update costs hardly depends on its length.
    let mut waiting = ArrayVec::<u8, 256>::new();
    for part in parts {
        put(hasher, &mut waiting, &(part.len() as u64).to_be_bytes());
        put(hasher, &mut waiting, part);
    }
    hasher.update(&waiting);
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

#[inline]
fn put(hasher: &mut Hasher, waiting: &mut ArrayVec<u8, 256>, piece: &[u8]) {
    if waiting.try_extend_from_slice(piece).is_err() {
        hasher.update(waiting);
        waiting.clear();
        if waiting.try_extend_from_slice(piece).is_err() {
            hasher.update(piece);
        }
    }
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
        static KEPT: Domain = domain!("example");
        let long = [7; 5_000];
        for parts in [&[][..], &[b"ab" as &[u8], b"c"], &[&long, b"d"], &[b"e"]] {
            let kept = || KEPT.digest(parts.iter().copied());
            assert_eq!(kept(), digest("example", parts));
            assert_eq!(kept(), digest("example", parts), "again");
        }
    }

    #[test]
    fn parts_whose_giver_panicked_are_in_no_later_digest() {
        static KEPT: Domain = domain!("example");
        let long = [7; 5_000];
        let gives = [&long[..], b"then panics"].into_iter().inspect(|part| {
            assert_eq!(part.len(), 5_000, "as it is meant to");
        });
        let digested =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| KEPT.digest(gives)));
        assert!(digested.is_err());
        assert_eq!(KEPT.digest([&b"ab"[..]]), digest("example", &[b"ab"]));
    }

    #[test]
    fn a_digest_taken_while_parts_are_given_joins_no_other() {
        static KEPT: Domain = domain!("example");
        let inner = |part: &'static [u8]| {
            assert_eq!(KEPT.digest([part]), digest("example", &[part]));
            part
        };
        let parts = [&b"ab"[..], b"c"];
        let outer = KEPT.digest(parts.into_iter().map(inner));
        assert_eq!(outer, digest("example", &parts));
    }
}

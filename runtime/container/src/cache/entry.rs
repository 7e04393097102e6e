//! One entry as bytes: a head that says what it is for and seals the code behind it.

use cryptlet_attest::Measurement;

use super::key::HostKey;
use crate::fingerprint::Fingerprint;

const MAGIC: &[u8; 16] = b"cryptlet code v1";
const WORD: usize = 32;
/// Magic, fingerprint, measurement, MAC.
pub(super) const HEAD_BYTES: usize = MAGIC.len() + 3 * WORD;

/// What an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) measurement: Measurement,
    pub(super) fingerprint: Fingerprint,
}

impl Place {
    /// Half of the fingerprint keeps the engines of one host apart; the entry itself has all of it.
    pub(super) fn file_name(&self) -> String {
        let engine = &self.fingerprint.to_string()[..WORD];
        format!("{}-{engine}", self.measurement)
    }
}

/// Why an entry is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error("it is too short for an entry")]
    Short,
    #[error("it does not begin as an entry does")]
    Magic,
    #[error("it was compiled for another engine")]
    OtherEngine,
    #[error("it was compiled from another module")]
    OtherModule,
    #[error("it was changed, or another host wrote it")]
    Mac,
}

/// Code that this host sealed for the place that it was asked for.
pub(crate) struct Opened<'a>(&'a [u8]);

impl<'a> Opened<'a> {
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// The head of the entry with this code.
pub(super) fn seal(code: &[u8], key: &HostKey, place: &Place) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(place.fingerprint.as_bytes());
    head.extend_from_slice(place.measurement.as_bytes());
    let mac = key.mac(&[head.as_slice(), code]);
    head.extend_from_slice(mac.as_bytes());
    head
}

/// The code of an entry, if it can be taken.
pub(super) fn open<'a>(
    sealed: &'a [u8],
    key: &HostKey,
    place: &Place,
) -> Result<Opened<'a>, Broken> {
    let (head, code) = sealed.split_at_checked(HEAD_BYTES).ok_or(Broken::Short)?;
    let (claim, mac) = head.split_at(HEAD_BYTES - WORD);
    let (magic, claim_of) = claim.split_at(MAGIC.len());
    let (fingerprint, measurement) = claim_of.split_at(WORD);
    if magic != MAGIC {
        return Err(Broken::Magic);
    }
    if fingerprint != place.fingerprint.as_bytes() {
        return Err(Broken::OtherEngine);
    }
    if measurement != place.measurement.as_bytes() {
        return Err(Broken::OtherModule);
    }
    // The comparison takes the same time wherever the first difference is.
    if key.mac(&[claim, code]) != *mac {
        return Err(Broken::Mac);
    }
    Ok(Opened(code))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> HostKey {
        HostKey::from_bytes([7; 32])
    }

    fn place(module: &[u8], engine: u8) -> Place {
        Place {
            measurement: Measurement::of(module),
            fingerprint: Fingerprint::from_bytes([engine; 32]),
        }
    }

    fn sealed(code: &[u8]) -> Vec<u8> {
        let mut bytes = seal(code, &key(), &place(b"module", 1));
        bytes.extend_from_slice(code);
        bytes
    }

    #[test]
    fn an_entry_opens_only_where_it_was_sealed_for() {
        let sealed = sealed(b"code");
        let reason = |key: &HostKey, place: &Place| open(&sealed, key, place).err();
        assert_eq!(reason(&key(), &place(b"module", 1)), None);
        assert_eq!(
            reason(&key(), &place(b"module", 2)),
            Some(Broken::OtherEngine)
        );
        assert_eq!(
            reason(&key(), &place(b"another", 1)),
            Some(Broken::OtherModule)
        );
        assert_eq!(
            reason(&HostKey::from_bytes([8; 32]), &place(b"module", 1)),
            Some(Broken::Mac)
        );
    }

    #[test]
    fn engines_of_one_module_lie_in_files_of_their_own() {
        assert_ne!(place(b"m", 1).file_name(), place(b"m", 2).file_name());
        assert_ne!(place(b"m", 1).file_name(), place(b"n", 1).file_name());
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_as_it_was(code in prop::collection::vec(any::<u8>(), 0..300)) {
            let sealed = sealed(&code);
            let opened = open(&sealed, &key(), &place(b"module", 1)).expect("it is whole");
            prop_assert_eq!(opened.bytes(), &code);
        }

        #[test]
        fn no_bit_of_an_entry_can_change(
            code in prop::collection::vec(any::<u8>(), 0..300),
            at in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let mut sealed = sealed(&code);
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert!(open(&sealed, &key(), &place(b"module", 1)).is_err());
        }

        #[test]
        fn no_part_of_an_entry_opens(
            code in prop::collection::vec(any::<u8>(), 0..300),
            cut in any::<prop::sample::Index>(),
        ) {
            let sealed = sealed(&code);
            let cut = cut.index(sealed.len());
            prop_assert!(open(&sealed[..cut], &key(), &place(b"module", 1)).is_err());
        }
    }
}

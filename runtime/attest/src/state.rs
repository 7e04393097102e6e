//! A binding's state as bundles carry it and receipts digest it.

use crate::Digest;
use crate::digest::{Domain, domain};
use crate::encoding::{self, Bounds, EncodingError, Reader, Wire, Writer};
use std::collections::BTreeMap;

static STATE: Domain = domain!("cryptlet state v1");

const BOUNDS: Bounds = Bounds {
    document: "a state",
    bytes: 1 << 26,
    depth: 1,
};

/// Greatest number of entries of a state. A reader takes memory for every one of them before it
/// knows whether the state is the one that was recorded.
const MAXIMUM_ENTRIES: u64 = 1 << 21;

/// What a binding keeps from run to run: byte strings by their keys.
///
/// ```
/// use cryptlet_attest::State;
///
/// let state = State::from([("period".to_owned(), vec![1]), ("a".to_owned(), vec![2])]);
/// assert_eq!(State::from_bytes(&state.to_bytes())?, state);
/// assert_ne!(state.root(), State::default().root());
/// # Ok::<(), cryptlet_attest::EncodingError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State(BTreeMap<String, Vec<u8>>);

impl State {
    /// The digest over all entries in the byte order of their keys.
    pub fn root(&self) -> Digest {
        state_root(
            self.0
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_slice())),
        )
    }

    /// The entries.
    pub fn entries(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.0
    }

    /// The one encoding: a map of text keys to byte strings.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Reads a state of at most 2 097 152 entries.
    ///
    /// # Errors
    ///
    /// Anything but the one encoding of a state; the error says what and where.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EncodingError> {
        encoding::decode(bytes, &BOUNDS)
    }
}

/// The root of a state whose entries come in the byte order of their keys.
pub fn state_root<'a>(entries: impl Iterator<Item = (&'a str, &'a [u8])>) -> Digest {
    STATE.digest(entries.flat_map(|(key, value)| [key.as_bytes(), value]))
}

impl From<BTreeMap<String, Vec<u8>>> for State {
    fn from(entries: BTreeMap<String, Vec<u8>>) -> Self {
        Self(entries)
    }
}

impl<const N: usize> From<[(String, Vec<u8>); N]> for State {
    fn from(entries: [(String, Vec<u8>); N]) -> Self {
        Self(entries.into())
    }
}

impl From<State> for BTreeMap<String, Vec<u8>> {
    fn from(state: State) -> Self {
        state.0
    }
}

impl Wire for State {
    fn write(&self, writer: &mut Writer) {
        writer.map(self.0.len());
        // Encoded keys begin with their length, so shorter ones come first.
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_key(|(key, _)| (key.len(), key.as_bytes()));
        for (key, value) in entries {
            writer.text(key);
            writer.bytes(value);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let limit = BOUNDS.bytes as u64;
        let length = reader.map(MAXIMUM_ENTRIES)?;
        (0..length)
            .map(|_| {
                let key = reader.text(limit)?.to_owned();
                Ok((key, reader.bytes(limit)?.to_vec()))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

//! How bytes become a transcript: strictly, and without taking more memory than they are worth. Bytes
//! that an auditor replays may come from somebody hostile.

use cryptlet_schema::Limits;
use minicbor::data::Type;
use minicbor::encode::Write;
use minicbor::{Decoder, decode};

use crate::transcript::Record;

/// Transcripts in one another: cryptlets in the longest chain of calls.
const MOST_NESTED: u64 = Limits::MAXIMUM.call_depth;
/// Items of CBOR in a transcript and those in it. A run that lists as many keys of its state as it
/// can, call by call, stays below.
const MOST_ITEMS: u64 = 1 << 22;

/// Bytes do not read as a transcript.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptError {
    /// A call does not decode.
    #[error("transcript is damaged at call {call}: {reason}")]
    Malformed {
        /// Index of the call.
        call: usize,
        /// What the decoder says.
        reason: String,
    },
    /// It decodes, but from other bytes than a digest would cover.
    #[error("transcript is not in deterministic encoding; it was not written by this container")]
    NotCanonical,
    /// Sources that ask sources, more than any chain of calls can hold.
    #[error("transcript holds more than {MOST_NESTED} transcripts in one another")]
    TooDeep,
    /// More than the calls of a run can leave behind.
    #[error("transcript has more than {MOST_ITEMS} items; no run leaves so many")]
    TooMany,
}

/// A transcript that is read, with those inside it.
#[derive(Default)]
pub(crate) struct Reading {
    items: u64,
}

impl Reading {
    /// Hands every record of `bytes` to `take`; `depth` counts from 1.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
        depth: u64,
        take: &mut dyn FnMut(Record),
    ) -> Result<(), TranscriptError> {
        if depth > MOST_NESTED {
            return Err(TranscriptError::TooDeep);
        }
        let mut decoder = Decoder::new(bytes);
        let mut call = 0;
        while decoder.position() < bytes.len() {
            let malformed = |error: decode::Error| TranscriptError::Malformed {
                call,
                reason: error.to_string(),
            };
            let start = decoder.position();
            self.count(&bytes[start..]).map_err(malformed)?;
            if self.items > MOST_ITEMS {
                return Err(TranscriptError::TooMany);
            }
            let record: Record = decoder.decode().map_err(malformed)?;
            if !is_encoding(&record, &bytes[start..decoder.position()]) {
                return Err(TranscriptError::NotCanonical);
            }
            if let Record::Ask {
                transcript: Some(inner),
                ..
            } = &record
            {
                self.read(inner, depth + 1, &mut drop)?;
            }
            take(record);
            call += 1;
        }
        Ok(())
    }

    /// Adds the items of the first record, so that nothing is decoded that would take much more
    /// memory than its bytes.
    fn count(&mut self, bytes: &[u8]) -> Result<(), decode::Error> {
        let mut probe = Decoder::new(bytes);
        let mut open = 1_u64;
        while open > 0 && self.items <= MOST_ITEMS {
            open -= 1;
            self.items += 1;
            let unstated = || decode::Error::message("a length is not stated");
            let inside = match probe.datatype()? {
                Type::Array | Type::ArrayIndef => probe.array()?.ok_or_else(unstated)?,
                Type::Map | Type::MapIndef => probe.map()?.ok_or_else(unstated)?.saturating_mul(2),
                Type::BytesIndef | Type::StringIndef => return Err(unstated()),
                Type::Tag => {
                    probe.tag()?;
                    1
                }
                _ => {
                    probe.skip()?;
                    0
                }
            };
            open = open.saturating_add(inside);
        }
        Ok(())
    }
}

/// Whether a record's one encoding is `bytes`, without a second copy of it.
fn is_encoding(record: &Record, bytes: &[u8]) -> bool {
    let mut rest = Remaining(bytes);
    minicbor::encode(record, &mut rest).is_ok() && rest.0.is_empty()
}

/// Takes only what it expects.
struct Remaining<'a>(&'a [u8]);

/// Something else was written.
struct Unexpected;

impl Write for Remaining<'_> {
    type Error = Unexpected;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Unexpected> {
        self.0 = self.0.strip_prefix(bytes).ok_or(Unexpected)?;
        Ok(())
    }
}

//! Deterministic CBOR (RFC 8949 section 4.2.1) with integer keys.
//!
//! Three layers, each of which refuses on its own: [`canonical`] walks the bytes
//! without recursion and checks size, depth and every rule of the deterministic
//! encoding; [`Wire`] reads fields of known types in their fixed order; and
//! [`decode`] encodes the value again and wants the same bytes.

pub(crate) mod canonical;
mod error;
mod reader;
mod wire;
mod writer;

pub use error::EncodingError;
pub(crate) use reader::Reader;
pub(crate) use wire::{ByteString, Wire, record, write_record};
pub(crate) use writer::Writer;

/// Bounds of one kind of document.
pub(crate) struct Bounds {
    /// What errors call it.
    pub(crate) document: &'static str,
    pub(crate) bytes: usize,
    pub(crate) depth: usize,
}

impl Bounds {
    fn check_size(&self, bytes: &[u8]) -> Result<(), EncodingError> {
        if bytes.len() > self.bytes {
            return Err(EncodingError::TooLarge {
                what: self.document,
                found: bytes.len() as u64,
                limit: self.bytes as u64,
            });
        }
        Ok(())
    }
}

/// The version of every document of this crate, checked before anything else of it is read.
pub(crate) const VERSION: u64 = 1;

pub(crate) fn encode(value: &impl Wire) -> Vec<u8> {
    written(value, Writer::new())
}

/// The same, unless [`decode`] would refuse it: a document's depth follows from its type, so only
/// its bounds can be broken, and the writer knows them all.
pub(crate) fn encode_within(value: &impl Wire, bounds: &Bounds) -> Result<Vec<u8>, EncodingError> {
    write_within(bounds, |writer| value.write(writer))
}

/// The same of a value that is written from its parts.
pub(crate) fn write_within(
    bounds: &Bounds,
    write: impl FnOnce(&mut Writer),
) -> Result<Vec<u8>, EncodingError> {
    let mut writer = Writer::with_capacity(USUAL_DOCUMENT);
    write(&mut writer);
    writer.finish_within(bounds)
}

/// Bytes that most documents fit into.
const USUAL_DOCUMENT: usize = 1_280;

fn written(value: &impl Wire, mut writer: Writer) -> Vec<u8> {
    value.write(&mut writer);
    writer.finish()
}

/// Refuses what does not begin with a document's tag, before it is taken for one that is cut off.
pub(crate) fn expect_mark(
    bytes: &[u8],
    mark: &[u8; 5],
    expected: &'static str,
) -> Result<(), EncodingError> {
    let length = bytes.len().min(mark.len());
    if bytes[..length] == mark[..length] {
        Ok(())
    } else {
        Err(EncodingError::Unexpected {
            offset: 0,
            expected,
        })
    }
}

/// Reads exactly one document that fills `bytes`.
pub(crate) fn decode<T: Wire>(bytes: &[u8], bounds: &Bounds) -> Result<T, EncodingError> {
    canonical::check(bytes, bounds)?;
    let mut reader = Reader::new(bytes);
    let value = T::read(&mut reader)?;
    if written(&value, Writer::with_capacity(bytes.len())) != bytes {
        return Err(EncodingError::NotReproduced {
            document: bounds.document,
        });
    }
    Ok(value)
}

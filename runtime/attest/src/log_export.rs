//! A whole log in one file: `docs/spec/log-export.md`.

use crate::EncodingError;
use crate::encoding::Writer;
use crate::encoding::canonical::{BYTES, Head, TAG, TEXT, UNSIGNED};
use crate::entry::MAXIMUM_ENTRY;
use crate::log::MAXIMUM_CHECKPOINT;

/// What the names of log exports end in, without the first dot.
pub const LOG_EXPORT_EXTENSION: &str = "log.cbor";

/// The tag in front of every export; its bytes spell `crpl` after the first.
const MARK: u64 = 0x6372_706c;
const VERSION: u64 = 1;
const DOCUMENT: &str = "a log export";

/// Every leaf of a log and the checkpoint over them, as a file holds them.
///
/// Holding one proves nothing; [`trail::follow`](crate::trail::follow) does. Written piece by
/// piece, because a log may be larger than memory: header, leaves in their order, checkpoint.
///
/// ```
/// use cryptlet_attest::LogExport;
///
/// let bytes = [
///     LogExport::header(),
///     LogExport::leaf(b"first"),
///     LogExport::leaf(b"second"),
///     LogExport::end("the checkpoint"),
/// ]
/// .concat();
/// let export = LogExport::from_bytes(&bytes)?;
/// assert_eq!(export.leaves, [&b"first"[..], b"second"]);
/// # Ok::<(), cryptlet_attest::EncodingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogExport<'a> {
    /// The bytes of each log entry, from the first on. Nothing in them has been looked at.
    pub leaves: Vec<&'a [u8]>,
    /// The signed note. Nothing in it has been looked at.
    pub checkpoint: &'a str,
}

impl<'a> LogExport<'a> {
    /// What every export begins with.
    pub fn header() -> Vec<u8> {
        let mut writer = Writer::new();
        writer.tag(MARK);
        writer.unsigned(VERSION);
        writer.finish()
    }

    /// The next leaf.
    pub fn leaf(entry: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.bytes(entry);
        writer.finish()
    }

    /// What every export ends with: the checkpoint over the leaves before it.
    pub fn end(checkpoint: &str) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.text(checkpoint);
        writer.finish()
    }

    /// Takes an export apart.
    ///
    /// # Errors
    ///
    /// Anything but the one encoding of an export; the error says what and where.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, EncodingError> {
        let mut at = 0;
        expect_header(bytes, &mut at)?;
        let mut leaves = Vec::new();
        loop {
            let start = at;
            let head = Head::read(bytes, &mut at)?;
            match head.major {
                BYTES => {
                    let entry = content(bytes, &mut at, &head, "a log entry", MAXIMUM_ENTRY)?;
                    leaves.push(entry);
                }
                TEXT => {
                    let note = content(bytes, &mut at, &head, "a checkpoint", MAXIMUM_CHECKPOINT)?;
                    let checkpoint =
                        std::str::from_utf8(note).map_err(|_| EncodingError::NotDeterministic {
                            offset: start,
                            rule: "a text string is not UTF-8",
                        })?;
                    if at != bytes.len() {
                        return Err(EncodingError::TrailingBytes { offset: at });
                    }
                    return Ok(Self { leaves, checkpoint });
                }
                _ => {
                    return Err(EncodingError::Unexpected {
                        offset: start,
                        expected: "a leaf, a byte string, or the checkpoint, a text string",
                    });
                }
            }
        }
    }
}

fn expect_header(bytes: &[u8], at: &mut usize) -> Result<(), EncodingError> {
    let unexpected = EncodingError::Unexpected {
        offset: 0,
        expected: "the tag of a log export, bytes da 63 72 70 6c",
    };
    let tag = Head::read(bytes, at)?;
    if (tag.major, tag.argument) != (TAG, MARK) {
        return Err(unexpected);
    }
    let version = Head::read(bytes, at)?;
    match (version.major, version.argument) {
        (UNSIGNED, VERSION) => Ok(()),
        (UNSIGNED, found) => Err(EncodingError::UnsupportedVersion {
            document: DOCUMENT,
            found,
            supported: VERSION,
        }),
        _ => Err(unexpected),
    }
}

/// The bytes that belong to a string's head.
fn content<'a>(
    bytes: &'a [u8],
    at: &mut usize,
    head: &Head,
    what: &'static str,
    limit: usize,
) -> Result<&'a [u8], EncodingError> {
    let length = usize::try_from(head.argument)
        .ok()
        .filter(|length| *length <= limit)
        .ok_or(EncodingError::TooLarge {
            what,
            found: head.argument,
            limit: limit as u64,
        })?;
    let content =
        bytes
            .get(*at..)
            .and_then(|rest| rest.get(..length))
            .ok_or(EncodingError::Truncated {
                offset: bytes.len(),
            })?;
    *at += length;
    Ok(content)
}

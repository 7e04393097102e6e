use super::canonical::{ARRAY, BYTES, MAP, TAG, TEXT, UNSIGNED};
use super::{Bounds, EncodingError};

/// Writes items in their shortest form; order is the caller's business.
pub(crate) struct Writer {
    bytes: Vec<u8>,
    /// The first bound of the reader that something written breaks.
    broken: Option<EncodingError>,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self::with_capacity(0)
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
            broken: None,
        }
    }

    /// Remembers that what has `found` items or bytes may have no more than `limit`: the reader
    /// would refuse it.
    #[inline]
    pub(crate) fn bound(&mut self, what: &'static str, found: usize, limit: u64) {
        let found = found as u64;
        if found > limit && self.broken.is_none() {
            self.broken = Some(EncodingError::TooLarge { what, found, limit });
        }
    }

    /// What was written, unless no reader would take it.
    pub(crate) fn finish_within(self, bounds: &Bounds) -> Result<Vec<u8>, EncodingError> {
        bounds.check_size(&self.bytes)?;
        self.broken.map_or(Ok(self.bytes), Err)
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    #[inline]
    pub(crate) fn unsigned(&mut self, value: u64) {
        self.head(UNSIGNED, value);
    }

    #[inline]
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.head(BYTES, value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    #[inline]
    pub(crate) fn text(&mut self, value: &str) {
        self.head(TEXT, value.len() as u64);
        self.bytes.extend_from_slice(value.as_bytes());
    }

    #[inline]
    pub(crate) fn array(&mut self, length: usize) {
        self.head(ARRAY, length as u64);
    }

    #[inline]
    pub(crate) fn map(&mut self, length: usize) {
        self.head(MAP, length as u64);
    }

    #[inline]
    pub(crate) fn tag(&mut self, tag: u64) {
        self.head(TAG, tag);
    }

    /// An item that another writer wrote.
    pub(crate) fn written(&mut self, item: &[u8]) {
        self.bytes.extend_from_slice(item);
    }

    /// Opens the array of an enumeration's variant: its number, then `fields` items.
    pub(crate) fn variant(&mut self, number: u64, fields: usize) {
        self.array(1 + fields);
        self.unsigned(number);
    }

    /// The beginning of an item, as `Head::read` takes it. Each length is an array of its own, and
    /// most arguments are known when this is compiled: what is left is one store.
    #[inline(always)]
    fn head(&mut self, major: u8, argument: u64) {
        let initial = major << 5;
        let [a, b, c, d, e, f, g, h] = argument.to_be_bytes();
        match argument {
            0..=23 => self.bytes.push(initial | h),
            24..=0xff => self.bytes.extend_from_slice(&[initial | 24, h]),
            0x100..=0xffff => self.bytes.extend_from_slice(&[initial | 25, g, h]),
            0x1_0000..=0xffff_ffff => {
                self.bytes.extend_from_slice(&[initial | 26, e, f, g, h]);
            }
            _ => {
                let item = [initial | 27, a, b, c, d, e, f, g, h];
                self.bytes.extend_from_slice(&item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::canonical::Head;
    use super::*;

    #[test]
    fn every_head_is_read_as_it_was_written() {
        for major in [UNSIGNED, BYTES, TEXT, ARRAY, MAP, TAG] {
            for power in 0..64 {
                for argument in [(1 << power) - 1, 1 << power, (1 << power) + 1, u64::MAX] {
                    let mut writer = Writer::new();
                    writer.head(major, argument);
                    let bytes = writer.finish();
                    let mut at = 0;
                    let head = Head::read(&bytes, &mut at).expect("it is in its shortest form");
                    assert_eq!((head.major, head.argument), (major, argument));
                    assert_eq!(at, bytes.len());
                }
            }
        }
    }
}

use minicbor::Encoder;

const INFALLIBLE: &str = "writing to a vector cannot fail";

/// Writes items in their shortest form; order is the caller's business.
pub(crate) struct Writer {
    encoder: Encoder<Vec<u8>>,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self {
            encoder: Encoder::new(Vec::new()),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.encoder.into_writer()
    }

    pub(crate) fn unsigned(&mut self, value: u64) {
        self.encoder.u64(value).expect(INFALLIBLE);
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.encoder.bytes(value).expect(INFALLIBLE);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.encoder.str(value).expect(INFALLIBLE);
    }

    pub(crate) fn array(&mut self, length: usize) {
        self.encoder.array(length as u64).expect(INFALLIBLE);
    }

    pub(crate) fn map(&mut self, length: usize) {
        self.encoder.map(length as u64).expect(INFALLIBLE);
    }

    pub(crate) fn tag(&mut self, tag: u64) {
        self.encoder
            .tag(minicbor::data::Tag::new(tag))
            .expect(INFALLIBLE);
    }

    /// Opens the array of an enumeration's variant: its number, then `fields` items.
    pub(crate) fn variant(&mut self, number: u64, fields: usize) {
        self.array(1 + fields);
        self.unsigned(number);
    }
}

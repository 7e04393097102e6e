use super::{EncodingError, Wire};
use minicbor::Decoder;

/// Reads items of known types from bytes that the structural check has passed.
pub(crate) struct Reader<'b> {
    decoder: Decoder<'b>,
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self {
            decoder: Decoder::new(bytes),
        }
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, EncodingError> {
        let unexpected = self.unexpected("an unsigned integer");
        self.decoder.u64().map_err(|_| unexpected)
    }

    pub(crate) fn bytes(&mut self, limit: u64) -> Result<&'b [u8], EncodingError> {
        let unexpected = self.unexpected("a byte string");
        let bytes = self.decoder.bytes().map_err(|_| unexpected)?;
        within("a byte string", bytes.len() as u64, limit)?;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self, limit: u64) -> Result<&'b str, EncodingError> {
        let unexpected = self.unexpected("a text string");
        let text = self.decoder.str().map_err(|_| unexpected)?;
        within("a text string", text.len() as u64, limit)?;
        Ok(text)
    }

    pub(crate) fn array(&mut self, limit: u64) -> Result<u64, EncodingError> {
        let unexpected = self.unexpected("an array");
        let length = self.decoder.array().ok().flatten().ok_or(unexpected)?;
        within("an array", length, limit)?;
        Ok(length)
    }

    /// An array of exactly `length` items.
    pub(crate) fn tuple(
        &mut self,
        length: u64,
        expected: &'static str,
    ) -> Result<(), EncodingError> {
        let unexpected = self.unexpected(expected);
        match self.decoder.array() {
            Ok(Some(found)) if found == length => Ok(()),
            _ => Err(unexpected),
        }
    }

    pub(crate) fn map(&mut self, limit: u64) -> Result<u64, EncodingError> {
        let unexpected = self.unexpected("a map");
        let length = self.decoder.map().ok().flatten().ok_or(unexpected)?;
        within("a map", length, limit)?;
        Ok(length)
    }

    pub(crate) fn tag(&mut self, tag: u64, expected: &'static str) -> Result<(), EncodingError> {
        let unexpected = self.unexpected(expected);
        match self.decoder.tag() {
            Ok(found) if found.as_u64() == tag => Ok(()),
            _ => Err(unexpected),
        }
    }

    /// Opens the map of a record whose fields are then read in ascending order of keys.
    pub(crate) fn record(&mut self, record: &'static str) -> Result<Fields<'_, 'b>, EncodingError> {
        let left = self.map(u64::MAX)?;
        let mut fields = Fields {
            reader: self,
            record,
            left,
            next_key: None,
        };
        fields.advance()?;
        Ok(fields)
    }

    /// Opens the array of an enumeration's variant: its number, and how many items follow.
    pub(crate) fn variant(&mut self) -> Result<Variant, EncodingError> {
        let unexpected = self.unexpected("the array of a variant");
        let length = self.array(u64::MAX)?;
        let fields = length.checked_sub(1).ok_or_else(|| unexpected.clone())?;
        let number = self.unsigned()?;
        Ok(Variant {
            number,
            fields,
            unexpected,
        })
    }

    pub(crate) fn unexpected(&self, expected: &'static str) -> EncodingError {
        EncodingError::Unexpected {
            offset: self.decoder.position(),
            expected,
        }
    }
}

fn within(what: &'static str, found: u64, limit: u64) -> Result<(), EncodingError> {
    if found > limit {
        return Err(EncodingError::TooLarge { what, found, limit });
    }
    Ok(())
}

/// The fields of a record that have not been read yet.
pub(crate) struct Fields<'a, 'b> {
    reader: &'a mut Reader<'b>,
    record: &'static str,
    left: u64,
    next_key: Option<u64>,
}

impl Fields<'_, '_> {
    pub(crate) fn field<T: Wire>(
        &mut self,
        key: u64,
        field: &'static str,
    ) -> Result<T, EncodingError> {
        if self.next_key != Some(key) {
            return T::absent().ok_or(EncodingError::MissingField {
                record: self.record,
                field,
            });
        }
        let value = T::read(self.reader)?;
        self.advance()?;
        Ok(value)
    }

    /// Refuses what no call of `field` has taken.
    pub(crate) fn end(self) -> Result<(), EncodingError> {
        match self.next_key {
            None => Ok(()),
            Some(key) => Err(EncodingError::UnknownField {
                record: self.record,
                key,
            }),
        }
    }

    fn advance(&mut self) -> Result<(), EncodingError> {
        self.next_key = match self.left.checked_sub(1) {
            None => None,
            Some(left) => {
                self.left = left;
                Some(self.reader.unsigned()?)
            }
        };
        Ok(())
    }
}

/// An opened variant.
pub(crate) struct Variant {
    number: u64,
    fields: u64,
    unexpected: EncodingError,
}

impl Variant {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Refuses the variant unless it carries this many items.
    pub(crate) fn fields(&self, expected: u64) -> Result<(), EncodingError> {
        if self.fields == expected {
            Ok(())
        } else {
            Err(self.unexpected.clone())
        }
    }

    pub(crate) fn unknown(&self, what: &'static str) -> EncodingError {
        EncodingError::UnknownVariant {
            what,
            found: self.number,
        }
    }
}

use super::canonical::{ARRAY, BYTES, Head, MAP, TAG, TEXT, UNSIGNED};
use super::{EncodingError, VERSION, Wire};

/// Reads items of known types, one after the other.
pub(crate) struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, EncodingError> {
        self.head(UNSIGNED, "an unsigned integer")
    }

    pub(crate) fn bytes(&mut self, limit: u64) -> Result<&'b [u8], EncodingError> {
        let bytes = self.string(BYTES, "a byte string")?;
        within("a byte string", bytes.len() as u64, limit)?;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self, limit: u64) -> Result<&'b str, EncodingError> {
        let unexpected = self.unexpected("a text string");
        let text = self.string(TEXT, "a text string")?;
        let text = std::str::from_utf8(text).map_err(|_| unexpected)?;
        within("a text string", text.len() as u64, limit)?;
        Ok(text)
    }

    pub(crate) fn array(&mut self, limit: u64) -> Result<u64, EncodingError> {
        let length = self.head(ARRAY, "an array")?;
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
        match self.head(ARRAY, expected)? {
            found if found == length => Ok(()),
            _ => Err(unexpected),
        }
    }

    /// Opens `[version, kind, body]` and gives the kind. The version is compared before anything
    /// that only the version gives a meaning, the array's length among it.
    pub(crate) fn versioned(
        &mut self,
        document: &'static str,
        expected: &'static str,
    ) -> Result<u64, EncodingError> {
        let unexpected = self.unexpected(expected);
        let length = self.head(ARRAY, expected)?;
        if length == 0 {
            return Err(unexpected);
        }
        let found = self.unsigned()?;
        if found != VERSION {
            return Err(EncodingError::UnsupportedVersion {
                document,
                found,
                supported: VERSION,
            });
        }
        if length != 3 {
            return Err(unexpected);
        }
        self.unsigned()
    }

    pub(crate) fn map(&mut self, limit: u64) -> Result<u64, EncodingError> {
        let length = self.head(MAP, "a map")?;
        within("a map", length, limit)?;
        Ok(length)
    }

    pub(crate) fn tag(&mut self, tag: u64, expected: &'static str) -> Result<(), EncodingError> {
        let unexpected = self.unexpected(expected);
        match self.head(TAG, expected)? {
            found if found == tag => Ok(()),
            _ => Err(unexpected),
        }
    }

    /// The argument of the next item, which must be of the type `major`.
    fn head(&mut self, major: u8, expected: &'static str) -> Result<u64, EncodingError> {
        let mut at = self.at;
        match Head::read(self.bytes, &mut at) {
            Ok(head) if head.major == major => {
                self.at = at;
                Ok(head.argument)
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    /// The bytes of the next item, a byte or text string.
    fn string(&mut self, major: u8, expected: &'static str) -> Result<&'b [u8], EncodingError> {
        let unexpected = self.unexpected(expected);
        let length = self.head(major, expected)?;
        let string = usize::try_from(length)
            .ok()
            .and_then(|length| self.bytes[self.at..].get(..length))
            .ok_or(unexpected)?;
        self.at += string.len();
        Ok(string)
    }

    /// Opens the map of a record whose fields are then read in ascending order of keys.
    pub(crate) fn record(&mut self, record: &'static str) -> Result<Fields<'_, 'b>, EncodingError> {
        let left = self.map(u64::MAX)?;
        Ok(Fields {
            reader: self,
            record,
            left,
            key: None,
        })
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
            offset: self.at,
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
    /// A key that was read already, while its value was not. Keys are read no earlier than they
    /// are needed: what stands after the version has a meaning only if the version is known.
    key: Option<u64>,
}

impl Fields<'_, '_> {
    pub(crate) fn field<T: Wire>(
        &mut self,
        key: u64,
        field: &'static str,
    ) -> Result<T, EncodingError> {
        if self.next_key()? != Some(key) {
            return T::absent().ok_or(EncodingError::MissingField {
                record: self.record,
                field,
            });
        }
        self.key = None;
        T::read(self.reader)
    }

    /// Refuses what no call of `field` has taken.
    pub(crate) fn end(mut self) -> Result<(), EncodingError> {
        match self.next_key()? {
            None => Ok(()),
            Some(key) => Err(EncodingError::UnknownField {
                record: self.record,
                key,
            }),
        }
    }

    fn next_key(&mut self) -> Result<Option<u64>, EncodingError> {
        if self.key.is_none() && self.left > 0 {
            self.left -= 1;
            self.key = Some(self.reader.unsigned()?);
        }
        Ok(self.key)
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

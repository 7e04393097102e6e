use super::{EncodingError, Reader, Writer};

/// Greatest length of one text or byte string inside a document, in bytes.
const MAXIMUM_STRING: u64 = 65_536;
/// Greatest number of entries of one list.
const MAXIMUM_LIST: u64 = 4_096;

/// What has one encoding.
pub(crate) trait Wire: Sized {
    fn write(&self, writer: &mut Writer);
    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError>;

    /// Whether a record leaves the field out.
    fn is_absent(&self) -> bool {
        false
    }

    /// The value of a field that was left out; `None` where it must be there.
    fn absent() -> Option<Self> {
        None
    }
}

/// Encodes a struct as a map from ascending integer keys to its fields.
macro_rules! record {
    ($type:ident as $name:literal { $($key:literal => $field:ident),+ $(,)? }) => {
        impl $crate::encoding::Wire for $type {
            fn write(&self, writer: &mut $crate::encoding::Writer) {
                $crate::encoding::write_record!(writer, { $($key => &self.$field),+ });
            }

            fn read(
                reader: &mut $crate::encoding::Reader<'_>,
            ) -> Result<Self, $crate::encoding::EncodingError> {
                let mut fields = reader.record($name)?;
                $(let $field = fields.field($key, stringify!($field))?;)+
                fields.end()?;
                Ok(Self { $($field),+ })
            }
        }
    };
}
pub(crate) use record;

/// Writes fields as a map from their ascending integer keys.
macro_rules! write_record {
    ($writer:expr, { $($key:literal => $field:expr),+ $(,)? }) => {
        let mut length = 0;
        $(length += usize::from(!$crate::encoding::Wire::is_absent($field));)+
        $writer.map(length);
        $(if !$crate::encoding::Wire::is_absent($field) {
            $writer.unsigned($key);
            $crate::encoding::Wire::write($field, $writer);
        })+
    };
}
pub(crate) use write_record;

impl Wire for u64 {
    fn write(&self, writer: &mut Writer) {
        writer.unsigned(*self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        reader.unsigned()
    }
}

impl Wire for u32 {
    fn write(&self, writer: &mut Writer) {
        writer.unsigned(u64::from(*self));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let unexpected = reader.unexpected("an unsigned integer of 32 bits");
        u32::try_from(reader.unsigned()?).map_err(|_| unexpected)
    }
}

impl Wire for u16 {
    fn write(&self, writer: &mut Writer) {
        writer.unsigned(u64::from(*self));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let unexpected = reader.unexpected("an unsigned integer of 16 bits");
        u16::try_from(reader.unsigned()?).map_err(|_| unexpected)
    }
}

impl Wire for String {
    fn write(&self, writer: &mut Writer) {
        writer.bound("a text string", self.len(), MAXIMUM_STRING);
        writer.text(self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        Ok(reader.text(MAXIMUM_STRING)?.to_owned())
    }
}

impl Wire for Vec<u8> {
    fn write(&self, writer: &mut Writer) {
        writer.bound("a byte string", self.len(), MAXIMUM_STRING);
        writer.bytes(self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        Ok(reader.bytes(MAXIMUM_STRING)?.to_vec())
    }
}

/// A byte string that may be longer, or must be shorter, than others.
pub(crate) struct ByteString<const LIMIT: usize>(pub(crate) Vec<u8>);

impl<const LIMIT: usize> Wire for ByteString<LIMIT> {
    fn write(&self, writer: &mut Writer) {
        writer.bound("a byte string", self.0.len(), LIMIT as u64);
        writer.bytes(&self.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        Ok(Self(reader.bytes(LIMIT as u64)?.to_vec()))
    }
}

impl<const N: usize> Wire for [u8; N] {
    fn write(&self, writer: &mut Writer) {
        writer.bytes(self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let unexpected = reader.unexpected(match N {
            20 => "a byte string of 20 bytes",
            32 => "a byte string of 32 bytes",
            64 => "a byte string of 64 bytes",
            _ => "a byte string of a fixed length",
        });
        reader
            .bytes(MAXIMUM_STRING)?
            .try_into()
            .map_err(|_| unexpected)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, writer: &mut Writer) {
        writer.bound("an array", self.len(), MAXIMUM_LIST);
        writer.array(self.len());
        for item in self {
            item.write(writer);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let length = reader.array(MAXIMUM_LIST)?;
        (0..length).map(|_| T::read(reader)).collect()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, writer: &mut Writer) {
        if let Some(value) = self {
            value.write(writer);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        T::read(reader).map(Some)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

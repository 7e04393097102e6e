//! How values look in the JSON view of a receipt. The view is for people; nothing
//! is ever signed, hashed or read back from it.

use serde::Serializer;

/// Integers of 64 bits are decimal strings: JSON readers round what exceeds 2^53.
pub(crate) fn decimal<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(crate) fn hexadecimal<S: Serializer>(
    bytes: &impl AsRef<[u8]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

//! How values look in the JSON view of a receipt. The view is for people; nothing
//! is ever signed, hashed or read back from it.

use jiff::Timestamp;
use serde::Serializer;
use std::fmt;

/// Integers of 64 bits are decimal strings: JSON readers round what exceeds 2^53.
pub(crate) fn decimal<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(crate) fn display<S: Serializer>(
    value: &impl fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(crate) fn hexadecimal<S: Serializer>(
    bytes: &impl AsRef<[u8]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

/// Milliseconds since 1970 as RFC 3339 has them, in UTC, to the millisecond.
pub(crate) fn instant(milliseconds: u64) -> String {
    i64::try_from(milliseconds)
        .ok()
        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok())
        .map_or_else(
            || format!("{milliseconds} ms after 1970, beyond any calendar"),
            |instant| format!("{instant:.3}"),
        )
}

#[cfg(test)]
mod tests {
    use super::instant;

    #[test]
    fn an_instant_is_read_as_a_date() {
        assert_eq!(instant(1_143_849_600_007), "2006-04-01T00:00:00.007Z");
        assert!(instant(u64::MAX).contains("beyond any calendar"));
    }
}

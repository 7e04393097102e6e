//! The structural check, before any field is looked at: one pass over the bytes,
//! with a stack of our own, so that no input can exhaust the thread's.

use super::{Bounds, EncodingError};
use std::cmp::Ordering;

pub(crate) const UNSIGNED: u8 = 0;
pub(crate) const BYTES: u8 = 2;
pub(crate) const TEXT: u8 = 3;
pub(crate) const ARRAY: u8 = 4;
pub(crate) const MAP: u8 = 5;
pub(crate) const TAG: u8 = 6;

/// A container that is still being read.
struct Open<'a> {
    /// Items left; a map counts keys and values.
    left: u64,
    /// For a map: the encoded key before this one, empty at its start.
    last_key: Option<&'a [u8]>,
}

impl Open<'_> {
    fn expects_key(&self) -> bool {
        self.last_key.is_some() && self.left.is_multiple_of(2)
    }
}

/// Checks that `bytes` are one item of deterministic CBOR inside `bounds`, made of
/// unsigned integers, byte and text strings, arrays, maps and tags only.
pub(super) fn check(bytes: &[u8], bounds: &Bounds) -> Result<(), EncodingError> {
    bounds.check_size(bytes)?;
    let mut open: Vec<Open<'_>> = Vec::with_capacity(bounds.depth);
    let mut at = 0;
    loop {
        let start = at;
        let head = Head::read(bytes, &mut at)?;
        let is_key = open.last().is_some_and(Open::expects_key);
        if is_key && !matches!(head.major, UNSIGNED | TEXT) {
            return Err(broken(
                start,
                "a map key is neither an unsigned integer nor text",
            ));
        }
        let contents = match head.major {
            UNSIGNED => None,
            BYTES | TEXT => {
                let end = usize::try_from(head.argument)
                    .ok()
                    .and_then(|length| at.checked_add(length))
                    .filter(|end| *end <= bytes.len())
                    .ok_or(EncodingError::Truncated {
                        offset: bytes.len(),
                    })?;
                if head.major == TEXT && std::str::from_utf8(&bytes[at..end]).is_err() {
                    return Err(broken(start, "a text string is not UTF-8"));
                }
                at = end;
                None
            }
            ARRAY => Some(Open {
                left: head.argument,
                last_key: None,
            }),
            MAP => Some(Open {
                left: head
                    .argument
                    .checked_mul(2)
                    .ok_or(EncodingError::Truncated {
                        offset: bytes.len(),
                    })?,
                last_key: Some(&[]),
            }),
            TAG => Some(Open {
                left: 1,
                last_key: None,
            }),
            _ => {
                return Err(broken(
                    start,
                    "negative integers, floats and simple values have no place here",
                ));
            }
        };
        if is_key && let Some(map) = open.last_mut() {
            let key = &bytes[start..at];
            if map.last_key.is_some_and(|last| !is_before(last, key)) {
                return Err(broken(start, "map keys are not in ascending order"));
            }
            map.last_key = Some(key);
        }
        match contents {
            Some(container) if container.left > 0 => {
                if open.len() == bounds.depth {
                    return Err(EncodingError::TooDeep {
                        document: bounds.document,
                        limit: bounds.depth,
                        offset: start,
                    });
                }
                open.push(container);
                continue;
            }
            _ => {}
        }
        // The item is complete, and with it every container of which it is the last.
        while let Some(container) = open.last_mut() {
            container.left -= 1;
            if container.left > 0 {
                break;
            }
            open.pop();
        }
        if open.is_empty() {
            return if at == bytes.len() {
                Ok(())
            } else {
                Err(EncodingError::TrailingBytes { offset: at })
            };
        }
    }
}

/// Whether one encoded key is ordered before the other. Nearly always the first bytes tell,
/// without a call for the rest.
fn is_before(key: &[u8], other: &[u8]) -> bool {
    match key.first().cmp(&other.first()) {
        Ordering::Less => true,
        Ordering::Greater => false,
        Ordering::Equal => key < other,
    }
}

/// The beginning of an item: its type, and the integer, length or tag that follows.
pub(crate) struct Head {
    pub(crate) major: u8,
    pub(crate) argument: u64,
}

impl Head {
    /// Reads a head in its shortest form and moves `at` behind it.
    pub(crate) fn read(bytes: &[u8], at: &mut usize) -> Result<Head, EncodingError> {
        let start = *at;
        let truncated = || EncodingError::Truncated {
            offset: bytes.len(),
        };
        let initial = *bytes.get(start).ok_or_else(truncated)?;
        let information = initial & 0x1f;
        let length = match information {
            0..=23 => 0,
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            31 => return Err(broken(start, "an item of indefinite length")),
            _ => return Err(broken(start, "a reserved length")),
        };
        let end = start + 1 + length;
        let following = bytes.get(start + 1..end).ok_or_else(truncated)?;
        let argument = if length == 0 {
            u64::from(information)
        } else {
            following
                .iter()
                .fold(0, |value, byte| value << 8 | u64::from(*byte))
        };
        let least = [0, 24, 1 << 8, 0, 1 << 16, 0, 0, 0, 1 << 32][length];
        if argument < least {
            return Err(broken(
                start,
                "an integer or length that has a shorter form",
            ));
        }
        *at = end;
        Ok(Head {
            major: initial >> 5,
            argument,
        })
    }
}

fn broken(offset: usize, rule: &'static str) -> EncodingError {
    EncodingError::NotDeterministic { offset, rule }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        document: "test",
        bytes: 1 << 16,
        depth: 4,
    };

    fn rule(bytes: &[u8]) -> EncodingError {
        check(bytes, &BOUNDS).expect_err("must be refused")
    }

    #[test]
    fn accepts_the_deterministic_form() {
        for bytes in [
            &[0x17][..],
            &[0x18, 0x18],
            &[0x40],
            &[0x63, b'a', b'b', b'c'],
            &[0x82, 0x01, 0x80],
            &[0xa2, 0x00, 0x01, 0x18, 0x18, 0x02],
            &[0xa2, 0x61, b'b', 0x01, 0x62, b'a', b'a', 0x02],
            &[0xc1, 0x00],
            &[0x81, 0x81, 0x81, 0x81, 0x00],
            &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(check(bytes, &BOUNDS), Ok(()), "{bytes:02x?}");
        }
    }

    #[test]
    fn refuses_every_longer_form() {
        for bytes in [
            &[0x18, 0x17][..],
            &[0x19, 0x00, 0xff],
            &[0x1a, 0x00, 0x00, 0xff, 0xff],
            &[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
            &[0x58, 0x01, 0x00],
            &[0x98, 0x00],
        ] {
            assert!(
                matches!(rule(bytes), EncodingError::NotDeterministic { .. }),
                "{bytes:02x?}"
            );
        }
    }

    #[test]
    fn refuses_unordered_and_repeated_keys() {
        for bytes in [
            &[0xa2, 0x01, 0x00, 0x00, 0x00][..],
            &[0xa2, 0x01, 0x00, 0x01, 0x00],
            &[0xa2, 0x62, b'a', b'a', 0x01, 0x61, b'b', 0x02],
        ] {
            assert!(
                matches!(rule(bytes), EncodingError::NotDeterministic { .. }),
                "{bytes:02x?}"
            );
        }
    }

    #[test]
    fn refuses_indefinite_lengths_floats_and_negative_numbers() {
        for bytes in [
            &[0x9f, 0xff][..],
            &[0xbf, 0xff],
            &[0x5f, 0xff],
            &[0xf9, 0, 0],
            &[0xf6],
            &[0x20],
        ] {
            assert!(
                matches!(rule(bytes), EncodingError::NotDeterministic { .. }),
                "{bytes:02x?}"
            );
        }
    }

    #[test]
    fn names_depth_truncation_and_trailing_bytes() {
        assert!(matches!(
            rule(&[0x81, 0x81, 0x81, 0x81, 0x81, 0x00]),
            EncodingError::TooDeep { .. }
        ));
        assert!(matches!(rule(&[0xc1; 4096]), EncodingError::TooDeep { .. }));
        assert!(matches!(
            rule(&[0x82, 0x00]),
            EncodingError::Truncated { .. }
        ));
        assert!(matches!(
            rule(&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            EncodingError::Truncated { .. }
        ));
        assert!(matches!(
            rule(&[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            EncodingError::Truncated { .. }
        ));
        assert!(matches!(rule(&[]), EncodingError::Truncated { .. }));
        assert_eq!(
            rule(&[0x00, 0x00]),
            EncodingError::TrailingBytes { offset: 1 }
        );
        assert!(matches!(
            rule(&[0; (1 << 16) + 1]),
            EncodingError::TooLarge { .. }
        ));
    }
}

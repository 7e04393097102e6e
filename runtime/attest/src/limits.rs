//! What a run was allowed.

use crate::encoding::{self, Bounds, EncodingError, Reader, Wire, Writer};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

const MAXIMUM_LIMITS: u64 = 256;
const MAXIMUM_NAME: u64 = 256;

/// What is written once is no longer than what a list of limits can come to.
const SHARED: Bounds = Bounds {
    document: "limits",
    bytes: 1 << 17,
    depth: 1,
};

/// The limits that held for a run, by name, in the units of the manifest
/// (`fuel`, `memory-bytes`, …). What the names mean is the container's business.
///
/// Every receipt has them, and their names hardly ever differ: a name that the program knows costs
/// nothing.
#[derive(Clone)]
pub struct Limits(Entries);

#[derive(Clone)]
enum Entries {
    // Each name once, in the order of the encoding: RFC 8949 section 4.2.1 orders keys by their
    // encoded bytes, shorter names first.
    Own(Vec<Entry>),
    Shared(Arc<Shared>),
}

type Entry = (Cow<'static, str>, u64);

/// Limits that many receipts state.
struct Shared {
    entries: Vec<Entry>,
    /// As a reader takes them.
    encoded: Vec<u8>,
}

impl Limits {
    /// The same, encoded now, for all the receipts that state them.
    #[must_use]
    pub fn shared(self) -> Self {
        let Entries::Own(entries) = self.0 else {
            return self;
        };
        match encoding::write_within(&SHARED, |writer| write(&entries, writer)) {
            Ok(encoded) => Self(Entries::Shared(Arc::new(Shared { entries, encoded }))),
            // Whoever writes them is told why nobody could read them.
            Err(_) => Self(Entries::Own(entries)),
        }
    }

    fn entries(&self) -> &[Entry] {
        match &self.0 {
            Entries::Own(entries) => entries,
            Entries::Shared(shared) => &shared.entries,
        }
    }

    /// The value of one limit.
    pub fn get(&self, name: &str) -> Option<u64> {
        let mut entries = self.entries().iter();
        entries
            .find(|(found, _)| found == name)
            .map(|found| found.1)
    }

    /// All limits in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let mut entries: Vec<_> = self
            .entries()
            .iter()
            .map(|(name, value)| (name.as_ref(), *value))
            .collect();
        entries.sort_unstable();
        entries.into_iter()
    }
}

impl From<BTreeMap<String, u64>> for Limits {
    fn from(limits: BTreeMap<String, u64>) -> Self {
        limits.into_iter().collect()
    }
}

/// Of a name that comes twice the last value counts.
impl<N: Into<Cow<'static, str>>> FromIterator<(N, u64)> for Limits {
    fn from_iter<I: IntoIterator<Item = (N, u64)>>(limits: I) -> Self {
        let mut entries: Vec<_> = limits
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect();
        // Those of a run come in their order.
        if entries.is_sorted_by(|(one, _), (other, _)| place(one) < place(other)) {
            return Self(Entries::Own(entries));
        }
        entries.sort_by(|(one, _), (other, _)| place(one).cmp(&place(other)));
        entries.dedup_by(|later, earlier| {
            let twice = later.0 == earlier.0;
            if twice {
                earlier.1 = later.1;
            }
            twice
        });
        Self(Entries::Own(entries))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self(Entries::Own(Vec::new()))
    }
}

impl PartialEq for Limits {
    fn eq(&self, other: &Self) -> bool {
        self.entries() == other.entries()
    }
}

impl Eq for Limits {}

impl fmt::Debug for Limits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

fn write(entries: &[Entry], writer: &mut Writer) {
    writer.bound("a map", entries.len(), MAXIMUM_LIMITS);
    writer.map(entries.len());
    for (name, value) in entries {
        writer.bound("a text string", name.len(), MAXIMUM_NAME);
        writer.text(name);
        writer.unsigned(*value);
    }
}

/// What the order of encoded names compares.
fn place(name: &str) -> (usize, &str) {
    (name.len(), name)
}

impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, value)| (name, value.to_string())))
    }
}

impl Wire for Limits {
    fn write(&self, writer: &mut Writer) {
        match &self.0 {
            Entries::Own(entries) => write(entries, writer),
            Entries::Shared(shared) => writer.written(&shared.encoded),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let length = reader.map(MAXIMUM_LIMITS)?;
        let entries = (0..length).map(|_| {
            let name = reader.text(MAXIMUM_NAME)?.to_owned();
            Ok((name, reader.unsigned()?))
        });
        entries.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_limits_are_written_and_read_as_they_were() {
        let own = Limits::from_iter([("fuel", 1_u64 << 40), ("cpu", 3)]);
        let shared = own.clone().shared();
        assert_eq!(shared, own);
        assert_eq!(shared.get("cpu"), Some(3));
        assert_eq!(encoding::encode(&shared), encoding::encode(&own));
        assert_eq!(format!("{shared:?}"), format!("{own:?}"));
    }

    #[test]
    fn limits_that_nobody_could_read_are_refused_when_shared_too() {
        let own = Limits::from_iter([("x".repeat(300), 1)]);
        for limits in [own.clone(), own.shared()] {
            assert!(encoding::write_within(&SHARED, |writer| limits.write(writer)).is_err());
        }
    }

    #[test]
    fn the_order_in_which_limits_come_does_not_show() {
        let ordered = [("cpu", 3), ("fuel", 4), ("disk", 5), ("memory", 2)];
        let mut reversed = ordered;
        reversed.reverse();
        assert_eq!(Limits::from_iter(ordered), Limits::from_iter(reversed));
        let sorted = [("cpu", 3), ("disk", 5), ("fuel", 4), ("memory", 2)];
        assert_eq!(Limits::from_iter(ordered), Limits::from_iter(sorted));
    }

    #[test]
    fn a_name_counts_once_and_names_come_back_in_their_order() {
        let limits = Limits::from_iter([("fuel", 1), ("memory", 2), ("cpu", 3), ("fuel", 4)]);
        let entries: Vec<_> = limits.iter().collect();
        assert_eq!(entries, [("cpu", 3), ("fuel", 4), ("memory", 2)]);
        assert_eq!(limits.get("fuel"), Some(4));
        assert_eq!(limits.get("patience"), None);
    }
}

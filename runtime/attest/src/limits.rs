//! What a run was allowed.

use crate::encoding::{EncodingError, Reader, Wire, Writer};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

const MAXIMUM_LIMITS: u64 = 256;
const MAXIMUM_NAME: u64 = 256;

/// The limits that held for a run, by name, in the units of the manifest
/// (`fuel`, `memory-bytes`, …). What the names mean is the container's business.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits(BTreeMap<String, u64>);

impl Limits {
    /// The value of one limit.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    /// All limits in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

impl From<BTreeMap<String, u64>> for Limits {
    fn from(limits: BTreeMap<String, u64>) -> Self {
        Self(limits)
    }
}

impl<N: Into<String>> FromIterator<(N, u64)> for Limits {
    fn from_iter<I: IntoIterator<Item = (N, u64)>>(limits: I) -> Self {
        Self(
            limits
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }
}

impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value.to_string())))
    }
}

impl Wire for Limits {
    fn write(&self, writer: &mut Writer) {
        // RFC 8949 section 4.2.1 orders keys by their encoded bytes: shorter names first.
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_key(|(name, _)| (name.len(), name.as_str()));
        writer.map(entries.len());
        for (name, value) in entries {
            writer.text(name);
            writer.unsigned(*value);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let length = reader.map(MAXIMUM_LIMITS)?;
        let mut limits = BTreeMap::new();
        for _ in 0..length {
            let name = reader.text(MAXIMUM_NAME)?.to_owned();
            limits.insert(name, reader.unsigned()?);
        }
        Ok(Self(limits))
    }
}

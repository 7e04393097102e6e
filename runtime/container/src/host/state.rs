//! `state`: the binding's private entries, changed in an overlay that is kept only if the run
//! succeeds.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::{Capability, Guest};
use crate::bindings::cryptlet::fabric::state;
use crate::state_size;
use crate::transcript::Record;

/// Keys that one call of `keys` returns at most, whatever the guest asks for.
const KEYS_PER_CALL: u32 = 1024;

impl state::Host for Guest {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        self.enter(Capability::State)?;
        let answer = self.entry(&key).cloned();
        self.record(Record::StateGet {
            key,
            answer: answer.clone(),
        })?;
        Ok(answer)
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<()> {
        self.enter(Capability::State)?;
        self.tally.output(key.len() + value.len())?;
        let (before, others) = self.state_bytes_without(&key);
        let after = others + state_size::of_entry(&key, &value);
        self.tally.state(before, after)?;
        self.state_bytes = Some(after);
        self.record(Record::StateSet {
            key: key.clone(),
            value: value.clone(),
        })?;
        self.staged.state_changes.insert(key, Some(value));
        Ok(())
    }

    fn remove(&mut self, key: String) -> wasmtime::Result<()> {
        self.enter(Capability::State)?;
        self.tally.output(key.len())?;
        self.state_bytes = Some(self.state_bytes_without(&key).1);
        self.record(Record::StateRemove { key: key.clone() })?;
        self.staged.state_changes.insert(key, None);
        Ok(())
    }

    fn keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Vec<String>> {
        self.enter(Capability::State)?;
        let answer = self.keys_from(&prefix, after.as_deref(), limit.min(KEYS_PER_CALL));
        self.record(Record::StateKeys {
            prefix,
            after,
            limit,
            answer: answer.clone(),
        })?;
        Ok(answer)
    }
}

impl Guest {
    /// The value as it stands now, with the run's changes.
    fn entry(&self, key: &str) -> Option<&Vec<u8>> {
        match self.staged.state_changes.get(key) {
            Some(change) => change.as_ref(),
            None => self.state.get(key),
        }
    }

    /// What the state takes now, and what it would without this entry. A run that only reads never
    /// counts it.
    fn state_bytes_without(&self, key: &str) -> (u64, u64) {
        let all = self
            .state_bytes
            .unwrap_or_else(|| state_size::of(&self.state));
        let entry = self.entry(key);
        let entry = entry.map_or(0, |value| state_size::of_entry(key, value));
        (all, all - entry)
    }

    fn keys_from(&self, prefix: &str, after: Option<&str>, limit: u32) -> Vec<String> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let range = (start, Bound::Unbounded);
        let limit = limit as usize;
        let changes = &self.staged.state_changes;
        let kept = self
            .state
            .range::<str, _>(range)
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix))
            .filter(|key| !changes.contains_key(*key))
            .take(limit);
        let written = changes
            .range::<str, _>(range)
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(_, change)| change.is_some())
            .map(|(key, _)| key)
            .take(limit);
        let merged: BTreeSet<&String> = kept.chain(written).collect();
        merged.into_iter().take(limit).cloned().collect()
    }
}

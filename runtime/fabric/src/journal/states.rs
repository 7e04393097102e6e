//! States of bindings: as they are, as they were before any run, and what receipts say of them.

use cryptlet_attest::BindingId;
use cryptlet_container::State;
use rusqlite::params;

use super::{Journal, JournalError, Writing};

impl Writing<'_> {
    /// Keeps what the run with the receipt at `leaf` changed.
    pub(crate) fn change_state(
        &self,
        binding: &BindingId,
        leaf: u64,
        changes: &std::collections::BTreeMap<String, Option<Vec<u8>>>,
    ) -> Result<(), JournalError> {
        for (key, value) in changes {
            match value {
                Some(value) => self.execute(
                    "INSERT INTO state (binding, key, value) VALUES (?1, ?2, ?3)
                     ON CONFLICT (binding, key) DO UPDATE SET value = excluded.value",
                    params![binding.as_bytes(), key, value],
                )?,
                None => self.execute(
                    "DELETE FROM state WHERE binding = ?1 AND key = ?2",
                    params![binding.as_bytes(), key],
                )?,
            };
            self.execute(
                "INSERT INTO state_change (binding, key, leaf, value) VALUES (?1, ?2, ?3, ?4)",
                params![binding.as_bytes(), key, leaf.cast_signed(), value],
            )?;
        }
        Ok(())
    }
}

impl Journal {
    /// The binding's state as the last successful run left it.
    pub(crate) fn state(&self, binding: &BindingId) -> Result<State, JournalError> {
        let rows = self.read().all(
            "SELECT key, value FROM state WHERE binding = ?1",
            [binding.as_bytes()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(rows.into_iter().collect())
    }

    /// The binding's state as the run `number` found it; as it is now if that has not run.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn state_before(&self, binding: &BindingId, number: u64) -> Result<State, JournalError> {
        let leaf = self.leaf_of(binding, number)?;
        self.state_until(binding, leaf)
    }

    /// The binding's state as the run `number` left it.
    pub(crate) fn state_after(
        &self,
        binding: &BindingId,
        number: u64,
    ) -> Result<State, JournalError> {
        let leaf = self.leaf_of(binding, number)?;
        self.state_until(binding, leaf.saturating_add(1))
    }

    /// The binding's state as it was before the leaf.
    pub(crate) fn state_until_leaf(
        &self,
        binding: &BindingId,
        leaf: u64,
    ) -> Result<State, JournalError> {
        self.state_until(binding, leaf.cast_signed())
    }

    fn state_until(&self, binding: &BindingId, leaf: i64) -> Result<State, JournalError> {
        let rows = self.read().all(
            "SELECT key, value FROM state_change AS change
             WHERE binding = ?1 AND value IS NOT NULL AND leaf = (
                 SELECT max(leaf) FROM state_change
                 WHERE binding = change.binding AND key = change.key AND leaf < ?2)",
            params![binding.as_bytes(), leaf],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(rows.into_iter().collect())
    }

    /// The leaf of the newest run or move that changed the binding's state before the run `number`
    /// did, whose salt is the one in that run's `state before`; none if the state was still empty
    /// and never written.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn last_change_before(
        &self,
        binding: &BindingId,
        number: u64,
    ) -> Result<Option<u64>, JournalError> {
        let leaf = self.leaf_of(binding, number)?;
        let changed: Option<Option<i64>> = self.read().one(
            "SELECT max(leaf) FROM state_change WHERE binding = ?1 AND leaf < ?2",
            params![binding.as_bytes(), leaf],
            |row| row.get(0),
        )?;
        Ok(changed.flatten().map(i64::cast_unsigned))
    }

    /// The salt of the run or move at `leaf`; none if the journal has neither.
    pub(super) fn salt_of_state(&self, leaf: u64) -> Result<Option<[u8; 32]>, JournalError> {
        self.read().one(
            "SELECT salt FROM state_rewrite WHERE leaf = ?1
             UNION ALL
             SELECT salt FROM execution JOIN invocation USING (binding, number)
             WHERE execution.leaf = ?1",
            [leaf.cast_signed()],
            |row| row.get(0),
        )
    }

    /// Where the receipt of a run stands; beyond every leaf if it has not run.
    fn leaf_of(&self, binding: &BindingId, number: u64) -> Result<i64, JournalError> {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let leaf: Option<i64> = self.read().one(
            "SELECT leaf FROM execution WHERE binding = ?1 AND number = ?2 AND ordinal = 0",
            params![binding.as_bytes(), number],
            |row| row.get(0),
        )?;
        Ok(leaf.unwrap_or(i64::MAX))
    }
}

//! What went between a run and its host: nothing that the journal would have to keep, for it follows
//! from the run's records.

use cryptlet_attest::BindingId;
use cryptlet_container::{Invocation, Traffic, Transcript};
use rusqlite::params;

use super::{Journal, JournalError, converted};

impl Journal {
    /// What went between the bound cryptlet and its host in one invocation; none if it has not run.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read, or what it has of the run is damaged.
    pub fn traffic(
        &self,
        binding: &BindingId,
        number: u64,
    ) -> Result<Option<Traffic>, JournalError> {
        let Ok(number) = i64::try_from(number) else {
            return Ok(None);
        };
        self.read().one(
            "SELECT input, transcript, reply FROM execution
             WHERE binding = ?1 AND number = ?2 AND ordinal = 0",
            params![binding.as_bytes(), number],
            |row| {
                let invocation = converted(row, 0, |input: Vec<u8>| {
                    Invocation::from_input_bytes(&input).map_err(|error| error.to_string())
                })?;
                let transcript = converted(row, 1, |transcript: Vec<u8>| {
                    Transcript::from_bytes(&transcript).map_err(|error| error.to_string())
                })?;
                let reply: Option<Vec<u8>> = row.get(2)?;
                Ok(Traffic::of(&invocation, &transcript, reply.as_deref()))
            },
        )
    }
}

//! Bindings on their way to their gateway.

use cryptlet_attest::BindingId;
use rusqlite::params;

use super::deliveries::{AttemptRow, Carries};
use super::{Journal, JournalError, Writing};

/// How far a binding is on its way to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RegistrationStatus {
    /// The gateway has not been asked, or did not know it.
    Open,
    /// A signed transaction that creates it is durable; the network may not have seen it.
    Built,
    /// A node has taken the transaction.
    Sent,
    /// The gateway has it, in a final block.
    Registered,
}

impl RegistrationStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Built => "built",
            Self::Sent => "sent",
            Self::Registered => "registered",
        }
    }
}

impl std::str::FromStr for RegistrationStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Open, Self::Built, Self::Sent, Self::Registered]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("{text} is no status of a registration"))
    }
}

impl Writing<'_> {
    /// Notes that the gateway has to be asked about a binding.
    pub(super) fn open_registration(&self, binding: &BindingId) -> Result<(), JournalError> {
        self.execute(
            "INSERT INTO registration (binding, status) VALUES (?1, 'open')",
            [binding.as_bytes()],
        )?;
        Ok(())
    }

    /// Moves a registration; an attempt that can never take effect is buried with it.
    pub(crate) fn move_registration(
        &self,
        binding: &BindingId,
        next: RegistrationStatus,
        dead: Option<[u8; 32]>,
    ) -> Result<(), JournalError> {
        if let Some(hash) = dead {
            self.bury_attempt(&hash)?;
        }
        self.execute(
            "UPDATE registration SET status = ?2 WHERE binding = ?1",
            params![binding.as_bytes(), next.as_str()],
        )?;
        Ok(())
    }

    /// Makes the signed transaction that creates a binding durable.
    ///
    /// # Errors
    ///
    /// If another live transaction has the nonce, or one that creates the binding is on its way.
    pub(crate) fn record_registration_attempt(
        &self,
        binding: &BindingId,
        ledger: &str,
        attempt: &AttemptRow,
    ) -> Result<(), JournalError> {
        let carried: Option<i64> = self.one(
            "SELECT 1 FROM attempt WHERE binding = ?1 AND ledger = ?2 AND delivery IS NULL AND change IS NULL AND dead = 0",
            params![binding.as_bytes(), ledger],
            |row| row.get(0),
        )?;
        if carried.is_some() {
            return Err(JournalError::Conflict(format!(
                "a transaction that creates binding {binding} is on its way already"
            )));
        }
        self.record_transaction(binding, ledger, Carries::Creation, attempt)?;
        self.move_registration(binding, RegistrationStatus::Built, None)
    }
}

impl Journal {
    /// How far a binding is on its way to the gateway; none if there is no such binding.
    pub(crate) fn registration(
        &self,
        binding: &BindingId,
    ) -> Result<Option<RegistrationStatus>, JournalError> {
        self.read().one(
            "SELECT status FROM registration WHERE binding = ?1",
            [binding.as_bytes()],
            |row| super::parsed(row, 0),
        )
    }

    /// The transaction that creates a binding, unless all that were to are dead.
    pub(crate) fn registration_attempt(
        &self,
        binding: &BindingId,
    ) -> Result<Option<AttemptRow>, JournalError> {
        self.read().one(
            "SELECT hash, account, nonce, raw, valid_until FROM attempt
             WHERE binding = ?1 AND delivery IS NULL AND change IS NULL AND dead = 0 ORDER BY rowid DESC LIMIT 1",
            [binding.as_bytes()],
            super::deliveries::attempt,
        )
    }
}

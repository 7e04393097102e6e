//! Deliveries on their way to a ledger, and the signed transactions that carry them.

use cryptlet_attest::{BindingId, BindingVersion, Digest, LeafHash, Measurement};
use rusqlite::params;
use serde::Serialize;

use super::{Journal, JournalError, Writing};

/// Where a delivery is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryStatus {
    /// Its receipt is durable; no transaction carries it.
    Sealed,
    /// A signed transaction is durable; the network may not have seen it.
    Built,
    /// A node has taken the transaction.
    Sent,
    /// A block holds it that may still be reorganised away.
    Included,
    /// Final, and the consumer's callback succeeded.
    Finalized,
    /// Final, but the consumer's callback failed: the number is used up and anybody may retry.
    CallbackFailed,
    /// Given up: the number is used up without a call.
    Skipped,
}

impl DeliveryStatus {
    /// Every status, in the order of the way.
    pub const ALL: [Self; 7] = [
        Self::Sealed,
        Self::Built,
        Self::Sent,
        Self::Included,
        Self::Finalized,
        Self::CallbackFailed,
        Self::Skipped,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Built => "built",
            Self::Sent => "sent",
            Self::Included => "included",
            Self::Finalized => "finalized",
            Self::CallbackFailed => "callback-failed",
            Self::Skipped => "skipped",
        }
    }

    /// Whether it stays so for good. A failed callback does not: somebody may retry it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Finalized | Self::Skipped)
    }

    /// Whether the fabric may move a delivery from here to `next`.
    ///
    /// A transaction that a reorganisation or an expiry took away opens its delivery again; what
    /// is final stays so, except that a failed callback may succeed when it is retried.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Sealed => !matches!(next, Self::Sent),
            Self::Built | Self::Sent | Self::Included => true,
            Self::Finalized | Self::Skipped => false,
            Self::CallbackFailed => matches!(next, Self::Finalized | Self::Skipped),
        }
    }
}

impl std::fmt::Display for DeliveryStatus {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::str::FromStr for DeliveryStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::Sealed,
            Self::Built,
            Self::Sent,
            Self::Included,
            Self::Finalized,
            Self::CallbackFailed,
            Self::Skipped,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| format!("{text} is no status of a delivery"))
    }
}

/// One delivery.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeliveryRow {
    /// The binding.
    pub binding: BindingId,
    /// The ledger's name.
    pub ledger: String,
    /// Its number on that ledger.
    pub delivery: u64,
    /// The invocation it came from.
    pub number: u64,
    /// The number that the cryptlet knows it by.
    pub submission: u64,
    /// The function it calls.
    pub action: String,
    /// The encoded call.
    #[serde(skip)]
    pub call: Vec<u8>,
    /// The binding's version when it was sealed.
    pub binding_version: BindingVersion,
    /// The module that made it.
    pub measurement: Measurement,
    /// Hash of the receipt's execution part.
    pub execution_hash: Digest,
    /// The receipt's log leaf hash.
    pub receipt_hash: LeafHash,
    /// How far it is.
    pub status: DeliveryStatus,
    /// Its operator gave it up: the gateway is to use up its number without a call.
    #[serde(skip)]
    pub given_up: bool,
    /// Why the ledger would not take it when last asked.
    pub refusal: Option<String>,
    /// The block that holds it.
    pub block: Option<u64>,
    /// That block's hash.
    #[serde(skip)]
    pub block_hash: Option<[u8; 32]>,
    /// What the transaction cost.
    pub gas_used: Option<u64>,
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Carries {
    /// The binding itself, to its gateway.
    Creation,
    /// This delivery.
    Delivery(u64),
    /// A message of this change of the binding.
    Change(u64),
}

/// Where a transaction stands and what it cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement {
    pub(crate) block: u64,
    pub(crate) block_hash: [u8; 32],
    pub(crate) gas_used: u64,
}

/// One signed transaction.
#[derive(Clone, Debug)]
pub struct AttemptRow {
    /// The transaction's hash.
    pub hash: [u8; 32],
    /// The account's key name.
    pub account: String,
    /// The nonce it uses up.
    pub nonce: u64,
    /// The signed bytes, as they are broadcast.
    pub raw: Vec<u8>,
    /// Chain time after which the gateway refuses it.
    pub valid_until: u64,
}

impl Writing<'_> {
    /// The number of the binding's next delivery, which is thereby taken.
    pub(crate) fn record_delivery(&self, row: &DeliveryRow) -> Result<(), JournalError> {
        self.execute(
            "INSERT INTO delivery (binding, ledger, delivery, number, submission, action, call,
                                   binding_version, measurement, execution_hash, receipt_hash, status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                row.binding.as_bytes(),
                row.ledger,
                row.delivery.cast_signed(),
                row.number.cast_signed(),
                row.submission.cast_signed(),
                row.action,
                row.call,
                row.binding_version.as_bytes(),
                row.measurement.as_bytes(),
                row.execution_hash.as_bytes(),
                row.receipt_hash.as_bytes(),
                row.status.as_str(),
            ],
        )?;
        self.execute(
            "UPDATE binding SET next_submission = max(next_submission, ?2 + 1) WHERE id = ?1",
            params![row.binding.as_bytes(), row.submission.cast_signed()],
        )?;
        Ok(())
    }

    /// Makes a signed transaction durable and moves its account's lane past the nonce.
    ///
    /// # Errors
    ///
    /// If another live transaction has the nonce.
    pub(crate) fn record_attempt(
        &self,
        delivery: &DeliveryRow,
        attempt: &AttemptRow,
    ) -> Result<(), JournalError> {
        // A caller that was cut off may have left one that it did not see become durable.
        let carried: Option<i64> = self.one(
            "SELECT 1 FROM attempt WHERE binding = ?1 AND ledger = ?2 AND delivery = ?3 AND dead = 0",
            params![
                delivery.binding.as_bytes(),
                delivery.ledger,
                delivery.delivery.cast_signed()
            ],
            |row| row.get(0),
        )?;
        if carried.is_some() {
            return Err(JournalError::Conflict(format!(
                "a transaction carries delivery {} already",
                delivery.delivery
            )));
        }
        self.record_transaction(
            &delivery.binding,
            &delivery.ledger,
            Carries::Delivery(delivery.delivery),
            attempt,
        )?;
        self.move_delivery(delivery, DeliveryStatus::Built, None)
    }

    /// Makes a signed transaction durable, whatever it carries, and moves its account's lane past
    /// the nonce.
    ///
    /// # Errors
    ///
    /// If another live transaction has the nonce.
    pub(super) fn record_transaction(
        &self,
        binding: &BindingId,
        ledger: &str,
        carries: Carries,
        attempt: &AttemptRow,
    ) -> Result<(), JournalError> {
        let (delivery, change) = match carries {
            Carries::Creation => (None, None),
            Carries::Delivery(delivery) => (Some(delivery), None),
            Carries::Change(change) => (None, Some(change)),
        };
        let used: Option<i64> = self.one(
            "SELECT 1 FROM attempt WHERE ledger = ?1 AND account = ?2 AND nonce = ?3 AND dead = 0",
            params![ledger, attempt.account, attempt.nonce.cast_signed()],
            |row| row.get(0),
        )?;
        if used.is_some() {
            return Err(JournalError::Conflict(format!(
                "nonce {} of account {} on {ledger} is taken",
                attempt.nonce, attempt.account
            )));
        }
        self.execute(
            "INSERT INTO lane (ledger, account, next_nonce) VALUES (?1, ?2, ?3)
             ON CONFLICT (ledger, account) DO UPDATE SET next_nonce = max(next_nonce, excluded.next_nonce)",
            params![ledger, attempt.account, attempt.nonce.cast_signed() + 1],
        )?;
        self.execute(
            "INSERT INTO attempt (hash, ledger, account, nonce, raw, binding, delivery, change, valid_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                attempt.hash,
                ledger,
                attempt.account,
                attempt.nonce.cast_signed(),
                attempt.raw,
                binding.as_bytes(),
                delivery.map(u64::cast_signed),
                change.map(u64::cast_signed),
                attempt.valid_until.cast_signed(),
            ],
        )?;
        Ok(())
    }

    /// Records that an attempt can never take effect.
    pub(crate) fn bury_attempt(&self, hash: &[u8; 32]) -> Result<(), JournalError> {
        self.execute("UPDATE attempt SET dead = 1 WHERE hash = ?1", [hash])?;
        Ok(())
    }

    /// Moves a delivery to another status; `placement` is kept if it is given.
    ///
    /// # Errors
    ///
    /// If it may not go there from where it is.
    pub(crate) fn move_delivery(
        &self,
        delivery: &DeliveryRow,
        next: DeliveryStatus,
        placement: Option<Placement>,
    ) -> Result<(), JournalError> {
        let now: Option<DeliveryStatus> = self.one(
            "SELECT status FROM delivery WHERE binding = ?1 AND ledger = ?2 AND delivery = ?3",
            params![
                delivery.binding.as_bytes(),
                delivery.ledger,
                delivery.delivery.cast_signed()
            ],
            |row| super::parsed(row, 0),
        )?;
        match now {
            Some(now) if now.may_become(next) => {}
            Some(now) => {
                return Err(JournalError::Conflict(format!(
                    "delivery {} is {now} and cannot become {next}",
                    delivery.delivery
                )));
            }
            None => {
                return Err(JournalError::Conflict(format!(
                    "there is no delivery {} of binding {}",
                    delivery.delivery, delivery.binding
                )));
            }
        }
        self.execute(
            "UPDATE delivery SET status = ?4, refusal = NULL, block = coalesce(?5, block),
                    block_hash = coalesce(?6, block_hash), gas_used = coalesce(?7, gas_used)
             WHERE binding = ?1 AND ledger = ?2 AND delivery = ?3",
            params![
                delivery.binding.as_bytes(),
                delivery.ledger,
                delivery.delivery.cast_signed(),
                next.as_str(),
                placement.map(|placement| placement.block.cast_signed()),
                placement.map(|placement| placement.block_hash),
                placement.map(|placement| placement.gas_used.cast_signed()),
            ],
        )?;
        Ok(())
    }

    /// Remembers that the operator gave a delivery up.
    pub(crate) fn give_up(&self, delivery: &DeliveryRow) -> Result<(), JournalError> {
        self.execute(
            "UPDATE delivery SET given_up = 1, refusal = NULL
             WHERE binding = ?1 AND ledger = ?2 AND delivery = ?3",
            params![
                delivery.binding.as_bytes(),
                delivery.ledger,
                delivery.delivery.cast_signed()
            ],
        )?;
        Ok(())
    }

    /// Remembers why the ledger would not take a delivery now.
    pub(crate) fn record_refusal(
        &self,
        delivery: &DeliveryRow,
        refusal: &str,
    ) -> Result<(), JournalError> {
        self.execute(
            "UPDATE delivery SET refusal = ?4 WHERE binding = ?1 AND ledger = ?2 AND delivery = ?3",
            params![
                delivery.binding.as_bytes(),
                delivery.ledger,
                delivery.delivery.cast_signed(),
                refusal
            ],
        )?;
        Ok(())
    }
}

/// See [`Journal::leaf_of_receipt`].
pub(super) const LEAF_OF_RECEIPT: &str =
    "SELECT leaf FROM delivery JOIN execution USING (binding, number)
     WHERE receipt_hash = ?1 AND ordinal = 0 LIMIT 1";

impl Journal {
    /// Deliveries of a binding, in order.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn deliveries(&self, binding: &BindingId) -> Result<Vec<DeliveryRow>, JournalError> {
        self.select("", [binding.as_bytes()])
    }

    /// The deliveries of a binding that are not final yet, in order.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn open_deliveries(&self, binding: &BindingId) -> Result<Vec<DeliveryRow>, JournalError> {
        self.select(
            "AND status NOT IN ('finalized', 'skipped')",
            [binding.as_bytes()],
        )
    }

    /// Where the log has the receipt with this hash, as the chain names it; none if no delivery came
    /// from it.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn leaf_of_receipt(&self, receipt: &LeafHash) -> Result<Option<u64>, JournalError> {
        let leaf: Option<i64> = self
            .read()
            .one(LEAF_OF_RECEIPT, [receipt.as_bytes()], |row| row.get(0))?;
        Ok(leaf.map(i64::cast_unsigned))
    }

    /// A delivery as it stands now.
    pub(crate) fn delivery(&self, row: &DeliveryRow) -> Result<Option<DeliveryRow>, JournalError> {
        let found = self.select(
            "AND ledger = ?2 AND delivery = ?3",
            params![
                row.binding.as_bytes(),
                row.ledger,
                row.delivery.cast_signed()
            ],
        )?;
        Ok(found.into_iter().next())
    }

    pub(super) fn select(
        &self,
        filter: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Vec<DeliveryRow>, JournalError> {
        self.read().all(
            &format!(
                "SELECT binding, ledger, delivery, number, submission, action, call, binding_version, measurement,
                        execution_hash, receipt_hash, status, refusal, block, block_hash, gas_used, given_up
                 FROM delivery WHERE binding = ?1 {filter} ORDER BY ledger, delivery"
            ),
            parameters,
            |row| {
                Ok(DeliveryRow {
                    binding: BindingId::from_bytes(row.get(0)?),
                    ledger: row.get(1)?,
                    delivery: row.get::<_, i64>(2)?.cast_unsigned(),
                    number: row.get::<_, i64>(3)?.cast_unsigned(),
                    submission: row.get::<_, i64>(4)?.cast_unsigned(),
                    action: row.get(5)?,
                    call: row.get(6)?,
                    binding_version: BindingVersion::from_bytes(row.get(7)?),
                    measurement: Measurement::from_bytes(row.get(8)?),
                    execution_hash: Digest::from_bytes(row.get(9)?),
                    receipt_hash: LeafHash::from_bytes(row.get(10)?),
                    status: super::parsed(row, 11)?,
                    refusal: row.get(12)?,
                    block: row.get::<_, Option<i64>>(13)?.map(i64::cast_unsigned),
                    block_hash: row.get(14)?,
                    gas_used: row.get::<_, Option<i64>>(15)?.map(i64::cast_unsigned),
                    given_up: row.get(16)?,
                })
            },
        )
    }

    /// The transaction that carries a delivery, unless all that did are dead.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn live_attempt(&self, delivery: &DeliveryRow) -> Result<Option<AttemptRow>, JournalError> {
        self.attempt(delivery, "AND dead = 0")
    }

    /// The newest transaction that carried a delivery.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn newest_attempt(
        &self,
        delivery: &DeliveryRow,
    ) -> Result<Option<AttemptRow>, JournalError> {
        self.attempt(delivery, "")
    }

    fn attempt(
        &self,
        delivery: &DeliveryRow,
        filter: &str,
    ) -> Result<Option<AttemptRow>, JournalError> {
        self.read().one(
            &format!(
                "SELECT hash, account, nonce, raw, valid_until FROM attempt
                 WHERE binding = ?1 AND ledger = ?2 AND delivery = ?3 {filter} ORDER BY rowid DESC LIMIT 1"
            ),
            params![
                delivery.binding.as_bytes(),
                delivery.ledger,
                delivery.delivery.cast_signed()
            ],
            attempt,
        )
    }

    /// The next nonce of an account, if the fabric ever sent from it.
    pub(crate) fn next_nonce(
        &self,
        ledger: &str,
        account: &str,
    ) -> Result<Option<u64>, JournalError> {
        let nonce: Option<i64> = self.read().one(
            "SELECT next_nonce FROM lane WHERE ledger = ?1 AND account = ?2",
            params![ledger, account],
            |row| row.get(0),
        )?;
        Ok(nonce.map(i64::cast_unsigned))
    }

    /// The status of one of the binding's submissions.
    pub(crate) fn submission(
        &self,
        binding: &BindingId,
        submission: u64,
    ) -> Result<Option<DeliveryRow>, JournalError> {
        let found = self.select(
            "AND submission = ?2",
            params![binding.as_bytes(), submission.cast_signed()],
        )?;
        Ok(found.into_iter().next())
    }
}

pub(super) fn attempt(row: &rusqlite::Row<'_>) -> rusqlite::Result<AttemptRow> {
    Ok(AttemptRow {
        hash: row.get(0)?,
        account: row.get(1)?,
        nonce: row.get::<_, i64>(2)?.cast_unsigned(),
        raw: row.get(3)?,
        valid_until: row.get::<_, i64>(4)?.cast_unsigned(),
    })
}

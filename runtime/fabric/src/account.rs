//! One account, one nonce at a time.

use tokio::sync::{Mutex, MutexGuard};

use crate::journal::{Journal, JournalError};

/// The account that pays on one ledger, for every binding that delivers there.
///
/// A nonce counts as taken once its signed transaction is in the journal. Until then nobody else may
/// choose: two that chose together would choose the same.
pub(crate) struct AccountLane {
    ledger: String,
    account: String,
    turn: Mutex<()>,
}

impl AccountLane {
    pub(crate) fn new(ledger: &str, account: &str) -> Self {
        Self {
            ledger: ledger.into(),
            account: account.into(),
            turn: Mutex::default(),
        }
    }

    /// Waits until whoever has the turn has made a transaction durable or given up.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        Turn {
            lane: self,
            _held: self.turn.lock().await,
        }
    }
}

/// The right to take the next nonce; keep it until the transaction with it is durable.
pub(crate) struct Turn<'a> {
    lane: &'a AccountLane,
    _held: MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// The account's next nonce. The chain's own count is `pending`; a node forgets its pool when
    /// it restarts, so the journal's goes before it.
    pub(crate) fn next_nonce(&self, journal: &Journal, pending: u64) -> Result<u64, JournalError> {
        let known = journal.next_nonce(&self.lane.ledger, &self.lane.account)?;
        Ok(known.map_or(pending, |known| known.max(pending)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::journal::DeliveryRow;
    use crate::journal::scene::{accept, attempt, bound, execute};

    /// What a delivery does between choosing its nonce and having a durable transaction.
    async fn build(
        lane: &AccountLane,
        journal: &Journal,
        row: DeliveryRow,
    ) -> Result<u64, JournalError> {
        let turn = lane.turn().await;
        let nonce = turn.next_nonce(journal, 0)?;
        // Signing takes a while, in which others come to choose.
        tokio::task::yield_now().await;
        journal
            .commit(move |writing| writing.record_attempt(&row, &attempt(nonce)))
            .await?;
        Ok(nonce)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_two_deliveries_that_are_built_at_once_take_one_nonce()
    -> Result<(), Box<dyn std::error::Error>> {
        let state = tempfile::tempdir()?;
        let (journal, binding) = bound(state.path()).await?;
        for key in 0..32 {
            let number = accept(&journal, binding, &key.to_string()).await?;
            execute(&journal, binding, number, &[]).await?;
        }
        let journal = Arc::new(journal);
        let lane = Arc::new(AccountLane::new("anvil", "account"));
        let tasks = journal.open_deliveries(&binding)?.into_iter().map(|row| {
            let (lane, journal) = (Arc::clone(&lane), Arc::clone(&journal));
            tokio::spawn(async move { build(&lane, &journal, row).await })
        });
        let mut nonces = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            nonces.push(task.await??);
        }
        nonces.sort_unstable();
        assert_eq!(nonces, (0..32).collect::<Vec<_>>());
        Ok(())
    }

    #[tokio::test]
    async fn a_node_that_forgot_its_pool_gives_no_nonce_twice()
    -> Result<(), Box<dyn std::error::Error>> {
        let state = tempfile::tempdir()?;
        let (journal, binding) = bound(state.path()).await?;
        let number = accept(&journal, binding, "a").await?;
        execute(&journal, binding, number, &[]).await?;
        let lane = AccountLane::new("anvil", "account");
        let row = journal.open_deliveries(&binding)?.remove(0);
        assert_eq!(build(&lane, &journal, row).await?, 0);
        let turn = lane.turn().await;
        assert_eq!(turn.next_nonce(&journal, 0)?, 1);
        assert_eq!(turn.next_nonce(&journal, 5)?, 5, "others use the account");
        Ok(())
    }
}

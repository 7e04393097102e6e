//! New blocks, told to those who wait for them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// Tells of new blocks, by ledger.
#[derive(Default)]
pub(crate) struct Blocks(Mutex<HashMap<String, watch::Sender<Option<u64>>>>);

impl Blocks {
    /// Hears of new blocks of a ledger.
    pub(crate) fn of(&self, ledger: &str) -> watch::Receiver<Option<u64>> {
        let mut ledgers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ledgers.entry(ledger.to_owned()).or_default().subscribe()
    }

    /// A node says that this is the newest block; a lower one than before may be another's in its
    /// place.
    pub(crate) fn newest(&self, ledger: &str, number: u64) {
        let mut ledgers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = ledgers.entry(ledger.to_owned()).or_default();
        newest.send_if_modified(|known| known.replace(number) != Some(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_block_wakes_those_who_follow_its_ledger_once() {
        let blocks = Blocks::default();
        let (mut follows, other) = (blocks.of("main"), blocks.of("other"));
        blocks.newest("main", 7);
        blocks.newest("main", 7);
        assert!(follows.has_changed().expect("it goes on"));
        follows.mark_unchanged();
        blocks.newest("main", 7);
        assert!(!follows.has_changed().expect("it goes on"));
        blocks.newest("main", 8);
        follows.changed().await.expect("it goes on");
        assert!(!other.has_changed().expect("it goes on"));
    }
}

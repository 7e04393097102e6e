//! Proving that an entry is in a big log, against the same in a small one.

use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use cryptlet_attest::log::{Hash, check_inclusion};
use cryptlet_fabric::journal::Journal;

use super::{Sizes, log};
use crate::contest::{Case, Contest};

/// Steps between the entries that are proven: coprime to every size, so that each comes in its turn
/// and none keeps to the tiles of the one before.
const STRIDE: u64 = 6_700_417;

/// Proofs are made one by one, from what the journal has on disk.
pub fn hold(sizes: &Sizes) -> Result<Case> {
    let folder = tempfile::tempdir()?;
    let [small, big] = sizes.logs;
    let mut small = Log::filled(&folder.path().join("small"), small)?;
    let mut big = Log::filled(&folder.path().join("big"), big)?;
    for log in [&mut small, &mut big] {
        log.verify_some()?;
    }
    Contest {
        case: "prove an entry of a log of 10,000,000",
        rival_name: "the same in a log of 1,000",
        unit: "proofs/s",
        bar: 0.05,
        amount: sizes.proofs,
        rounds: sizes.rounds,
    }
    .hold(|| big.prove(sizes.proofs), || small.prove(sizes.proofs))
}

struct Log {
    journal: Journal,
    size: u64,
    root: Hash,
    next: u64,
}

impl Log {
    fn filled(folder: &std::path::Path, size: u64) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (journal, root) = log::filled(folder, size)?;
        Ok(Self {
            journal,
            size,
            root,
            next: 0,
        })
    }

    fn index(&mut self) -> u64 {
        self.next = (self.next + STRIDE) % self.size;
        self.next
    }

    fn prove(&mut self, count: usize) -> Result<std::time::Duration> {
        let begin = Instant::now();
        for _ in 0..count {
            let index = self.index();
            self.journal
                .proof(index)?
                .context("the log has the entry")?;
        }
        Ok(begin.elapsed())
    }

    /// A log that was filled by hand must be one.
    fn verify_some(&mut self) -> Result<()> {
        for index in [0, self.size / 3, self.size - 1] {
            let (checkpoint, proof) = self
                .journal
                .proof(index)?
                .context("the log has the entry")?;
            check_inclusion(&proof, index, &log::leaf(index), self.size, &self.root)
                .map_err(|error| anyhow!("the proof of entry {index} is false: {error}"))?;
            anyhow::ensure!(checkpoint.size == self.size, "{checkpoint:?}");
        }
        Ok(())
    }
}

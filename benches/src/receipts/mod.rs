//! `cargo xtask bench receipts`: what sealing, verifying, proving and replaying cost.

mod log;
mod proving;
mod replaying;
mod sealing;
mod statement;
mod verifying;

use anyhow::Result;

use crate::contest::Case;

/// How much each case does.
pub struct Sizes {
    /// Receipts in one batch.
    pub batch: usize,
    /// Batches in one round of sealing.
    pub batches: usize,
    /// Proofs in one round of proving.
    pub proofs: usize,
    /// Entries of the small log and of the big one.
    pub logs: [u64; 2],
    /// Runs in one round of replaying.
    pub runs: usize,
    /// Rounds that count.
    pub rounds: usize,
}

impl Sizes {
    /// What the bars are promised for.
    pub const FULL: Self = Self {
        batch: 256,
        batches: 16,
        proofs: 64,
        logs: [1_000, 10_000_000],
        runs: 64,
        rounds: 31,
    };
}

/// Holds every contest about receipts.
///
/// # Errors
///
/// If the disk fails, or something that was made does not verify.
pub fn run(sizes: &Sizes) -> Result<Vec<Case>> {
    Ok(vec![
        sealing::hold(sizes)?,
        verifying::hold(sizes)?,
        proving::hold(sizes)?,
        replaying::hold(sizes)?,
    ])
}

#[cfg(test)]
mod tests {
    use crate::{plot, report};

    use super::*;

    #[test]
    fn every_case_runs_and_is_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        let sizes = Sizes {
            batch: 3,
            batches: 2,
            proofs: 4,
            logs: [10, 70_000],
            runs: 2,
            rounds: 1,
        };

        let cases = run(&sizes).expect("every case runs");
        report::write(&cases, "receipts", folder.path()).expect("the report is written");

        let text = std::fs::read(folder.path().join("receipts.json")).expect("it is there");
        let written: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let written = written.as_array().expect("a list");
        assert_eq!(written.len(), cases.len());
        for case in written {
            for figure in ["ours", "rival", "ratio", "bar"] {
                assert!(
                    case[figure].as_f64().is_some_and(|rate| rate > 0.0),
                    "{case}"
                );
            }
        }
        let picture = folder.path().join("again.svg");
        plot::draw(&cases, &picture).expect("it is drawn");
        let picture = std::fs::read_to_string(picture).expect("it is there");
        assert_eq!(picture.matches("against").count(), cases.len());
    }
}

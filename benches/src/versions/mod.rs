//! `cargo xtask bench versions`: what changing versions costs while everything runs.

mod check;
mod guest;
mod host;
mod load;
mod many;
mod starting;
mod swaps;

use std::sync::Arc;

use anyhow::{Result, ensure};
use tokio::sync::mpsc;

use crate::contest::Case;
use check::Seen;
use host::Stopped;
use load::Figures;
use swaps::{Moves, Operator};

pub use host::Host;
pub use load::{Lanes, Load};

/// How much the load does.
pub struct Sizes {
    /// Bindings; every second one is ordered and keeps state.
    pub bindings: usize,
    /// Callers of each binding, which send as soon as they are answered.
    pub callers: usize,
    /// Invocations while versions change.
    pub invocations: u64,
    /// Promotions and rollbacks among them.
    pub moves: usize,
    /// Stretches with moves, each beside one of a quarter of its length without.
    pub stretches: u64,
    /// Many bindings, served at once.
    pub many: many::Sizes,
    /// Versions that a host starts with.
    pub deployed: usize,
}

impl Sizes {
    /// What the bars are promised for.
    pub const FULL: Self = Self {
        bindings: 64,
        callers: 4,
        invocations: 1_000_000,
        moves: 200,
        stretches: 10,
        many: many::Sizes {
            cryptlets: 50,
            bindings: 1_000,
            invocations: 100,
            few: 50,
        },
        deployed: 1_000,
    };
}

/// Holds every contest about versions.
///
/// # Errors
///
/// If an invocation was lost, doubled, reordered or on a mixed version, or the disk fails.
pub fn run(sizes: &Sizes) -> Result<Vec<Case>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let swapped = runtime.block_on(swap_under_load(sizes))?;
    let mut cases = vec![swapped.case()];
    cases.extend(runtime.block_on(many::hold(&sizes.many))?);
    cases.push(starting::hold(sizes.deployed)?);
    Ok(cases)
}

/// A load while versions changed, and the same load while none did.
struct Loaded {
    with: Figures,
    without: Figures,
    moves: Moves,
    /// Messages by binding.
    sent: Vec<u64>,
}

/// A load with what its journal shows.
struct Swapped {
    loaded: Loaded,
    seen: Seen,
}

/// Puts a fabric under load, changes versions meanwhile, and checks all that it left.
async fn swap_under_load(sizes: &Sizes) -> Result<Swapped> {
    let (loaded, stopped) = load(sizes).await?;
    let seen = check::check(&stopped, &loaded.sent, &loaded.moves.first_after)?;
    ensure!(
        seen.moves == sizes.moves as u64 && loaded.moves.latencies.len() == sizes.moves,
        "{} moves were to be made; {} were, and the log tells of {}",
        sizes.moves,
        loaded.moves.latencies.len(),
        seen.moves
    );
    Ok(Swapped { loaded, seen })
}

/// The load in stretches with and without moves by turns, so that both have the same machine.
async fn load(sizes: &Sizes) -> Result<(Loaded, Stopped)> {
    let lanes = Arc::new(Lanes::default());
    let host = Host::start(2, sizes.bindings, Arc::clone(&lanes) as _).await?;
    let mut load = Load::new(&host, &lanes, sizes.callers)?;
    let mut operator = Operator::new(&host, &load);
    let stretch = sizes.invocations.div_ceil(sizes.stretches);
    let quiet = stretch.div_ceil(4);
    // Compiles, opens files and fills caches.
    load.drive(quiet, 1, None).await?;
    let (mut with, mut without) = (Figures::default(), Figures::default());
    let mut moves = Moves::default();
    for number in 0..sizes.stretches {
        let until = |number: u64| sizes.moves as u64 * number / sizes.stretches;
        let due = until(number + 1) - until(number);
        let pace = (stretch / (due + 1)).max(1);
        let (paces, paced) = mpsc::unbounded_channel();
        let most = usize::try_from(due)?;
        if number % 2 == 0 {
            without.add(load.drive(quiet, 1, None).await?);
        }
        let (figures, made) = tokio::join!(
            load.drive(stretch, pace, Some(paces)),
            operator.operate(most, paced)
        );
        with.add(figures?);
        moves.add(made?);
        if number % 2 == 1 {
            without.add(load.drive(quiet, 1, None).await?);
        }
    }
    drop(operator);
    let sent = load.end().await;
    let loaded = Loaded {
        with,
        without,
        moves,
        sent,
    };
    Ok((loaded, host.stop()?))
}

impl Swapped {
    fn case(self) -> Case {
        let Self { loaded, seen } = self;
        let (mut moves, mut with, mut without) = (loaded.moves, loaded.with, loaded.without);
        let milliseconds = |microseconds: f64| microseconds / 1_000.0;
        println!(
            "{} invocations of which none was lost, doubled, reordered or on a mixed version; \
             {} moves, the slowest of a hundred in {:.1} ms; {:.0} invocations/s with moves, {:.0} without",
            seen.invocations,
            seen.moves,
            milliseconds(moves.quantile(990)),
            with.rate(),
            without.rate(),
        );
        println!(
            "median latency {:.1} ms with moves, {:.1} ms without",
            milliseconds(with.quantile(500)),
            milliseconds(without.quantile(500)),
        );
        let ours = milliseconds(with.quantile(990));
        let rival = milliseconds(without.quantile(990));
        Case::of_times(
            "p99 latency while versions change",
            ours,
            "the same load on versions that stay",
            rival,
            "ms",
            1.0 / 1.2,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moves begin after each binding's fifth run.
    const SMALL: Sizes = Sizes {
        bindings: 6,
        callers: 2,
        invocations: 240,
        moves: 12,
        stretches: 2,
        many: many::Sizes {
            cryptlets: 4,
            bindings: 20,
            invocations: 5,
            few: 4,
        },
        deployed: 4,
    };

    #[tokio::test(flavor = "multi_thread")]
    async fn no_invocation_is_lost_doubled_reordered_or_on_a_mixed_version_while_versions_change() {
        let swapped = swap_under_load(&SMALL)
            .await
            .expect("the load goes through");

        assert_eq!(swapped.seen.moves, 12);
        assert_eq!(swapped.loaded.moves.first_after.len(), 12);
        // Warming up, both kinds of stretches, and what followed each move.
        assert_eq!(swapped.seen.invocations, 30 + 2 * 30 + 240 + 12);
        let case = swapped.case();
        assert!(case.ours > 0.0 && case.rival > 0.0, "{case:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_check_sees_what_a_faulty_fabric_would_leave() {
        let (loaded, stopped) = load(&SMALL).await.expect("the load goes through");
        let journal = rusqlite::Connection::open(&stopped.journal).expect("the journal opens");
        let verdict = |fault: &str, sent: &[u64]| {
            journal.execute_batch("SAVEPOINT whole").expect("it opens");
            journal.execute_batch(fault).expect("it is valid SQL");
            let verdict = check::of(&journal, &stopped, sent, &loaded.moves.first_after);
            journal
                .execute_batch("ROLLBACK TO whole; RELEASE whole")
                .expect("it is undone");
            verdict.map_err(|error| error.to_string())
        };
        assert!(verdict("", &loaded.sent).is_ok());
        let mut more = loaded.sent.clone();
        more[3] += 1;
        let lost = verdict("", &more).expect_err("one more was sent");
        assert!(lost.starts_with("binding-3: "), "{lost}");
        assert!(lost.contains("messages were sent"), "{lost}");
        for (fault, said) in [
            (
                "UPDATE execution SET version = '1.1.0' WHERE number = 3 AND version = '1.0.0'",
                "was accepted on 1.0.0",
            ),
            (
                "UPDATE execution SET reply = cast(replace(cast(reply AS text), '1.0.0', '1.1.0') AS blob)
                 WHERE number = 3",
                "invocation 3 was accepted on",
            ),
            (
                "UPDATE state_change SET value = (SELECT value FROM state_change AS before
                 WHERE before.leaf < state_change.leaf AND before.binding = state_change.binding
                 ORDER BY leaf DESC LIMIT 1)
                 WHERE leaf = (SELECT max(leaf) FROM state_change)",
                "which is not the count after it",
            ),
            (
                "PRAGMA defer_foreign_keys = on;
                 DELETE FROM leaf WHERE position = (SELECT leaf FROM execution WHERE number = 3)",
                "follows that of 2",
            ),
            (
                "PRAGMA defer_foreign_keys = on;
                 DELETE FROM leaf WHERE position = (SELECT leaf FROM invocation WHERE number = 3)",
                "was accepted after 2",
            ),
            (
                "PRAGMA defer_foreign_keys = on;
                 UPDATE leaf SET position = -1 WHERE position = (SELECT min(leaf) FROM execution);
                 UPDATE execution SET leaf = -1 WHERE leaf = (SELECT min(leaf) FROM execution)",
                "ran without being accepted",
            ),
        ] {
            let found = verdict(fault, &loaded.sent).expect_err(fault);
            assert!(found.contains(said), "{found}, after {fault}");
        }
    }
}

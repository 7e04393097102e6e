//! As many bindings as a host has on a busy day, all of them served at once.

use std::fs;
use std::sync::Arc;

use anyhow::{Result, ensure};

use super::check::{self, Seen};
use super::host::Host;
use super::load::{Figures, Lanes, Load};
use crate::contest::Case;

/// How many there are.
pub struct Sizes {
    pub cryptlets: usize,
    pub bindings: usize,
    /// Invocations of each binding.
    pub invocations: u64,
    /// Bindings of which each has as many callers as it takes for as many in all.
    pub few: usize,
}

/// Many bindings under load, and what they cost.
pub struct Many {
    pub figures: Figures,
    pub seen: Seen,
    /// Of the process, for each binding; none where the system does not tell.
    pub bytes_of_binding: Option<u64>,
}

/// Serves all bindings with a caller each; then a tenth of them; then few with as many callers in all.
///
/// # Errors
///
/// If an invocation was lost, doubled, reordered or on a mixed version, or the disk fails.
pub async fn hold(sizes: &Sizes) -> Result<[Case; 2]> {
    let many = serve(sizes.cryptlets, sizes.bindings, 1, sizes.invocations).await?;
    let tenth = |number: usize| number.div_ceil(10);
    let fewer = serve(
        tenth(sizes.cryptlets),
        tenth(sizes.bindings),
        1,
        sizes.invocations * 10,
    )
    .await?;
    let callers = sizes.bindings / sizes.few;
    let invocations = sizes.invocations * callers as u64;
    let few = serve(2, sizes.few, callers, invocations).await?;
    println!(
        "{} invocations of {} bindings over {} cryptlets{}",
        many.seen.invocations,
        sizes.bindings,
        sizes.cryptlets,
        many.bytes_of_binding
            .map_or_else(String::new, |bytes| format!(
                ", at {} KiB of memory for each binding",
                bytes / 1024
            ))
    );
    let case = |case, rival: &Many, rival_name, bar| {
        let (ours, rival) = (many.figures.rate(), rival.figures.rate());
        let ratio = ours / rival;
        Case {
            case,
            ours,
            rival,
            rival_name,
            unit: "invocations/s",
            ratio,
            bar,
            holds: ratio >= bar,
        }
    };
    Ok([
        case(
            "serve many bindings at once",
            &fewer,
            "a tenth of the bindings over a tenth of the cryptlets, a caller each",
            BAR,
        ),
        // What waits together runs together, and here nothing of one binding does.
        case(
            "the same many bindings",
            &few,
            "as many callers of few bindings over two cryptlets",
            0.0,
        ),
    ])
}

/// A binding more may cost what its rows and its state cost, and not more with each one besides.
const BAR: f64 = 0.5;

async fn serve(
    cryptlets: usize,
    bindings: usize,
    callers: usize,
    invocations: u64,
) -> Result<Many> {
    let lanes = Arc::new(Lanes::default());
    let host = Host::start(cryptlets, bindings, Arc::clone(&lanes) as _).await?;
    let before = memory();
    let mut load = Load::new(&host, &lanes, callers)?;
    let figures = load.drive(invocations * bindings as u64, 1, None).await?;
    let grown = memory()
        .zip(before)
        .map(|(now, before)| now.saturating_sub(before));
    let sent = load.end().await;
    let idle = sent.iter().filter(|sent| **sent == 0).count();
    ensure!(idle == 0, "{idle} bindings were never called");
    let stopped = host.stop()?;
    let seen = check::check(&stopped, &sent, &[])?;
    Ok(Many {
        figures,
        seen,
        bytes_of_binding: grown.map(|bytes| bytes / bindings as u64),
    })
}

/// Bytes of this process that are in memory, where the system tells.
fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_one_of_many_bindings_is_served() {
        let sizes = Sizes {
            cryptlets: 4,
            bindings: 20,
            invocations: 5,
            few: 4,
        };

        let many = serve(sizes.cryptlets, sizes.bindings, 1, sizes.invocations)
            .await
            .expect("all are served");

        assert_eq!(many.seen.invocations, 100);
        for case in hold(&sizes).await.expect("all are served") {
            assert!(case.ratio > 0.0, "{case:?}");
        }
    }
}

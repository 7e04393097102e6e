//! Nothing of an attack stays in the host's memory.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::folder;
use crate::host::Host;
use crate::verdict::Stage;

const ROUNDS: usize = 10;
/// What an allocator may keep for itself; one leaked memory of one guest per round is more.
const BYTES_KEPT: u64 = 24 << 20;

/// In a process of its own, so that no other test's memory is counted.
#[test]
fn hundreds_of_attacks_leave_the_host_as_large_as_it_was() -> Result<()> {
    let ended = Command::new(std::env::current_exe()?)
        .args(["--ignored", "--exact", "kept::attacks_in_rounds"])
        .output()?;
    ensure!(
        ended.status.success(),
        "{}{}",
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr)
    );
    Ok(())
}

#[test]
#[ignore = "the test above starts it"]
fn attacks_in_rounds() -> Result<()> {
    let host = Host::new(4)?;
    let mut armed = Vec::new();
    for (name, verdict) in folder::verdicts()? {
        if !matches!(verdict.stopped, Stage::Load | Stage::Grants) {
            let guest = host.arm(&folder::attack(&name)?)?;
            armed.push(guest.ok().context("what is not refused runs")?);
        }
    }
    let round = || armed.iter().try_for_each(|guest| host.run(guest).map(drop));
    // The first rounds fill what the pool and the allocator keep.
    (0..3).try_for_each(|_| round())?;
    let before = resident_bytes()?;
    (0..ROUNDS).try_for_each(|_| round())?;
    let kept = resident_bytes()?.saturating_sub(before);
    ensure!(kept < BYTES_KEPT, "{kept} bytes more than before");
    Ok(())
}

fn resident_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.context("no VmRSS")?.parse::<u64>()? << 10)
}

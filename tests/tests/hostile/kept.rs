//! Nothing of an attack stays in the host's memory.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::folder;
use crate::host::Host;
use crate::verdict::Stage;

const ROUNDS: usize = 10;
/// What an allocator may keep for itself: a tenth of it, leaked in each round, is found.
const BYTES_KEPT: u64 = 24 << 20;

/// Refused before, while and after they are compiled, and none of them takes long.
const REFUSED: [&str; 4] = [
    "foreign-import",
    "shared-memory",
    "wrong-export",
    "withheld-key",
];

/// In a process of its own, so that no other test's memory is counted.
#[test]
fn hundreds_of_attacks_leave_the_host_as_large_as_it_was() -> Result<()> {
    let ended = Command::new(std::env::current_exe()?)
        .args(["--ignored", "--exact", "kept::attacks_in_rounds"])
        .output()?;
    let said = String::from_utf8_lossy(&ended.stdout);
    // Under another name it would not have run, which is no failure either.
    ensure!(
        ended.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    Ok(())
}

#[test]
#[ignore = "the test above starts it"]
fn attacks_in_rounds() -> Result<()> {
    let host = Host::new(4)?;
    let (mut armed, mut refused) = (Vec::new(), Vec::new());
    for (name, verdict) in folder::verdicts()? {
        if !matches!(verdict.stopped, Stage::Load | Stage::Grants) {
            let guest = host.arm(&folder::attack(&name)?)?;
            armed.push(guest.ok().context("what is not refused runs")?);
        } else if REFUSED.contains(&name.as_str()) {
            refused.push(folder::attack(&name)?);
        }
    }
    ensure!(refused.len() == REFUSED.len(), "a folder has another name");
    let round = || {
        refused
            .iter()
            .try_for_each(|attack| host.suffer(attack).map(drop))?;
        armed.iter().try_for_each(|guest| host.run(guest).map(drop))
    };
    // The first rounds fill what the pool and the allocator keep.
    (0..3).try_for_each(|_| round())?;
    let (before, files) = (resident_bytes()?, open_files()?);
    (0..ROUNDS).try_for_each(|_| round())?;
    let kept = resident_bytes()?.saturating_sub(before);
    ensure!(kept < BYTES_KEPT, "{kept} bytes more than before");
    assert_eq!(open_files()?, files);
    Ok(())
}

fn open_files() -> Result<usize> {
    Ok(std::fs::read_dir("/proc/self/fd")?.count())
}

fn resident_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.context("no VmRSS")?.parse::<u64>()? << 10)
}

//! Compiled code that somebody changed on the disk.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use cryptlet_container::CacheSettings;

use crate::folder;
use crate::host::{Host, judge};

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder.join("compiled"))? {
        files.push(entry?.path());
    }
    Ok(files)
}

fn host(folder: &Path) -> Result<Host> {
    Host::keeping(CacheSettings {
        folder: folder.join("compiled"),
        key: folder.join("compiled.key"),
        bytes: 64 << 20,
    })
}

/// The code of a guest that eats memory, under the name of the honest cryptlet, and the other way
/// round: each is compiled again from what was measured.
#[test]
fn swapped_artefacts_are_not_run() -> Result<()> {
    let home = tempfile::tempdir()?;
    let attack = folder::attack("memory-eater")?;
    let untouched = {
        let host = host(home.path())?;
        let untouched = host.serve()?;
        host.suffer(&attack)?;
        untouched
    };
    let [one, other] = &entries(home.path())?[..] else {
        anyhow::bail!("two components were compiled");
    };
    let (ones, others) = (std::fs::read(one)?, std::fs::read(other)?);
    std::fs::write(one, others)?;
    std::fs::write(other, ones)?;

    let host = host(home.path())?;
    ensure!(!host.honest_is_from_the_cache());
    assert_eq!(host.serve()?, untouched);
    judge(&attack.verdict, &host.suffer(&attack)?)
}

/// Every entry with a bit turned in its head, its middle and its end.
#[test]
fn tampered_artefacts_are_not_run() -> Result<()> {
    let home = tempfile::tempdir()?;
    let untouched = host(home.path())?.serve()?;
    let kept = entries(home.path())?;
    let entry = kept.first().context("the honest cryptlet was compiled")?;
    let length = std::fs::read(entry)?.len();
    for place in [0, length / 2, length - 1] {
        let mut bytes = std::fs::read(entry)?;
        bytes[place] ^= 4;
        std::fs::write(entry, bytes)?;
        let host = host(home.path())?;
        ensure!(!host.honest_is_from_the_cache(), "byte {place}");
        assert_eq!(host.serve()?, untouched);
    }
    ensure!(host(home.path())?.honest_is_from_the_cache());
    Ok(())
}

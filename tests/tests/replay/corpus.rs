//! The bundles of `tests/corpus`: whatever this program becomes, it verifies and replays them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cryptlet_attest::TrustedKey;
use cryptlet_attest::bundle::{Bundle, Expectations, verify_bundle};
use cryptlet_fabric::replay::{RecordedRun, Replay, Replayer};

/// Bundles, the modules that they need, and the keys of the logs that they are from.
pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus"))
}

fn keys() -> Result<Vec<TrustedKey>> {
    let text = std::fs::read_to_string(folder().join("trust"))?;
    text.lines().map(|line| Ok(line.parse()?)).collect()
}

fn bundles() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for file in std::fs::read_dir(folder().join("bundles"))? {
        files.push(file?.path());
    }
    files.sort();
    Ok(files)
}

fn recorded(file: &Path) -> Result<(Bundle, RecordedRun)> {
    let bytes = std::fs::read(file)?;
    let expectations = Expectations {
        trust: keys()?,
        ..Expectations::default()
    };
    verify_bundle(&bytes, &expectations)?;
    let bundle = Bundle::from_bytes(&bytes)?;
    let recorded = RecordedRun::from_bundle(&bundle)?;
    Ok((bundle, recorded))
}

/// With the modules of the bundle, and those beside it.
fn replay(replayer: &Replayer, file: &Path) -> Result<Replay> {
    let (bundle, recorded) = recorded(file)?;
    for component in &bundle.modules {
        replayer.load(component)?;
    }
    for measurement in recorded.modules()?.keys() {
        let file = folder().join("modules").join(format!("{measurement}.wasm"));
        if !replayer.has(measurement) && file.is_file() {
            replayer.load(&std::fs::read(file)?)?;
        }
    }
    Ok(replayer.replay(&recorded)?)
}

#[test]
fn every_stored_bundle_is_verified_and_replayed() -> Result<()> {
    let replayer = Replayer::new()?;
    let mut outcomes = BTreeSet::new();
    for file in bundles()? {
        let name = file.display();
        let replay = replay(&replayer, &file).with_context(|| format!("{name}"))?;
        assert!(replay.is_reproduced(), "{name}: {replay:#?}");
        outcomes.extend(replay.executions.into_iter().map(|run| {
            let words: Vec<&str> = run.outcome.split(' ').take(2).collect();
            words.join(" ")
        }));
    }
    for outcome in [
        "ok",
        "failure output-schema",
        "trap unreachable",
        "limit fuel",
        "limit memory-bytes",
        "limit table-elements",
        "limit output-bytes",
        "limit log-bytes",
        "limit host-calls",
        "limit call-depth",
        "limit http-response-bytes",
        "limit transfer-bytes",
        "limit handles",
        "limit receipt-bytes",
    ] {
        assert!(
            outcomes.contains(outcome),
            "no run of `{outcome}` is stored"
        );
    }
    Ok(())
}

#[test]
fn every_stored_module_is_needed_and_has_its_name() -> Result<()> {
    let mut needed = BTreeSet::new();
    for file in bundles()? {
        needed.extend(recorded(&file)?.1.modules()?.into_keys());
    }
    for file in std::fs::read_dir(folder().join("modules"))? {
        let file = file?.path();
        let measurement = cryptlet_attest::Measurement::of(&std::fs::read(&file)?);
        let name = file.file_stem().and_then(|name| name.to_str());
        assert_eq!(name, Some(measurement.to_string().as_str()));
        assert!(
            needed.contains(&measurement),
            "nobody needs {}",
            file.display()
        );
    }
    Ok(())
}

#[test]
fn a_stored_bundle_is_not_reproduced_once_it_is_altered() -> Result<()> {
    let replayer = Replayer::new()?;
    let mut diverged = 0;
    for file in bundles()? {
        let (_, mut recorded) = recorded(&file)?;
        replay(&replayer, &file)?;
        recorded.run.execution.fuel += 1;
        assert!(!replayer.replay(&recorded)?.is_reproduced());
        recorded.run.execution.fuel -= 1;
        // Without its transcript the guest hears that there is nothing, or makes no call at all.
        if !std::mem::take(&mut recorded.transcript).is_empty() {
            let replay = replayer.replay(&recorded)?;
            let divergence = replay.divergence.context("the first call is not there")?;
            assert_eq!(divergence.path, [0], "{}", file.display());
            diverged += 1;
        }
    }
    assert!(diverged > 0);
    Ok(())
}

/// What a stranger hands in: a stored bundle with bytes changed here and there, whose module is as it
/// was. It is refused by name, comes out otherwise, or was changed where a replay does not look.
#[test]
fn a_damaged_bundle_never_stops_the_program() -> Result<()> {
    let replayer = Replayer::new()?;
    let (mut unreadable, mut refused, mut differing) = (0, 0, 0);
    for name in ["state-changed", "asks-sources-of-all-kinds", "swap-settles"] {
        let file = folder().join("bundles").join(format!("{name}.bundle"));
        replay(&replayer, &file)?;
        let bytes = std::fs::read(&file)?;
        for step in 0..200 {
            let mut damaged = bytes.clone();
            // Every part of the file, and every bit of a byte.
            let place = step * bytes.len() / 200;
            damaged[place] ^= 1 << (step % 8);
            let Ok(bundle) = Bundle::from_bytes(&damaged) else {
                unreadable += 1;
                continue;
            };
            match RecordedRun::from_bundle(&bundle).and_then(|run| replayer.replay(&run)) {
                Err(refusal) => {
                    assert!(!refusal.to_string().is_empty());
                    refused += 1;
                }
                Ok(replay) if !replay.is_reproduced() => differing += 1,
                Ok(_) => {}
            }
        }
    }
    assert!(unreadable > 0 && refused > 0 && differing > 0);
    Ok(())
}

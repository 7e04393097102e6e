//! Starting with many deployed versions: from compiled code that is kept, against compiling.

use std::time::{Duration, Instant};

use anyhow::Result;
use cryptlet_container::{CacheSettings, Container, Settings};
use wasm_encoder::{ComponentSection as _, CustomSection};

use crate::contest::Case;
use crate::shipped;

/// Versions that are compiled for each that the cache gives: compiling is only as fast as it is, the
/// hundredth time as the first.
const SAMPLE: usize = 10;

/// What is promised: a tenth of the time.
const BAR: f64 = 10.0;

/// Loads `versions` versions of the shipped `reference-rate`, all with other bytes, as a host does that
/// starts again, and compiles every tenth of them.
///
/// # Errors
///
/// If a version is not loaded, or the disk fails.
pub fn hold(versions: usize) -> Result<Case> {
    let shipped = shipped::reference_rate()?;
    let components: Vec<Vec<u8>> = (0..versions)
        .map(|number| other(&shipped, number))
        .collect();
    let folder = tempfile::tempdir()?;
    let keeping = || -> Result<Container> {
        Ok(Container::new(Settings {
            cache: Some(CacheSettings {
                folder: folder.path().join("compiled"),
                key: folder.path().join("key"),
                bytes: u64::MAX,
            }),
            ..Settings::default()
        })?)
    };
    load(&keeping()?, &components)?;
    let kept = load(&keeping()?, &components)?;
    let sample: Vec<Vec<u8>> = components.into_iter().step_by(SAMPLE).collect();
    let compiled = load(&Container::new(Settings::default())?, &sample)?;
    let rate = |versions: usize, time: Duration| versions as f64 / time.as_secs_f64();
    let (ours, rival) = (rate(versions, kept), rate(sample.len(), compiled));
    let ratio = ours / rival;
    Ok(Case {
        case: "start with the versions of a year",
        ours,
        rival,
        rival_name: "compiling them",
        unit: "versions/s",
        ratio,
        bar: BAR,
        holds: ratio >= BAR,
    })
}

/// The same component with other bytes, and so another measurement.
fn other(component: &[u8], number: usize) -> Vec<u8> {
    let mut other = component.to_vec();
    CustomSection {
        name: "number".into(),
        data: number.to_le_bytes().as_slice().into(),
    }
    .append_to_component(&mut other);
    other
}

/// Holds all of them until the last is loaded, as a host does.
fn load(container: &Container, components: &[Vec<u8>]) -> Result<Duration> {
    let begin = Instant::now();
    let loaded = components
        .iter()
        .map(|component| container.load(component))
        .collect::<Result<Vec<_>, _>>()?;
    let time = begin.elapsed();
    drop(loaded);
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_kept_and_compiled() {
        let case = hold(4).expect("both sides load");

        assert!(case.ours > 0.0 && case.rival > 0.0, "{case:?}");
    }
}

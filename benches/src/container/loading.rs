//! Loading a component whose code was kept from before, against compiling it.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use cryptlet_bench_runs::Guest;
use cryptlet_container::{CacheSettings, CodeOrigin, Container, Settings};

use super::Sizes;
use crate::contest::{Case, Contest};

const CACHE_BYTES: u64 = 64 << 20;

pub fn hold(sizes: &Sizes) -> Result<Case> {
    let component = Guest::Json.component()?;
    let folder = tempfile::tempdir()?;
    let keeping = Container::new(Settings {
        cache: Some(CacheSettings {
            folder: folder.path().join("compiled"),
            key: folder.path().join("compiled.key"),
            bytes: CACHE_BYTES,
        }),
        ..Settings::default()
    })?;
    let compiling = Container::new(Settings::default())?;
    keeping.load(&component)?;
    let found = keeping.load(&component)?.code_origin();
    ensure!(found == CodeOrigin::Cache, "the compiled code was not kept");
    let loads = |container: &Container| {
        let begin = Instant::now();
        for _ in 0..sizes.loads {
            black_box(container.load(&component)?);
        }
        Ok(begin.elapsed())
    };
    Contest {
        case: "load a component whose code was kept",
        rival_name: "loading the same by compiling it",
        unit: "loads/s",
        bar: 1.0 / 0.02,
        amount: sizes.loads,
        rounds: sizes.rounds.div_ceil(4),
    }
    .hold(|| loads(&keeping), || loads(&compiling))
}

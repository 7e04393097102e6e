//! Two versions of the swap: one in shadow beside the other, on live runs and on recorded ones, and
//! one as a canary.

use anyhow::{Context as _, Result, bail, ensure};
use cryptlet_fabric::binding::Promotion;
use cryptlet_fabric::journal::ShadowRunRow;
use cryptlet_fabric::replay::Replayer;
use cryptlet_fabric::shadow::FuelBound;
use cryptlet_fabric::versions::Stage;
use cryptlet_fabric::{Bounds, Fabric, FabricError, Seams};
use end_to_end::story::decided;
use end_to_end::swap::BINDING;
use end_to_end::{Components, World, world};
use semver::Version;

/// A world whose parties agreed to something else than usual.
async fn world(
    state: &std::path::Path,
    change: impl FnOnce(&mut cryptlet_fabric::Binding),
) -> Result<World> {
    let mut world = World::before_agreement(state, Components::read()?).await?;
    change(&mut world.binding);
    let terms = world.binding.terms_digest();
    world.approvals = [&world.acme, &world.globex]
        .into_iter()
        .map(|wallet| world::approve(wallet, terms))
        .collect::<Result<_>>()?;
    world.agree_on_the_chain().await?;
    world.admit().await?;
    Ok(world)
}

/// The same code under the next version: the manifest's number is as long as before.
fn as_patch(component: &[u8]) -> Result<Vec<u8>> {
    let old = br#"version = "1.0.0""#;
    let at: Vec<usize> = (0..component.len() - old.len())
        .filter(|at| component[*at..].starts_with(old))
        .collect();
    let [at] = at[..] else {
        bail!("{} places say which version this is", at.len());
    };
    let mut patched = component.to_vec();
    patched[at + old.len() - 2] = b'1';
    Ok(patched)
}

/// Ends a period and runs what it wakes; no delivery is needed for that.
async fn run_period(world: &World, fabric: &Fabric, period: usize) -> Result<()> {
    world.end_period(period).await?;
    ensure!(fabric.read_events(BINDING).await?.accepted == 1);
    let progress = fabric.execute_accepted(BINDING).await?;
    ensure!(progress.executed == 1, "{:?}", progress.waiting);
    fabric.shadow_runs_settled().await;
    Ok(())
}

fn runs(world: &World, fabric: &Fabric, version: &Version) -> Result<Vec<ShadowRunRow>> {
    let id = world.binding.id();
    Ok(fabric.journal().shadow_runs(&id, version, 100)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_waits_for_clean_shadow_runs_and_nothing_of_them_leaves() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = world(folder.path(), |binding| {
        binding.promotion = Some(Promotion {
            clean_shadow_runs: 2,
        });
    })
    .await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    let patch = fabric
        .deploy(as_patch(&world.components.swap)?)
        .await?
        .version;
    let next = fabric
        .deploy(world.components.swap_next.clone())
        .await?
        .version;
    for version in [&patch, &next] {
        fabric.shadow(BINDING, version, decided()).await?;
    }
    run_period(&world, &fabric, 1).await?;

    let refused = fabric.promote(BINDING, &patch, decided()).await;
    assert!(
        matches!(
            refused,
            Err(FabricError::TooFewShadowRuns {
                required: 2,
                found,
                ..
            }) if found < 2
        ),
        "{refused:?}"
    );
    // A run may have been left out on a busy machine, so that more than two can be needed.
    let mut period = 1;
    let id = world.binding.id();
    let active: Version = "1.0.0".parse()?;
    while fabric.journal().clean_shadow_runs(&id, &patch, &active)? < 2 {
        period += 1;
        run_period(&world, &fabric, period).await?;
    }
    let clean = runs(&world, &fabric, &patch)?;
    assert!(
        clean.iter().all(|run| run.differences.is_empty()),
        "{clean:?}"
    );
    assert!(
        clean
            .iter()
            .all(|run| run.fuel_active == run.fuel_candidate)
    );
    let differing = runs(&world, &fabric, &next)?;
    assert_eq!(
        differing.len(),
        clean.len(),
        "one slot is for all candidates"
    );
    for run in differing {
        let fields: Vec<&str> = run
            .differences
            .iter()
            .map(|found| found.field.as_str())
            .collect();
        assert!(
            fields.iter().all(|field| field.starts_with("event/")) && !fields.is_empty(),
            "1.1.0 publishes more: {fields:?}"
        );
    }
    let published = fabric.journal().published(&id)?;
    assert_eq!(published.len(), period, "one event of each live run");
    assert_eq!(fabric.journal().deliveries(&id)?.len(), period);

    let refused = fabric.promote(BINDING, &next, decided()).await;
    assert!(
        matches!(refused, Err(FabricError::TooFewShadowRuns { found: 0, .. })),
        "{refused:?}"
    );
    fabric.promote(BINDING, &patch, decided()).await?;
    // A rollback is not held up.
    assert_eq!(fabric.rollback(BINDING, decided()).await?, active);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_is_tried_on_the_recorded_past_without_the_outside() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = world(folder.path(), |_| ()).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    for period in 1..=2 {
        run_period(&world, &fabric, period).await?;
    }
    world.rates.close();
    drop(fabric);

    let journal = cryptlet_fabric::journal::Journal::open_for_reading(&world.state)?;
    let row = journal.binding(BINDING)?.context("it is bound")?;
    let components = &world.components;
    let patch = as_patch(&components.swap)?;
    let (runs, found) = tokio::task::spawn_blocking({
        let components = [
            components.swap.clone(),
            components.reference_rate.clone(),
            patch,
            components.swap_next.clone(),
        ];
        move || -> Result<_> {
            let replayer = Replayer::new()?;
            let mut measurements = Vec::new();
            for component in &components {
                measurements.push(replayer.load(component)?);
            }
            let mut found = Vec::new();
            let places = journal.runs_since(&row.document.id(), 0, None, 100)?;
            for place in &places {
                let recorded = journal
                    .recorded_run(&row, place.number)?
                    .context("it was recorded")?;
                for candidate in &measurements[2..] {
                    let run = replayer.shadow(&recorded, candidate, FuelBound::default())?;
                    found.push(run.differences.len());
                }
            }
            ensure!(journal.count_runs_since(&row.document.id(), u64::MAX)? == 0);
            Ok((places.len(), found))
        }
    })
    .await??;
    assert_eq!(runs, 2);
    let differs: Vec<bool> = found.iter().map(|count| *count > 0).collect();
    assert_eq!(
        differs,
        [false, true, false, true],
        "the patch is clean; 1.1.0 publishes more"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_breaks_its_bounds_is_withdrawn_by_the_fabric() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = world(folder.path(), |binding| binding.contract.ordered = false).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    let next = fabric
        .deploy(world.components.swap_next.clone())
        .await?
        .version;
    for period in 1..=2 {
        run_period(&world, &fabric, period).await?;
    }
    // 1.1.0 takes more fuel than 1.0.0, as it publishes more.
    let bounds = Bounds {
        max_errors: 0,
        max_fuel: 100,
        max_latency: u32::MAX,
        least_runs: 2,
    };
    fabric
        .canary_within(BINDING, &next, 1_000, bounds, decided())
        .await?;
    run_period(&world, &fabric, 3).await?;
    let id = world.binding.id();
    let stage = |fabric: &Fabric, version: &Version| -> Result<Stage> {
        let rows = fabric.journal().stages(&id)?;
        let row = rows.into_iter().find(|row| row.version == *version);
        Ok(row.context("it is deployed")?.stage)
    };
    assert_eq!(stage(&fabric, &next)?, Stage::Canary);
    drop(fabric);

    // What was counted before a restart counts after it.
    let fabric = world.open(Seams::live()?).await?;
    let (active, canary, found) = fabric.canary_figures(BINDING).context("it is watched")?;
    assert_eq!((active.runs, canary.runs), (2, 1));
    assert_eq!(found, bounds);
    assert!(canary.fuel > active.fuel);
    run_period(&world, &fabric, 4).await?;
    assert_eq!(stage(&fabric, &next)?, Stage::Deployed);
    assert!(fabric.canary_figures(BINDING).is_none());
    let moves = fabric.journal().version_moves(&id)?;
    let last = moves.last().context("there are moves")?;
    assert_eq!((last.by.as_str(), &last.version), ("fabric", &next));
    assert!(last.reason.contains("units of fuel"), "{}", last.reason);

    run_period(&world, &fabric, 5).await?;
    let ran: Vec<String> = fabric
        .journal()
        .executions()?
        .into_iter()
        .filter(|run| run.ordinal == 0)
        .map(|run| run.version)
        .collect();
    assert_eq!(ran, ["1.0.0", "1.0.0", "1.1.0", "1.1.0", "1.0.0"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_binding_has_no_canary() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = world(folder.path(), |_| ()).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    let next = fabric
        .deploy(world.components.swap_next.clone())
        .await?
        .version;
    let refused = fabric.canary(BINDING, &next, 50, decided()).await;
    assert!(
        matches!(refused, Err(FabricError::OrderedCanary { .. })),
        "{refused:?}"
    );
    Ok(())
}
